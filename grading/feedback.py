"""The page that a student gets back: the graded notebook with points and comments, without the hidden tests."""

from __future__ import annotations

import copy
import re
from collections.abc import Set
from pathlib import Path

from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import ClearHiddenTests, GetGrades

from grading.course import Course
from tools import notebook as stored

_TELLING_CHARACTERS = 8  # of a line; shorter ones are brackets
_COLOR = re.compile(r"\x1b\[[\d;]*m")
_LEFT_OUT = "[a line of the tests is left out here]"


def page(course: Course, name: str, student: str, graded: NotebookNode) -> str:
    """Return a graded notebook as HTML, with the marks that are in the gradebook now."""
    config = GenerateFeedback(coursedir=course.directory(), config=course.config()).config
    # What a submission displays must not run in the browser of whoever reads it.
    exporter = HTMLExporter(config=config, sanitize_html=True)
    exporter.register_preprocessor(GetGrades(config=config), enabled=True)
    resources = course.resources(name, student) | {"metadata": {"name": name}}
    body, _ = exporter.from_notebook_node(_without_hidden_tests(graded), resources)
    return str(body)


def write(course: Course, name: str, student: str, graded: NotebookNode) -> Path:
    """Write the page to ``feedback/<student>/<assignment>/``, and return where it is."""
    path = course.feedback / student / name / f"{name}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    stored.replace(path, page(course, name, student, graded).encode())
    return path


def _without_hidden_tests(graded: NotebookNode) -> NotebookNode:
    # The next class may get the same assignment. A traceback quotes the lines around the error, and a submission
    # may print what it finds of the tests.
    shown, _ = ClearHiddenTests().preprocess(copy.deepcopy(graded), {})
    hidden = _lines(graded) - _lines(shown)
    for cell in shown.cells:
        for output in cell.get("outputs", []):
            if utils.is_grade(cell) and output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]
            if "text" in output:
                output.text = _redacted(output.text, hidden)
            if "traceback" in output:
                output.traceback = [_redacted(text, hidden) for text in output.traceback]
            if "text/plain" in output.get("data", {}):
                output.data["text/plain"] = _redacted(output.data["text/plain"], hidden)
    return shown


def _lines(notebook: NotebookNode) -> set[str]:
    lines = {line.strip() for cell in notebook.cells for line in cell.source.splitlines()}
    return {line for line in lines if len(line) >= _TELLING_CHARACTERS}


def _redacted(text: str, hidden: Set[str]) -> str:
    kept = []
    for line in text.split("\n"):
        bare = _COLOR.sub("", line)
        kept.append(_LEFT_OUT if any(secret in bare for secret in hidden) else line)
    return "\n".join(kept)
