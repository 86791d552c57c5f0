"""The page that a student gets back: the graded notebook with points and comments, without the hidden tests."""

from __future__ import annotations

import copy
from pathlib import Path

from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import ClearHiddenTests, GetGrades

from grading.course import Course
from tools import notebook as stored


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
    # The next class may get the same assignment. A traceback quotes the lines around the error.
    shown, _ = ClearHiddenTests().preprocess(copy.deepcopy(graded), {})
    for cell in shown.cells:
        if cell.cell_type == "code" and utils.is_grade(cell):
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
    return shown
