"""Rules on figures: each can be found, understood and heard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tests.notebooks.lint.chapter import Cell, Chapter, Finding, Rule, in_cell

SHORTEST_ALT = 20
SAYS_ONLY_PLOT = re.compile(
    r"(an? |the )?(figure\b|(plot|graph|chart|image|picture) (of|showing|that shows)\b)", re.IGNORECASE
)


def _pictures(cell: Cell) -> int:
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def _with_pictures(chapters: Sequence[Chapter]) -> Iterator[Cell]:
    return (cell for chapter in chapters for cell in chapter.code if _pictures(cell))


def described(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """Every figure has a caption, a name to refer to, and an alternative text."""
    for cell in _with_pictures(chapters):
        for key, value in {
            "image.alt": cell.image.get("alt"),
            "figure.caption": cell.figure.get("caption"),
            "figure.name": cell.figure.get("name"),
        }.items():
            if not (value or "").strip():
                yield in_cell(cell, f"has a figure without mystnb.{key}", "Add it to the cell's metadata.")


def alt_text(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """The alternative text says what the figure shows, to someone who does not see it."""
    remedy = "Say what there is to see: what rises, what falls, from where to where."
    for cell in _with_pictures(chapters):
        alt = (cell.image.get("alt") or "").strip()
        if not alt:
            continue
        if len(alt) < SHORTEST_ALT:
            yield in_cell(cell, f"has an alt text of {len(alt)} characters: {alt!r}", remedy)
        if SAYS_ONLY_PLOT.match(alt):
            yield in_cell(cell, f"has an alt text that says it is a figure: {alt[:40]!r}", remedy)
        if alt == (cell.figure.get("caption") or "").strip():
            yield in_cell(cell, "has an alt text that repeats the caption", remedy)


def names(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A figure's name is its own in the whole book, and a cell draws one."""
    taken: dict[str, str] = {}
    for cell in _with_pictures(chapters):
        name = cell.figure.get("name")
        if _pictures(cell) > 1:
            yield in_cell(
                cell,
                f"draws {_pictures(cell)} figures under one name",
                "Draw one figure a cell, or one of panels.",
            )
        if not name:
            continue
        if not name.startswith("fig-"):
            yield in_cell(cell, f"calls its figure {name!r}", f"Call it 'fig-{name}'.")
        if name in taken:
            yield in_cell(cell, f"uses the figure name {name!r} of {taken[name]}", "Give it another.")
        else:
            taken[name] = f"{cell.chapter}, {cell.label}"


RULES: list[Rule] = [described, alt_text, names]
