"""Every assignment keeps the form, and its tests tell right answers from wrong ones."""

from __future__ import annotations

import functools

import pytest
from nbformat import NotebookNode

from grading import assignment, release
from tests.exercises import table
from tests.exercises.table import Answer
from tools import notebook as stored

NAMES = assignment.names()


@functools.cache
def source(name: str) -> NotebookNode:
    return assignment.source(name)


def full(name: str) -> dict[str, int]:
    return {mark.grade_id: mark.points for mark in assignment.marks(source(name)) if not mark.by_hand}


def test_every_chapter_and_the_exercises_8_to_10_have_an_assignment():
    assert {int(name[:2]) for name in NAMES} == set(range(1, 11))
    chapters = {path.stem for path in stored.chapter_paths()}
    assert chapters == {name for name in NAMES if int(name[:2]) <= 7}


@pytest.mark.parametrize("name", NAMES)
def test_the_form_is_kept(name: str):
    assert table.form_problems(source(name)) == []
    ids = [cell.id for cell in source(name).cells]
    assert len(set(ids)) == len(ids)
    release.confirm_nothing_leaks(assignment.student_version(source(name)))


@pytest.mark.parametrize("name", NAMES)
def test_every_test_is_failed_by_some_answer(name: str):
    answers = table.answers(name)
    assert len(answers) >= 6
    assert len({answer.what for answer in answers}) == len(answers)
    tested = {test for answer in answers for test in answer.lost}
    assert tested == set(full(name)), "some test cell is failed by no answer"


@pytest.mark.grading
@pytest.mark.parametrize("name", NAMES)
def test_answers_get_exactly_the_marks_they_deserve(name: str):
    wrong = []
    reference = table.run(source(name))
    wrong += [f"the reference solution: {cell}: {error}" for cell, error in reference.errors.items()]
    untouched = table.run(assignment.grading_template(source(name)))
    everything = Answer("untouched", {}, full(name))
    wrong += [f"untouched: {problem}" for problem in table.problems_of(everything, untouched, full(name))]
    for answer in table.answers(name):
        outcome = table.run(source(name), answer.cells)
        wrong += [f"{answer.what}: {problem}" for problem in table.problems_of(answer, outcome, full(name))]
    assert wrong == []
