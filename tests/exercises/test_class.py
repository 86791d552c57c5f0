"""Whole classes on the real assignments, graded in sandboxes: ``make test-grading``; it takes a quarter of an hour."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import psutil
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from grading import assignment
from grading.assignment import grade_id
from grading.course import Course
from grading.grade import Grader
from grading.limits import DEFAULT
from tests.exercises import table
from tests.exercises.synthetic import hand_in
from tools.environment import ROOT

pytestmark = [pytest.mark.grading, pytest.mark.usefixtures("sandboxed", "nothing_left")]

QUICKEST = "05_gradient_clipping"
SIZE = 60
# Each kind is a cell that runs before all others; what it leaves to the rest is all or nothing.
SURVIVED = {
    "raises": "raise SystemExit(1)",
    "loops": "while True:\n    pass",
    "takes 100 GB": "x = bytearray(100 * 10**9)",
    "prints": "for _ in range(3 * 10**5):\n    print('0123456789')",
    "fills the disk": "with open('/tmp/x', 'wb') as file:\n    while True:\n        file.write(bytes(10**7))",
    "deletes": f"import os, shutil\nassert not os.path.exists({str(ROOT / 'tests')!r})\nshutil.rmtree('/tmp')",
    "reads": "open('/etc/passwd').read()",
    "calls home": "import urllib.request\nurllib.request.urlopen('http://192.0.2.1', timeout=5)",
    "claims": "print('passed')\nget_ipython().displayhook(1e9)",
    "shows a script": "from IPython.display import display, HTML\ndisplay(HTML('<script>alert(1)</script>'))",
}
FATAL = {
    "ends the kernel": "import os\nos._exit(0)",
    "crashes": "import ctypes\nctypes.string_at(0)",
    "cannot be interrupted": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "forks": "import os, time\nwhile True:\n    if not os.fork():\n        time.sleep(1000)",
    "shares memory": "import mmap\nm = mmap.mmap(-1, 6 * 10**9)\nfor i in range(0, len(m), 4096):\n    m[i] = 1",
    "swallows errors": "get_ipython()._showtraceback = lambda *args: None",
    "removes assertions": (
        "import ast\nclass Gone(ast.NodeTransformer):\n    def visit_Assert(self, node):\n        return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Gone())"
    ),
}
BROKEN = {
    "is empty": b"",
    "is a picture": b"\x89PNG\r\n\x1a\n\x00",
    "is nested": b"[" * 10**5,
    "is another's": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
}


def full(name: str) -> dict[str, float]:
    return {mark.grade_id: mark.points for mark in assignment.marks(assignment.source(name)) if not mark.by_hand}


def submitted(name: str, cells: Mapping[str, str], *, first: str = "") -> NotebookNode:
    """Return the student's version with the reference solution in it, except for these cells."""
    solved = {grade_id(cell): cell.source for cell in assignment.source(name).cells if grade_id(cell)}
    notebook = assignment.student_version(assignment.source(name))
    for cell in notebook.cells:
        if grade_id(cell) and not cell.metadata.nbgrader.locked:
            cell.source = cells.get(grade_id(cell), solved[grade_id(cell)])
    if first:
        notebook.cells.insert(0, new_code_cell(first))
    return notebook


def earned(course: Course, name: str, student: str) -> dict[str, float]:
    marks = course.marks(name, student)
    assert marks is not None, f"{student} was lost"
    return {test: marks["parts"][test] for test in full(name)}


@pytest.mark.parametrize("name", assignment.names())
def test_in_a_sandbox_every_answer_gets_the_marks_of_the_table(name: str, course: Course):
    nothing = dict.fromkeys(full(name), 0.0)
    expected = {"reference": full(name), "untouched": nothing}
    hand_in(course, "reference", assignment.source(name), name=name)
    hand_in(course, "untouched", assignment.student_version(assignment.source(name)), name=name)
    for number, answer in enumerate(table.answers(name)):
        student = f"{number:02} {answer.what}"[:60].replace("/", " ")
        hand_in(course, student, submitted(name, answer.cells), name=name)
        expected[student] = {test: points - answer.lost.get(test, 0) for test, points in full(name).items()}
    grader = Grader(name, course)
    results = grader.grade_all(2)
    assert sorted(result.student for result in results) == sorted(expected)
    remarks = {student: grader.remarks(student) for student in expected}
    assert {student: earned(course, name, student) for student in expected} == expected, remarks
    assert not remarks["reference"]
    assert not remarks["untouched"]


def of_sixty() -> dict[str, tuple[NotebookNode | bytes, dict[str, float]]]:
    """Return a class: what each student hands in, and the marks that it deserves."""
    name, everything = QUICKEST, full(QUICKEST)
    nothing = dict.fromkeys(everything, 0.0)
    students: dict[str, tuple[NotebookNode | bytes, dict[str, float]]] = {}
    for what, code in SURVIVED.items():
        students[f"hostile: {what}"] = submitted(name, {}, first=code), everything
    for what, code in FATAL.items():
        students[f"hostile: {what}"] = submitted(name, {}, first=code), nothing
    for what, content in BROKEN.items():
        students[f"broken: {what}"] = content, nothing
    answers = table.answers(name)
    for number in range(SIZE - len(students)):
        if number % 3 == 0:
            students[f"right {number:02}"] = submitted(name, {}), everything
        else:
            answer = answers[number % len(answers)]
            deserved = {test: points - answer.lost.get(test, 0) for test, points in everything.items()}
            students[f"wrong {number:02}"] = submitted(name, answer.cells), deserved
    return students


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_class_of_sixty_is_graded_unattended(
    jobs: int, course: Course, capsys: pytest.CaptureFixture[str], took: dict[int, float]
):
    students = of_sixty()
    assert len(students) == SIZE
    for student, (content, _) in students.items():
        hand_in(course, student, content, name=QUICKEST)
    limits = replace(DEFAULT, cell_seconds=30, total_seconds=240)
    grader = Grader(QUICKEST, course, limits=limits)
    started, descriptors = time.monotonic(), psutil.Process().num_fds()
    results = grader.grade_all(jobs)
    took[jobs] = time.monotonic() - started
    assert psutil.Process().num_fds() <= descriptors + 10
    assert len(results) == SIZE
    remarks = {student: grader.remarks(student) for student in students}
    expected = {student: deserved for student, (_, deserved) in students.items()}
    assert {student: earned(course, QUICKEST, student) for student in students} == expected, remarks
    assert not [student for student in students if student.startswith(("right", "wrong")) and remarks[student]]
    assert len(list(course.feedback.glob("*/*/*.html"))) == SIZE
    assert grader.waiting() == []
    with capsys.disabled():
        print(f"\n{SIZE} submissions, {jobs} at a time: {took[jobs]:.0f} s, {took[jobs] / SIZE:.1f} s each", end="")
        if 1 in took and jobs != 1:
            print(f"; {took[1] / took[jobs]:.2f} times as fast as one at a time")


@pytest.fixture(scope="module")
def took() -> dict[int, float]:
    """Seconds by number of jobs."""
    return {}
