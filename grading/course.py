"""nbgrader's side of a course: its folders, its gradebook, and the preprocessors that read and write it."""

from __future__ import annotations

import os
import sysconfig
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bleach  # type: ignore[import-untyped]
import pandas as pd
from nbconvert.filters import markdown2html
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveAutoGrades, SaveCells
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from grading import assignment
from grading.assignment import CONFIG, EXERCISES

# No pictures: they would tell another's server who reads the page, and when.
_TAGS = """
    a abbr b blockquote br caption code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i kbd li mark ol p pre s
    span strong sub summary sup table tbody td tfoot th thead tr u ul
"""
_ATTRIBUTES = {"*": ["class", "id"], "a": ["href", "title"], "td": ["align"], "th": ["align"]}


def safe_markdown(source: str) -> str:
    """Return Markdown as HTML in which nothing runs and nothing is fetched; other HTML is shown as text."""
    return bleach.clean(markdown2html(source), tags=_TAGS.split(), attributes=_ATTRIBUTES)


@dataclass(frozen=True)
class Course:
    """A folder with the layout that nbgrader knows: submitted/, autograded/, feedback/, gradebook.db."""

    folder: Path = EXERCISES

    @property
    def submitted(self) -> Path:
        """Where submissions are put: ``submitted/<student>/<assignment>/``."""
        return self.folder / "submitted"

    @property
    def autograded(self) -> Path:
        """Graded notebooks, as nbgrader's formgrader reads them."""
        return self.folder / "autograded"

    @property
    def feedback(self) -> Path:
        """A page for each student and assignment."""
        return self.folder / "feedback"

    @property
    def database(self) -> str:
        """The gradebook's address. It waits for another program's write instead of giving up."""
        return f"sqlite:///{self.folder / 'gradebook.db'}?timeout=60"

    def config(self) -> Config:
        """Return the settings with which nbgrader works in this folder."""
        config = Config({"CourseDirectory": {"root": str(self.folder), "db_url": self.database}})
        config.merge(CONFIG)
        # nbgrader's templates trust what a submission's Markdown holds, and that a grader's browser may run it.
        config.HTMLExporter.filters = {"markdown2html": safe_markdown}
        return config

    def directory(self) -> CourseDirectory:
        """Return what nbgrader's own programs know the folder by."""
        return CourseDirectory(config=self.config())

    @contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        """Open the gradebook, and close it afterwards."""
        self.folder.mkdir(parents=True, exist_ok=True)
        scripts, path = sysconfig.get_path("scripts"), os.environ.get("PATH", "")
        if scripts not in path.split(os.pathsep):  # a new gradebook is made with the help of a program, alembic
            os.environ["PATH"] = os.pathsep.join([scripts, path])
        book = Gradebook(self.database)
        try:
            yield book
        finally:
            book.close()

    def register(self, name: str, source: NotebookNode) -> None:
        """Tell the gradebook of an assignment's cells and points, as they are now.

        Raises:
            RuntimeError: if cells came or went and there are submissions already.
        """
        with self.gradebook() as book:
            book.update_or_create_assignment(name)
        SaveCells(config=self.config()).preprocess(assignment.grading_template(source), self.resources(name, "."))

    def save(self, name: str, student: str, graded: NotebookNode) -> None:
        """Write a graded notebook's automatic marks to the gradebook; marks given by hand stay as they are."""
        with self.gradebook() as book, warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader builds its rows in an order that SQLAlchemy regrets
            book.update_or_create_student(student)
            book.update_or_create_submission(name, student)
        SaveAutoGrades(config=self.config()).preprocess(graded, self.resources(name, student))

    def marks(self, name: str, student: str) -> Mapping[str, Any] | None:
        """Return what the gradebook says of a submission, or None if it knows of none."""
        with self.gradebook() as book:
            try:
                submission = book.find_submission(name, student)
            except MissingEntry:
                return None
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            return {
                "assignment": name,
                "student": student,
                "points": submission.score,
                "of": submission.max_score,
                "waits for a hand": sum(grade.max_score for grade in grades if grade.needs_manual_grade),
                "parts": {grade.name: grade.score for grade in grades},
            }

    def table(self) -> pd.DataFrame:
        """Return all marks, a row for each student and assignment."""
        with self.gradebook() as book:
            there = [(submission.assignment.name, submission.student.id)
                     for each in book.assignments for submission in each.submissions]  # fmt: skip
        rows = [self.marks(name, student) for name, student in sorted(there)]
        columns = ["assignment", "student", "points", "of", "waits for a hand"]
        return pd.DataFrame([row for row in rows if row], columns=columns)

    def resources(self, name: str, student: str) -> dict[str, Any]:
        """Return what nbgrader's preprocessors have to be told of a submission."""
        return {"nbgrader": {"notebook": name, "assignment": name, "student": student, "db_url": self.database}}
