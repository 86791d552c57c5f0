"""A small assignment and what students make of it; it needs no TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader import utils

from grading import assignment
from grading.assignment import grade_id
from grading.course import Course
from grading.limits import Limits
from tools import notebook as stored

NAME = "42_sums"
SHORT = Limits(
    cell_seconds=2,
    total_seconds=60,
    memory_bytes=600 * 10**6,
    processes=60,
    disk_bytes=20 * 10**6,
    output_bytes=20_000,
    flood_bytes=5 * 10**6,
)

DOUBLE = """\
def double(x):
    ### BEGIN SOLUTION
    return x + x  # the model's way
    ### END SOLUTION"""
TEST_DOUBLE = """\
assert double(2) == 4, "Twice 2 is 4."
### BEGIN HIDDEN TESTS
for secret_number in (-3, 17):
    assert double(secret_number) == 2 * secret_number, "Other numbers too."
### END HIDDEN TESTS"""
TOTAL = """\
def total(numbers):
    ### BEGIN SOLUTION
    return math.fsum(numbers)
    ### END SOLUTION"""
TEST_TOTAL = """\
assert total([1, 2]) == 3, "1 and 2 are 3."
### BEGIN HIDDEN TESTS
assert total([]) == 0, "Nothing is 0."
### END HIDDEN TESTS"""
WHY = """\
### BEGIN SOLUTION
*Model answer.* Rounding loses the small ones.

**Rubric.** 8 points: says what is lost.
### END SOLUTION"""

# Right, and not in the words of the reference.
RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "total": "def total(numbers):\n    return sum(numbers)",
    "why": "Because the last digits go.",
}
FULL = {"test_double": 4, "test_total": 8}
NONE = {"test_double": 0, "test_total": 0}
SECRETS = ("fsum", "the model's way", "Model answer", "Rubric", "secret_number", "Nothing is 0", "Other numbers too")


def _graded(name: str, *, solution: bool = False, points: int | None = None) -> dict[str, Any]:
    of = {} if points is None else {"points": points}
    settings = {"grade": points is not None, "solution": solution, "locked": not solution, "task": False}
    return {"nbgrader": {"grade_id": name, "schema_version": 3, **settings, **of}}


def locked(name: str) -> dict[str, Any]:
    """Return the metadata of a cell with given code."""
    return _graded(name)


def source() -> NotebookNode:
    """Return the assignment's source: 12 points by tests, 8 by hand."""
    cells = [
        new_markdown_cell("# Assignment 42: sums\n\nAdd up.", id="title"),
        new_code_cell("import math", id="setup", metadata=_graded("setup")),
        new_markdown_cell("## Part 1", id="part-1"),
        new_code_cell(DOUBLE, id="double", metadata=_graded("double", solution=True)),
        new_code_cell(TEST_DOUBLE, id="test-double", metadata=_graded("test_double", points=4)),
        new_markdown_cell("## Part 2", id="part-2"),
        new_code_cell(TOTAL, id="total", metadata=_graded("total", solution=True)),
        new_code_cell(TEST_TOTAL, id="test-total", metadata=_graded("test_total", points=8)),
        new_markdown_cell("## Part 3: why not add in any order?", id="part-3"),
        new_markdown_cell(WHY, id="why", metadata=_graded("why", solution=True, points=8)),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the first cell of that grade_id."""
    return next(each for each in notebook.cells if grade_id(each) == name)


def untouched() -> NotebookNode:
    """Return what a student is given."""
    return assignment.student_version(source())


def answered(cells: Mapping[str, str] | None = None, **more: str) -> NotebookNode:
    """Return a right submission, with the source of some cells replaced."""
    notebook = untouched()
    for name, text in {**RIGHT, **(cells or {}), **more}.items():
        cell(notebook, name).source = text
    return notebook


def hand_in(course: Course, student: str, content: NotebookNode | bytes, *, name: str = NAME) -> Path:
    """Put a submission where it belongs, and return its path."""
    folder = course.submitted / student / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def use(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the commands find this assignment, and no other, in a folder of its own."""
    path = folder / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(stored.serialize(source()))
    for function in (assignment.names, assignment.select, assignment.source):
        monkeypatch.setattr(function, "__defaults__", (folder,))


def marks(notebook: NotebookNode) -> dict[str, float]:
    """Return what nbgrader reads from the test cells of a notebook that was run."""
    tests = [each for each in notebook.cells if utils.is_grade(each) and not utils.is_solution(each)]
    return {grade_id(each): utils.determine_grade(each)[0] for each in tests}


def printed(notebook: NotebookNode, name: str) -> str:
    """Return all text that a cell put out, errors among it."""
    parts = []
    for output in cell(notebook, name).outputs:
        parts += [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
        parts += map(str, output.get("data", {}).values())
    return "\n".join(parts)
