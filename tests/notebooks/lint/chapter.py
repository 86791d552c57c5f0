"""A stored chapter as the rules see it, and how a rule tells what it found."""

from __future__ import annotations

import ast
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from tools.notebook import cell_label


@dataclass(frozen=True)
class Cell:
    """A cell, where it stands, and its parts with the lines joined."""

    chapter: str
    index: int
    label: str
    raw: dict[str, Any]

    @property
    def is_code(self) -> bool:
        return bool(self.raw["cell_type"] == "code")

    @property
    def source(self) -> str:
        return "".join(self.raw["source"])

    @property
    def outputs(self) -> list[dict[str, Any]]:
        return list(self.raw.get("outputs", []))

    @property
    def image(self) -> dict[str, Any]:
        """What the cell's metadata says of its picture, such as the alternative text."""
        return dict(self.raw["metadata"].get("mystnb", {}).get("image", {}))

    @property
    def figure(self) -> dict[str, Any]:
        """What the cell's metadata says of its figure: caption and name."""
        return dict(self.raw["metadata"].get("mystnb", {}).get("figure", {}))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield the kind and the text of each output that is text."""
        for output in self.outputs:
            if output["output_type"] == "stream":
                yield output["name"], "".join(output["text"])
            for kind, data in output.get("data", {}).items():
                if kind.startswith("text/"):
                    yield kind, "".join(data)

    @functools.cached_property
    def tree(self) -> ast.Module:
        """The cell's code, magics and shell lines made calls as IPython does."""
        return ast.parse(TransformerManager().transform_cell(self.source), f"{self.chapter}, {self.label}")


@dataclass(frozen=True)
class Chapter:
    """A stored chapter."""

    path: Path
    raw: dict[str, Any]
    cells: list[Cell]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.is_code]

    @property
    def text(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.raw["cell_type"] == "markdown"]


@dataclass(frozen=True)
class Finding:
    """What is wrong, where, and what to do about it."""

    chapter: str
    cell: str | None
    wrong: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.chapter}, {self.cell}" if self.cell else self.chapter
        return f"{place}: {self.wrong}\n    {self.remedy}"


Rule = Callable[[Sequence[Chapter]], Iterator[Finding]]


def in_cell(cell: Cell, wrong: str, remedy: str) -> Finding:
    """Return a finding about one cell."""
    return Finding(cell.chapter, cell.label, wrong, remedy)


def load(path: Path) -> Chapter:
    """Read a chapter as it is stored."""
    raw = json.loads(path.read_bytes())
    cells = [Cell(path.stem, index, cell_label(raw["cells"], index), cell) for index, cell in enumerate(raw["cells"])]
    return Chapter(path, raw, cells)
