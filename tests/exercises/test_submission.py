"""What students hand in may be anything; what is graded is the assignment with their answers in it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from grading import assignment, submission
from grading.assignment import grade_id
from grading.submission import NotASubmission
from tests.exercises.synthetic import NAME, RIGHT, answered, cell, source, untouched

TEMPLATE = assignment.grading_template(source())
LOCKED = ("setup", "test_double", "test_total")


def merged(submitted: Any) -> tuple[list[Any], list[str]]:
    notebook, remarks = submission.merge(TEMPLATE, submitted)
    return notebook.cells, remarks


def names(cells: list[Any]) -> list[str]:
    return [grade_id(each) or each.source.splitlines()[0] for each in cells]


ALL = names(TEMPLATE.cells)


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"\x00\xff\xfe\x80" * 100, "cannot be read"),
        (b"\x89PNG\r\n\x1a\n\x00", "cannot be read"),
        (b"Here is my homework.", "cannot be read"),
        (b'{"cells": [', "cannot be read"),
        (b"[" * 200_000, "cannot be read"),
        (b'{"cells": [' + b'{"a": ' * 5_000 + b"1" + b"}" * 5_000 + b"]}", "cannot be read"),
        (b'{"cells": [' + b'{"source": ' * 600 + b"1" + b"}" * 600 + b"]}", "cannot be read"),
        (b'{"cells": [' + b"1" * 5_000 + b"]}", "cannot be read"),
        (b"[]", "no notebook"),
        (b"null", "no notebook"),
        (b'"cells"', "no notebook"),
        (b"{}", "no notebook"),
        (b'{"cells": null}', "no notebook"),
        (b'{"cells": {"0": {}}}', "no notebook"),
        (b'{"worksheets": [{"cells": []}], "nbformat": 3}', "no notebook"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_no_notebook_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str):
    with pytest.raises(NotASubmission, match=reason):
        submission.read(written(tmp_path, content))


def test_a_missing_huge_or_linked_file_is_refused(tmp_path: Path):
    with pytest.raises(NotASubmission, match="cannot be read"):
        submission.read(tmp_path / "missing.ipynb")
    with pytest.raises(NotASubmission, match="cannot be read"):
        submission.read(tmp_path)
    huge = tmp_path / "huge.ipynb"
    with huge.open("wb") as file:
        file.truncate(submission.LARGEST_BYTES + 1)
    with pytest.raises(NotASubmission, match="20 MB; 20 are allowed"):
        submission.read(huge)
    link = tmp_path / "link.ipynb"
    link.symlink_to(written(tmp_path, untouched()))
    with pytest.raises(NotASubmission, match="a link"):
        submission.read(link)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_notebook_is_read_in_every_encoding_of_json(tmp_path: Path, encoding: str):
    content = json.dumps(answered(why="Größe"), ensure_ascii=False).encode(encoding)
    cells, _ = merged(submission.read(written(tmp_path, content)))
    assert cells[ALL.index("why")].source == "Größe"


def test_the_notebook_of_the_assignment_is_found_or_the_only_one(tmp_path: Path):
    with pytest.raises(NotASubmission, match=f"no notebook called {NAME}.ipynb"):
        submission.find(tmp_path / "missing", NAME)
    (tmp_path / f"{NAME}.ipynb").mkdir()
    with pytest.raises(NotASubmission, match="no notebook"):
        submission.find(tmp_path, NAME)
    (tmp_path / "mine (1).ipynb").touch()
    assert submission.find(tmp_path, NAME).name == "mine (1).ipynb"
    (tmp_path / "old.ipynb").touch()
    with pytest.raises(NotASubmission, match=f"2 notebooks, none of them called {NAME}.ipynb"):
        submission.find(tmp_path, NAME)
    (tmp_path / f"{NAME}.ipynb").rmdir()
    (tmp_path / f"{NAME}.ipynb").touch()
    assert submission.find(tmp_path, NAME).name == f"{NAME}.ipynb"


def test_answers_are_taken_and_all_else_is_the_assignments():
    submitted = answered()
    submitted.metadata["kernelspec"] = {"name": "mine"}
    cells, remarks = merged(submitted)
    assert remarks == []
    assert names(cells) == ALL
    for answer, text in RIGHT.items():
        assert cells[ALL.index(answer)].source == text
    for given in LOCKED:
        assert cells[ALL.index(given)] == TEMPLATE.cells[ALL.index(given)]
    assert "secret_number" in cells[ALL.index("test_double")].source
    assert submission.merge(TEMPLATE, submitted)[0].metadata == TEMPLATE.metadata
    assert assignment.grading_template(source()) == TEMPLATE  # it serves every student


def test_sources_may_be_lists_of_lines():
    submitted = answered()
    for each in submitted.cells:
        each.source = each.source.splitlines(keepends=True)
    cells, remarks = merged(submitted)
    assert (names(cells), remarks) == (ALL, [])
    assert cells[ALL.index("double")].source == RIGHT["double"]
    assert submission.changed_tests(TEMPLATE, untouched(), submitted) == []


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        "text",
        [],
        {},
        {"cell_type": None},
        {"cell_type": ["code"]},
        {"cell_type": "code"},
        {"cell_type": "code", "source": None},
        {"cell_type": "code", "source": 3, "metadata": None},
        {"cell_type": "code", "source": {"a": 1}, "metadata": []},
        {"cell_type": "markdown", "source": [1, None, ["x"]], "metadata": "nbgrader"},
        {"cell_type": "code", "source": "", "metadata": {"nbgrader": None}},
        {"cell_type": "code", "source": "", "metadata": {"nbgrader": ["grade_id"]}},
        {"cell_type": "code", "source": "", "metadata": {"nbgrader": {"grade_id": 5}}},
        {"cell_type": "code", "source": "", "metadata": {"nbgrader": {"grade_id": ["double"]}}},
        {"cell_type": "raw", "source": "raw", "metadata": {}},
        {"cell_type": "heading", "source": "title", "level": 1, "metadata": {}},
    ],
)
def test_odd_cells_cost_nobody_the_rest(tmp_path: Path, odd: Any):
    raw = json.loads(json.dumps(answered()))
    for place in (0, 4, len(raw["cells"])):
        raw["cells"].insert(place, copy.deepcopy(odd))
    submitted = submission.read(written(tmp_path, raw))
    cells, remarks = merged(submitted)
    assert remarks == []
    assert [each for each in names(cells) if each in ALL] == ALL
    assert cells[[grade_id(each) for each in cells].index("double")].source == RIGHT["double"]
    assert all(isinstance(each.source, str) for each in cells)
    assert submission.changed_tests(TEMPLATE, untouched(), submitted) == []


def test_text_that_cannot_be_written_is_made_into_some_that_can(tmp_path: Path):
    content = json.dumps(answered(why="half a character: \ud83d")).encode()
    assert b"\\ud83d" in content
    cells, _ = merged(submission.read(written(tmp_path, content)))
    assert cells[ALL.index("why")].source.encode().startswith(b"half a character: ")


def test_changed_tests_are_put_right_and_remarked_on():
    submitted = answered({"test_double": "pass", "setup": "import math, os"})
    cells, _ = merged(submitted)
    for given in LOCKED:
        assert cells[ALL.index(given)] == TEMPLATE.cells[ALL.index(given)]
    remarks = submission.changed_tests(TEMPLATE, untouched(), submitted)
    assert remarks == ["had been changed, and put right: setup, test_double"]
    assert submission.changed_tests(TEMPLATE, untouched(), source()) == []  # an instructor tries the reference


def test_deleted_cells_are_put_back_in_their_places():
    submitted = answered()
    submitted.cells = [each for each in submitted.cells if grade_id(each) in ("total", "why")]
    cells, remarks = merged(submitted)
    assert names(cells) == ALL
    assert cells[ALL.index("double")] == TEMPLATE.cells[ALL.index("double")]
    assert cells[ALL.index("total")].source == RIGHT["total"]
    assert remarks == ["had been deleted, and put back: setup, double, test_double, test_total"]


def test_moved_cells_are_put_in_order():
    submitted = answered()
    submitted.cells.reverse()
    cells, _ = merged(submitted)
    assert names(cells) == ALL
    assert cells[ALL.index("total")].source == RIGHT["total"]


def test_of_a_cell_that_is_there_twice_the_first_counts():
    submitted = answered()
    for text in ("def double(x):\n    return 0", "1 / 0"):
        again = copy.deepcopy(cell(submitted, "double"))
        again.source = text
        submitted.cells.append(again)
    cells, remarks = merged(submitted)
    assert names(cells) == ALL
    assert cells[ALL.index("double")].source == RIGHT["double"]
    assert remarks == ["there twice, of which the first counts: double"]


def test_added_cells_stay_where_they_stood():
    submitted = answered()
    at = [grade_id(each) for each in submitted.cells].index
    submitted.cells.insert(at("test_total"), new_code_cell("total([5])"))
    submitted.cells.insert(at("double"), new_code_cell("import numpy as np", metadata={"tags": ["skip-execution"]}))
    submitted.cells.insert(0, new_markdown_cell("My name"))
    submitted.cells += [new_code_cell("  "), new_raw_cell("raw"), new_code_cell("done = True")]
    cells, remarks = merged(submitted)
    assert remarks == []
    order = names(cells)
    assert [each for each in order if each in ALL] == ALL
    assert order[0] == "My name"
    assert order.index("setup") < order.index("import numpy as np") < order.index("double")
    assert order.index("total") < order.index("total([5])") < order.index("test_total")
    assert order[-1] == "done = True"
    assert len(order) == len(ALL) + 4
    assert not any(each.metadata for each in cells if not grade_id(each))


def test_metadata_that_would_give_more_points_is_ignored():
    submitted = answered()
    cell(submitted, "test_total").metadata.nbgrader.points = 1000
    cell(submitted, "double").metadata.nbgrader.update(grade=True, points=50, solution=False, locked=True)
    cell(submitted, "why").metadata.nbgrader.update(grade=False, solution=False)
    added = copy.deepcopy(cell(submitted, "test_total"))
    added.metadata.nbgrader.update(grade_id="test_bonus", points=99)
    added.source = "assert True"
    submitted.cells.append(added)
    notebook, _ = submission.merge(TEMPLATE, submitted)
    assert assignment.marks(notebook) == assignment.marks(TEMPLATE)
    assert cell(notebook, "why").source == RIGHT["why"]


def test_what_a_submission_claims_to_have_put_out_is_gone():
    submitted = answered()
    for each in submitted.cells:
        each.attachments = {"x.png": {"image/png": "AAAA"}}
        if each.cell_type == "code":
            each.outputs, each.execution_count = [{"output_type": "stream", "name": "stdout", "text": "passed"}], 9
    cells, _ = merged(submitted)
    assert not any(each.get("outputs") or each.get("execution_count") or "attachments" in each for each in cells)


@pytest.mark.parametrize(
    "other",
    [
        new_notebook(),
        new_notebook(cells=[new_code_cell("1 + 1"), new_markdown_cell("Text")]),
        new_notebook(cells=[new_code_cell("1", metadata={"nbgrader": {"grade_id": "test_other", "points": 5}})]),
    ],
)
def test_another_assignments_notebook_is_refused(other: Any):
    with pytest.raises(NotASubmission, match="not one cell of this assignment"):
        submission.merge(TEMPLATE, other)


def test_texts_that_would_take_hours_to_render_are_cut_and_masses_of_cells_left_out():
    submitted = answered(why="[" * 10**6, double=RIGHT["double"] + "#" * submission.LONGEST_TEXT)
    submitted.cells += [new_markdown_cell(f"cell {number}") for number in range(1_000)]
    cells, remarks = merged(submitted)
    assert len(cells) == len(ALL) + submission.MOST_ADDED
    assert max(len(each.source) for each in cells) == submission.LONGEST_TEXT
    assert remarks == [
        "longer than 20000 characters, and cut: double, why",
        "1000 cells had been added, of which the first 50 count",
    ]
