"""Answers to assignments, right and wrong, and the marks they deserve: the tables in ``answers/``, and how they run.

Each answer is run in this process, in a namespace of its own, cell by cell as a kernel would: a cell that raises
does not stop the rest. TensorFlow is imported once, so a whole table takes seconds. That a submission gets the same
marks in a sandboxed kernel is for the tests of grading.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from nbformat import NotebookNode
from nbgrader import utils

from grading import assignment
from grading.assignment import grade_id
from tools import notebook as stored

CELL_LINES = 25
LINE_LENGTH = 92


@dataclass(frozen=True)
class Answer:
    """One way to answer an assignment."""

    what: str
    cells: Mapping[str, str]
    """The whole source of each solution cell that differs from the reference solution."""
    lost: Mapping[str, int]
    """The test cells that fail, with the points they cost. All others earn their marks."""
    says: Mapping[str, str] = field(default_factory=dict)
    """A part of the message with which a test cell names the misconception."""


@dataclass(frozen=True)
class Outcome:
    """What became of one answer."""

    earned: dict[str, int]
    errors: dict[str, str]
    seconds: dict[str, float]


def answers(name: str) -> list[Answer]:
    """Return the table of an assignment."""
    table: list[Answer] = importlib.import_module(f"tests.exercises.answers.{name}").ANSWERS
    return table


def run(notebook: NotebookNode, cells: Mapping[str, str] | None = None) -> Outcome:
    """Run the notebook with some solution cells replaced, and mark its automatic test cells."""
    unknown = set(cells or {}) - {grade_id(cell) for cell in notebook.cells if utils.is_solution(cell)}
    if unknown:
        raise KeyError(f"no solution cell is called {', '.join(sorted(unknown))}")
    plt.switch_backend("agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    outcome = Outcome({}, {}, {})
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        label = grade_id(cell) or f"cell {number + 1}"
        code = (cells or {}).get(label, cell.source)
        start = time.perf_counter()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(code, label, "exec"), namespace)
        except Exception as error:
            outcome.errors[label] = "".join(traceback.format_exception_only(error)).strip()
        outcome.seconds[label] = time.perf_counter() - start
        plt.close("all")
        if utils.is_grade(cell):
            outcome.earned[label] = 0 if label in outcome.errors else int(cell.metadata.nbgrader.points)
    return outcome


def problems_of(answer: Answer, outcome: Outcome, full: Mapping[str, int]) -> list[str]:
    """Say where an answer's marks are not those that it deserves."""
    found = [
        f"{test}: {outcome.earned[test]} of {points} points, deserved {points - answer.lost.get(test, 0)}"
        + (f"; it says: {outcome.errors[test]}" if test in outcome.errors else "")
        for test, points in full.items()
        if outcome.earned[test] != points - answer.lost.get(test, 0)
    ]
    found += [
        f"{test}: the message does not say {words!r}: {outcome.errors.get(test, 'no error')}"
        for test, words in answer.says.items()
        if words not in outcome.errors.get(test, "")
    ]
    return found + [f"no test cell is called {test}" for test in {**answer.lost, **answer.says} if test not in full]


def form_problems(notebook: NotebookNode) -> list[str]:
    """Say what is wrong with the form of an assignment's source."""
    found = []
    ids = [grade_id(cell) for cell in notebook.cells if grade_id(cell)]
    found += [f"two cells are called {name}" for name in sorted({name for name in ids if ids.count(name) > 1})]
    for number, cell in enumerate(notebook.cells, start=1):
        label = f"cell {number} ({grade_id(cell) or cell.cell_type})"
        lines = cell.source.splitlines()
        if cell.cell_type == "code":
            if cell.outputs or cell.execution_count is not None:
                found.append(f"{label} is stored with outputs")
            if not grade_id(cell):
                found.append(f"{label} has no grade_id: given code is locked, the rest is solution or test")
            shown = [line for line in lines if "BEGIN" not in line and "END" not in line]
            if not utils.is_grade(cell) and len(shown) > CELL_LINES:
                found.append(f"{label} has {len(shown)} lines, at most {CELL_LINES} are allowed")
            found += [f"{label} has a line of {len(line)} characters" for line in lines if len(line) > LINE_LENGTH]
        if utils.is_solution(cell) and "### BEGIN SOLUTION" not in lines and "BEGIN SOLUTION" not in cell.source:
            found.append(f"{label} has no solution region")
        if utils.is_grade(cell) and utils.is_solution(cell) and "**Rubric.**" not in cell.source:
            found.append(f"{label} is graded by hand and has no rubric")
        if utils.is_grade(cell) and not utils.is_solution(cell):
            if "### BEGIN HIDDEN TESTS" not in cell.source:
                found.append(f"{label} has no hidden test")
            if not grade_id(cell).startswith("test_"):
                found.append(f"{label} should be called test_…")
    marks = assignment.marks(notebook)
    if not any(mark.by_hand for mark in marks):
        found.append("no question is graded by hand")
    if sum(mark.points for mark in marks) not in (20, 30):
        found.append(f"{sum(mark.points for mark in marks)} points; an assignment has 20 or 30")
    if sum(mark.points for mark in marks if not mark.by_hand) < 12:
        found.append("fewer than 12 points are given automatically")
    return found


def main(name: str) -> int:
    """Run a whole table and print what became of it."""
    notebook = assignment.source(name)
    student = assignment.student_version(notebook)
    folder = Path(tempfile.gettempdir(), "students")
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.ipynb").write_bytes(stored.serialize(student))
    full = {mark.grade_id: mark.points for mark in assignment.marks(notebook) if not mark.by_hand}
    failed = form_problems(notebook)
    reference = Answer("the reference solution", {}, {})
    untouched = Answer("the student's version, untouched", {}, full)
    hidden = assignment.grading_template(notebook)
    for answer in [reference, untouched, *answers(name)]:
        outcome = run(hidden if answer is untouched else notebook, answer.cells)
        problems = problems_of(answer, outcome, full)
        if answer is reference:
            problems += [f"{cell}: {error}" for cell, error in outcome.errors.items()]
        failed += problems
        total = f"{sum(outcome.earned.values())}/{sum(full.values())}"
        print(f"{'wrong' if problems else 'ok   '} {total:>6} {sum(outcome.seconds.values()):6.1f} s  {answer.what}")
        for problem in problems:
            print(f"        {problem}")
        slow = {cell: round(took, 1) for cell, took in outcome.seconds.items() if took > 5}
        if slow:
            print(f"        slow cells: {slow}")
    print("\n".join(failed) if failed else "all as deserved")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
