"""Draw which chapter builds on which, for the page “A map of the course”: ``python book/course_map.py``.

What a chapter needs is read from its opening: the chapters that “You need” links to. What a needed chapter itself
needs is not drawn again.
"""

import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

BOOK = Path(__file__).parent
DRAWING = BOOK / "_static" / "course_map.svg"

# Where each chapter stands: its column, which may be half a one, and its row.
PLACES = {1: (1.0, 0), 2: (0.5, 1), 3: (1.0, 2), 4: (0.0, 2), 5: (2.0, 2), 6: (1.0, 3), 7: (0.0, 3)}
WIDTH, HEIGHT, COLUMN, ROW, LINE = 104, 72, 113, 104, 15  # of a box, from box to box, and of a line of text

BOX = "fill: var(--pst-color-surface); stroke: var(--pst-color-primary)"
ARROW = "fill: none; stroke: var(--pst-color-text-muted); stroke-width: 1.5"
HEAD = "fill: var(--pst-color-text-muted)"
TEXT = "fill: var(--pst-color-text-base); font-size: 13px; text-anchor: middle"

OPENING = re.compile(r"\*\*You need:\*\*(.*?)\*\*Reading:\*\*(.*?)\.\s+\*\*Running:\*\*(.*?)\.\s*$", re.DOTALL)
LINK = re.compile(r"(?:\]\(|\{doc\}`)(\d\d)_\w+")
RANGE = re.compile(r"\]\((\d\d)_[^)]*\) to \[[^]]*\]\((\d\d)_")


@dataclass(frozen=True)
class Opening:
    """What the opening of a chapter says of it."""

    file: str
    title: str
    needs: frozenset[int]
    reading: str
    running: str


def openings(folder: Path = BOOK.parent / "chapters") -> dict[int, Opening]:
    """Read the opening, which is the first cell, of every chapter.

    Raises:
        ValueError: if an opening does not end with what the chapter needs and how long it takes.
    """
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        source = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        said = OPENING.search(source)
        if said is None:
            raise ValueError(f"{path.name} does not open with “You need”, “Reading” and “Running”, in this order")
        needs = set(map(int, LINK.findall(said[1])))
        for first, last in RANGE.findall(said[1]):
            needs |= set(range(int(first), int(last) + 1))
        title = source.splitlines()[0].removeprefix("# ")
        reading, running = (" ".join(part.split()) for part in said.groups()[1:])
        found[int(path.name[:2])] = Opening(path.name, title, frozenset(needs), reading, running)
    return found


def direct(chapters: dict[int, Opening]) -> dict[int, list[int]]:
    """Return for each chapter what it needs, without what the needed ones need themselves."""

    def all_below(number: int) -> set[int]:
        needs = chapters[number].needs
        return set(needs).union(*map(all_below, needs))

    return {
        number: sorted(needed for needed in chapter.needs if not any(needed in all_below(n) for n in chapter.needs))
        for number, chapter in chapters.items()
    }


def describe(needed: dict[int, list[int]]) -> str:
    """Say in words what the drawing shows."""
    sentences = []
    for number, needs in needed.items():
        before = " and ".join(filter(None, [", ".join(map(str, needs[:-1])), str(needs[-1])])) if needs else ""
        sentences.append(f"Chapter {number} follows {before}." if before else f"Chapter {number} needs no other.")
    return " ".join(sentences)


def svg(chapters: dict[int, Opening]) -> str:
    """Return the drawing; its colours are those of the page that it stands in, light or dark."""
    needed = direct(chapters)
    corner = {n: (PLACES[n][0] * COLUMN + 2, PLACES[n][1] * ROW + 2) for n in chapters}
    parts = []
    for number, needs in needed.items():
        x, y = corner[number]
        for above in needs:
            x_above, y_above = corner[above]
            ends = f"M{x_above + WIDTH / 2:g} {y_above + HEIGHT:g} L{x + WIDTH / 2:g} {y - 7:g}"
            parts.append(f'<path d="{ends}" style="{ARROW}" marker-end="url(#course-map-head)"/>')
    for number, chapter in chapters.items():
        x, y = corner[number]
        parts.append(f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="8" style="{BOX}"/>')
        lines = [str(number), *textwrap.wrap(chapter.title, 14)]
        top = y + (HEIGHT - LINE * len(lines)) / 2 + 12
        for place, line in enumerate(lines):
            weight = "" if place else "; font-weight: bold"
            at = f'x="{x + WIDTH / 2:g}" y="{top + LINE * place:g}"'
            parts.append(f'<text {at} style="{TEXT}{weight}">{line}</text>')
    width = 2 * COLUMN + WIDTH + 4
    height = max(y for _, y in corner.values()) + HEIGHT + 2
    head = (
        '<marker id="course-map-head" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="6" markerHeight="6" '
        f'orient="auto"><path d="M0 0 L8 4 L0 8 z" style="{HEAD}"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="course-map" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{describe(needed)}"><defs>{head}</defs>\n' + "\n".join(parts) + "\n</svg>\n"
    )


if __name__ == "__main__":
    DRAWING.write_text(svg(openings()), encoding="utf-8")
