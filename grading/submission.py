"""What a student handed in, made into a notebook that can be graded: the assignment's cells, the student's answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader import utils

from grading.assignment import grade_id

LARGEST_BYTES = 20 * 10**6
LONGEST_TEXT = 20_000  # characters of a cell: what takes Markdown and its like a second can take hours at ten times it
MOST_ADDED = 50


class NotASubmission(Exception):
    """The file cannot be graded; the message says why. It gets no points, and stays where it is."""


def find(folder: Path, name: str) -> Path:
    """Find the notebook in a student's folder: the one of the assignment's name, or the only one there is.

    Raises:
        NotASubmission: if there is none, or it cannot be told which.
    """
    if (folder / f"{name}.ipynb").is_file():
        return folder / f"{name}.ipynb"
    there = sorted(path for path in folder.glob("*.ipynb") if path.is_file())
    if len(there) != 1:
        what = f"{len(there)} notebooks, none of them" if there else "no notebook"
        raise NotASubmission(f"{what} called {name}.ipynb in the folder")
    return there[0]


def read(path: Path) -> NotebookNode:
    """Read a file that may be anything.

    Raises:
        NotASubmission: if it is no notebook.
    """
    try:
        if path.is_symlink():
            raise NotASubmission("the file is a link to another file")
        if path.stat().st_size > LARGEST_BYTES:
            raise NotASubmission(f"the file has {path.stat().st_size / 1e6:.0f} MB; 20 are allowed")
        content = path.read_bytes()
        if not content.strip():
            raise NotASubmission("the file is empty")
        raw = json.loads(content)
        if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
            raise NotASubmission("the file is no notebook of format 4")
        notebook: NotebookNode = nbformat.from_dict(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise NotASubmission(f"the file cannot be read as a notebook: {error}") from error
    return notebook


def merge(template: NotebookNode, submitted: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """Put a student's answers into the assignment as it was handed out.

    Every cell of the assignment is there, in its order; tests and given code are the assignment's, whatever
    became of them. Only the text of the answers is the student's, and cells that the student added stay
    behind the cell that they stood behind.

    Args:
        template: the assignment with its hidden tests, without solutions.
        submitted: what was handed in.

    Returns:
        The notebook to grade, and remarks on what had been changed.

    Raises:
        NotASubmission: if not one cell of it is this assignment's.
    """
    known = {grade_id(cell): cell for cell in template.cells if grade_id(cell)}
    answers: dict[str, str] = {}
    added: dict[str, list[NotebookNode]] = {}
    texts = {_text(cell) for cell in template.cells if not grade_id(cell)}
    last, twice, long, more = "", [], [], 0
    for cell in submitted.cells:
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown"):
            continue
        name, text = grade_id(cell), _text(cell)
        if len(text) > LONGEST_TEXT:
            long.append(name if name in known else "a cell that was added")
            text = text[:LONGEST_TEXT]
        if name in known:
            last = name
            if name in answers:
                twice.append(name)
            else:
                answers[name] = text
        elif text.strip() and text not in texts and (more := more + 1) <= MOST_ADDED:
            make = new_code_cell if cell["cell_type"] == "code" else new_markdown_cell
            added.setdefault(last, []).append(make(text))
    if not answers:
        raise NotASubmission("it has not one cell of this assignment: it may be another one's")
    cells, missing = list(added.get("", [])), []
    for cell in copy.deepcopy(template.cells):
        name = grade_id(cell)
        cells.append(cell)
        if name and name not in answers:
            missing.append(name)
        elif name and utils.is_solution(cell):
            cell.source = answers[name]
        cells += added.get(name, []) if name else []
    merged = nbformat.v4.new_notebook(cells=cells, metadata=copy.deepcopy(template.metadata))
    return merged, [
        *_remark("had been deleted, and put back", missing),
        *_remark("there twice, of which the first counts", twice),
        *_remark(f"longer than {LONGEST_TEXT} characters, and cut", long),
        *([f"{more} cells had been added, of which the first {MOST_ADDED} count"] if more > MOST_ADDED else []),
    ]


def changed_tests(template: NotebookNode, released: NotebookNode, submitted: NotebookNode) -> list[str]:
    """Remark on cells of tests and given code that a student changed; what counts is the original in any case."""
    given: dict[str, set[str]] = {}
    for cell in [*released.cells, *template.cells]:  # an instructor may hand in the source itself
        if utils.is_locked(cell):
            given.setdefault(grade_id(cell), set()).add(_text(cell).strip())
    changed = [
        grade_id(cell)
        for cell in submitted.cells
        if isinstance(cell, dict) and grade_id(cell) in given and _text(cell).strip() not in given[grade_id(cell)]
    ]
    return _remark("had been changed, and put right", changed)


def _remark(what: str, names: Sequence[str]) -> list[str]:
    return [f"{what}: {', '.join(dict.fromkeys(names))}"] if names else []


def _text(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str))
    return text.encode("utf-8", "replace").decode()  # JSON can hold halves of characters; no file can
