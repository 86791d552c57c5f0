"""Rules on the stored form: executed in order, and nothing in it that is the machine's or the moment's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tests.notebooks.lint.chapter import Chapter, Finding, Rule, in_cell

LARGEST_BYTES = 4_000_000
TIMESTAMPS = {"execution", "ExecuteTime"}
WIDGET = "application/vnd.jupyter.widget-view+json"
UNSTABLE = {
    r"<Figure size [^>]*>": "the name of a figure object",
    r"\b0x[0-9a-fA-F]{6,}": "an address in memory",
    r"(?<![\w.:/<])(?:/home/|/tmp/|/Users/|/root/|/private/|/var/folders/)[\w./-]*": "a path of one machine",
    r"(?<!\w)[A-Za-z]:\\[\w\\.-]+": "a path of one machine",
}


def execute(chapter: Chapter) -> str:
    """Say how the chapter's outputs are made anew."""
    return f'Run: make execute CHAPTERS="{chapter.name}"'


def no_stderr(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A reader must not meet warnings."""
    for cell in (cell for chapter in chapters for cell in chapter.code):
        for kind, text in cell.texts():
            if kind == "stderr":
                yield in_cell(cell, f"stores stderr: {text[:80]!r}", "Mend what warns, do not hide it.")


def no_errors(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A stored traceback names the machine's files; an error that teaches is caught and printed."""
    for cell in (cell for chapter in chapters for cell in chapter.code):
        for output in cell.outputs:
            if output["output_type"] == "error":
                yield in_cell(
                    cell,
                    f"stores an error: {output['ename']}: {output['evalue']}",
                    "Mend it; an error that is the lesson is caught with try, and its message printed.",
                )


def executed_in_order(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """Counts are 1 to n: the outputs are what a reader gets who runs all cells in order, once."""
    for chapter in chapters:
        for count, cell in enumerate(chapter.code, start=1):
            found = cell.raw.get("execution_count")
            if not cell.source.strip():
                yield in_cell(cell, "is an empty code cell", "Remove it.")
            if found != count:
                stored = "was not executed" if found is None else f"was executed as In [{found}]"
                yield in_cell(cell, f"{stored}, not as In [{count}]", execute(chapter))


def no_timestamps(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """The time of a run changes with every run."""
    for chapter in chapters:
        for cell in chapter.cells:
            for key in sorted(TIMESTAMPS & cell.raw["metadata"].keys()):
                yield in_cell(cell, f"stores when it was executed (metadata {key!r})", execute(chapter))


def no_widget_state(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A widget's state has random names, and the book cannot show it."""
    for chapter in chapters:
        if "widgets" in chapter.raw["metadata"]:
            yield Finding(chapter.name, None, "stores the state of widgets", execute(chapter))
        for cell in chapter.code:
            if any(WIDGET in output.get("data", {}) for output in cell.outputs):
                yield in_cell(cell, "stores a widget", "Show a figure or a table; the book cannot run a widget.")


def no_python_version(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """The version is the machine's, and would change with it."""
    for chapter in chapters:
        if "version" in chapter.raw["metadata"].get("language_info", {}):
            yield Finding(chapter.name, None, "stores the version of Python", execute(chapter))


def cell_ids(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """An id for each cell, so that a change of one cell is seen as just that."""
    for chapter in chapters:
        taken: dict[str, str] = {}
        for cell in chapter.cells:
            name = cell.raw.get("id")
            if name is None:
                yield in_cell(cell, "has no id", execute(chapter))
            elif name in taken:
                yield in_cell(cell, f"has the id {name!r} of {taken[name]}", execute(chapter))
            else:
                taken[name] = cell.label


def stable_text(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """What an output says must be the same in the next run, and in another folder."""
    for cell in (cell for chapter in chapters for cell in chapter.code):
        for kind, text in cell.texts():
            for pattern, what in UNSTABLE.items():
                if match := re.search(pattern, text):
                    yield in_cell(
                        cell,
                        f"{kind} holds {what}: {match[0]!r}",
                        "Do not end the cell with an object's name or call; print what matters of it.",
                    )


def small_enough(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A chapter is cloned with every version it ever had."""
    for chapter in chapters:
        size = chapter.path.stat().st_size
        if size > LARGEST_BYTES:
            yield Finding(
                chapter.name,
                None,
                f"is {size / 1e6:.1f} MB, more than {LARGEST_BYTES / 1e6:.0f} MB",
                "Draw fewer or plainer figures: points in the thousands belong in a histogram.",
            )


RULES: list[Rule] = [
    no_stderr,
    no_errors,
    executed_in_order,
    no_timestamps,
    no_widget_state,
    no_python_version,
    cell_ids,
    stable_text,
    small_enough,
]
