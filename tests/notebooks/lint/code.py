"""Rules on a chapter's code: it shows one thing at a time, checks its claims, and repeats nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tests.notebooks.lint.chapter import Cell, Chapter, Finding, Rule, in_cell

LONGEST_CELL = 25
SHARED_LINES = 5

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
INTO_PACKAGE = "Move it into dnn_course, or show it once and refer to it."


def short_cells(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A cell does one visible thing."""
    for cell in (cell for chapter in chapters for cell in chapter.code):
        lines = len(cell.source.splitlines())
        if lines > LONGEST_CELL:
            yield in_cell(
                cell,
                f"has {lines} lines, more than {LONGEST_CELL}",
                "Split it, or let dnn_course do what distracts.",
            )


def claims_checked(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A chapter that measures says what the measurement must show."""
    for chapter in chapters:
        calls = [node for cell in chapter.code for node in ast.walk(cell.tree) if isinstance(node, ast.Call)]
        if not any(ast.unparse(call.func) == "dc.check" for call in calls):
            yield Finding(chapter.name, None, "checks no claim", "Give each empirical sentence of weight a dc.check.")


def _definitions(chapter: Chapter) -> Iterator[tuple[Cell, Definition]]:
    for cell in chapter.code:
        for node in cell.tree.body:
            if isinstance(node, Definition):
                yield cell, node


def _same_but_for_name(node: Definition) -> str:
    copy = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(copy, Definition)
    copy.name = "_"
    if ast.get_docstring(copy) is not None:
        copy.body = copy.body[1:]
    return ast.unparse(copy)


def defined_once(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """No function or class is defined in two chapters, be it under another name."""
    names: dict[str, Cell] = {}
    bodies: dict[str, tuple[Cell, str]] = {}
    for chapter in chapters:
        for cell, node in _definitions(chapter):
            first = names.setdefault(node.name, cell)
            twin, twin_name = bodies.setdefault(_same_but_for_name(node), (cell, node.name))
            if first.chapter != cell.chapter:
                where = f"{first.chapter}, {first.label}"
                yield in_cell(cell, f"defines {node.name!r}, as {where} does", INTO_PACKAGE)
            elif twin.chapter != cell.chapter:
                where = f"{twin.chapter}, {twin.label}"
                yield in_cell(
                    cell,
                    f"defines {node.name!r}, which is {twin_name!r} of {where} by another name",
                    INTO_PACKAGE,
                )


def _lines(cell: Cell) -> list[str]:
    """Return the cell's lines of code; imports are alike in all chapters, and rightly so."""
    lines = (line.strip() for line in cell.source.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "import ", "from "))]


def no_shared_lines(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """What two chapters would both write out is the package's."""
    first: dict[tuple[str, ...], Cell] = {}
    for chapter in chapters:
        for cell in chapter.code:
            lines = _lines(cell)
            windows = list(zip(*(lines[start:] for start in range(SHARED_LINES)), strict=False))
            shared = [first[window] for window in windows if window in first and first[window].chapter != chapter.name]
            if shared:
                where = f"{shared[0].chapter}, {shared[0].label}"
                count = SHARED_LINES + len(shared) - 1
                yield in_cell(cell, f"has {count} lines of code in a row in common with {where}", INTO_PACKAGE)
            for window in windows:
                first.setdefault(window, cell)


RULES: list[Rule] = [short_cells, claims_checked, defined_once, no_shared_lines]
