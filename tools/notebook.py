"""The form in which a chapter is stored: the same run gives the same bytes, on every machine."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from tools.environment import ROOT

CHAPTERS = ROOT / "chapters"

# The Python version is left out: it is the machine's, not the chapter's.
_METADATA: dict[str, Any] = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}
# What the book and nbgrader read of a cell's metadata. The rest is an editor's: timestamps, folded cells.
_CELL_METADATA = ("mystnb", "nbgrader", "tags")


def chapter_paths(folder: Path = CHAPTERS) -> list[Path]:
    """Return the chapters' notebooks, in the order of the book."""
    return sorted(folder.glob("*.ipynb"))


def cell_label(cells: Sequence[Mapping[str, Any]], index: int) -> str:
    """Name the cell at `index` in the two ways a reader finds it: by place, and by ``In [n]``.

    >>> cell_label([{"cell_type": "markdown"}, {"cell_type": "code"}], 1)
    'cell 2 (In [1])'
    """
    if cells[index]["cell_type"] != "code":
        return f"cell {index + 1}"
    count = sum(cell["cell_type"] == "code" for cell in cells[: index + 1])
    return f"cell {index + 1} (In [{count}])"


def parse(content: bytes) -> nbformat.NotebookNode:
    """Read a notebook; cells that have no id, or another's, get one made from what they say.

    Raises:
        ValueError: if `content` is not a notebook; the message says what is wrong with it.
    """
    try:
        raw = json.loads(content)
        taken: set[str] = set()
        for cell in raw["cells"]:
            if cell.get("id") in taken | {None}:
                cell["id"] = _new_id(cell, taken)
            taken.add(cell["id"])
        # Only the minor version 4.5 lets cells have ids; nbformat would make random ones.
        text = json.dumps(raw | {"nbformat": 4, "nbformat_minor": 5})
        notebook: nbformat.NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except (KeyError, TypeError, ValueError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"it is not a notebook of format 4: {type(error).__name__}: {reason}") from error
    return notebook


def _new_id(cell: Mapping[str, Any], taken: set[str]) -> str:
    said = f"{cell['cell_type']}\n{''.join(cell['source'])}"
    salt = 0
    while (name := hashlib.sha256(f"{salt}\n{said}".encode()).hexdigest()[:8]) in taken:
        salt += 1
    return name


def clear(notebook: nbformat.NotebookNode) -> None:
    """Take all outputs and counts away, so that none of an earlier run can stay."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def serialize(notebook: nbformat.NotebookNode) -> bytes:
    """Return the bytes in which an executed notebook is stored."""
    notebook = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]
    notebook.metadata = nbformat.from_dict(_METADATA)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        cell.metadata = {key: cell.metadata[key] for key in _CELL_METADATA if key in cell.metadata}
        if cell.cell_type == "code":
            cell.outputs = clean_outputs(cell.outputs)
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = cell.execution_count
    text: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]
    return (text.rstrip("\n") + "\n").encode()


def clean_outputs(outputs: Sequence[Any]) -> list[Any]:
    """Return `outputs` without what timing or a library's whim decides.

    Neighbouring chunks of one stream are joined: where it was cut is a matter of timing. Chunks with a
    figure or table between them stay apart, for there the place has a meaning. ``<Figure size …>``,
    which Matplotlib gives with every picture, is dropped: it is no alternative to the picture.
    """
    cleaned: list[Any] = []
    for output in copy.deepcopy(list(outputs)):
        last = cleaned[-1] if cleaned else {}
        if output["output_type"] == last.get("output_type") == "stream" and output["name"] == last["name"]:
            last["text"] += output["text"]
            continue
        data = output.get("data", {})
        if "image/png" in data and data.get("text/plain", "").startswith("<Figure size"):
            del data["text/plain"]
        cleaned.append(output)
    return cleaned


def replace(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file, which need not be there yet, wholly or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if path.exists():
            shutil.copymode(path, name)
        else:
            os.chmod(name, 0o644)  # noqa: PTH101 (the name is mkstemp's)
        os.replace(name, path)  # noqa: PTH105 (the name is mkstemp's)
    finally:
        Path(name).unlink(missing_ok=True)
