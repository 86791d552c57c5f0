"""An assignment's one source, and the student's version of it.

``exercises/source/NAME/NAME.ipynb`` holds text, solutions, visible and hidden tests, and points. nbgrader's own
preprocessors make the student's version: solutions become a stub, hidden tests go, and so do all outputs.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)
from traitlets.config import Config

from tools import notebook as stored
from tools.environment import ROOT

EXERCISES = ROOT / "exercises"
SOURCE = EXERCISES / "source"

STUB = 'raise NotImplementedError("replace this line with your answer")'
TEXT_STUB = "*Your answer.*"

CONFIG = Config(
    {
        "ClearSolutions": {"code_stub": {"python": STUB}, "text_stub": TEXT_STUB},
        "GenerateAssignment": {"create_assignment": True},
    }
)


@dataclass(frozen=True)
class Mark:
    """A cell that earns points."""

    grade_id: str
    points: int
    by_hand: bool


def names(folder: Path = SOURCE) -> list[str]:
    """Return the assignments' names, in the order of the course."""
    return sorted(path.stem for path in folder.glob("*/*.ipynb") if path.stem == path.parent.name)


def select(wanted: str, folder: Path = SOURCE) -> str:
    """Find the assignment that a number (``2``, ``02``) or a name stands for.

    Raises:
        LookupError: if there is none; the message lists those there are.
    """
    there = names(folder)
    found = [name for name in there if name == wanted or name.startswith(f"{wanted:0>2}_")]
    if wanted and found:
        return found[0]
    known = "\n".join(f"  {name}" for name in there)
    asked = f"no such assignment: {wanted}" if wanted else "say which assignment, as in ASSIGNMENT=02"
    raise LookupError(f"{asked}. There are:\n{known}")


def source(name: str, folder: Path = SOURCE) -> NotebookNode:
    """Read an assignment's source notebook."""
    return stored.parse((folder / name / f"{name}.ipynb").read_bytes())


def student_version(notebook: NotebookNode) -> NotebookNode:
    """Return what a student is given of a source notebook: no solution, no hidden test, no output."""
    return _passed_through(
        notebook, [LockCells, ClearSolutions, ClearOutput, ClearHiddenTests, ComputeChecksums, CheckCellMetadata]
    )


def grading_template(notebook: NotebookNode) -> NotebookNode:
    """Return the student's version with the hidden tests still in it: what a submission is graded against."""
    return _passed_through(notebook, [LockCells, ClearSolutions, ClearOutput, ComputeChecksums, CheckCellMetadata])


def _passed_through(notebook: NotebookNode, preprocessors: Sequence[type]) -> NotebookNode:
    made = copy.deepcopy(notebook)
    for preprocessor in preprocessors:
        made, _ = preprocessor(config=CONFIG).preprocess(made, {})
    return made


def grade_id(cell: Mapping[str, Any]) -> str:
    """Return nbgrader's name of a cell, empty if it has none."""
    found: Any = cell
    for key in ("metadata", "nbgrader", "grade_id"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def marks(notebook: NotebookNode) -> list[Mark]:
    """Return the cells that earn points, in order."""
    return [
        Mark(cell.metadata.nbgrader.grade_id, int(cell.metadata.nbgrader.points), bool(utils.is_solution(cell)))
        for cell in notebook.cells
        if utils.is_grade(cell)
    ]
