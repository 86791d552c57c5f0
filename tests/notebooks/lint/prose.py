"""Rules on a chapter's text: its parts, and what it cites."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Sequence

from pybtex.database import parse_file

from tests.notebooks.lint.chapter import Cell, Chapter, Finding, Rule, in_cell
from tools.environment import ROOT

BIBLIOGRAPHY = ROOT / "book" / "references.bib"
CLOSING = ["What to remember", "Check your understanding", "Further reading"]
OPTIONAL_LAST = "Assignment"
LEAST_QUIZZES, MOST_IN_WORDS = 4, 1

_FENCED = re.compile(r"^(`{3,}|~{3,}|:{3,}).*?^\1[`~:]*\s*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$", re.MULTILINE)
_CITATION = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
_LINKED = re.compile(r'data-cite="([^"]*)"')
_PREDICT = re.compile(r"^\*\*Predict\b[^*]*\*\*", re.MULTILINE)
_QUESTIONS = re.compile(rf"^## {CLOSING[1]}$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"^\*\*\d+\.\*\* ", re.MULTILINE)
_CHOICE = re.compile(r"^- \*\*a\.\*\* ", re.MULTILINE)


def _headings(chapter: Chapter) -> list[tuple[Cell, int, str]]:
    return [
        (cell, len(marks), title)
        for cell in chapter.text
        for marks, title in _HEADING.findall(_FENCED.sub("", cell.source))
    ]


def one_title(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A chapter opens with its title, and has no other: the table of contents is made of titles."""
    for chapter in chapters:
        titles = [cell for cell, level, _ in _headings(chapter) if level == 1]
        if not titles or titles[0].index != 0:
            yield Finding(chapter.name, "cell 1", "has no title", "Begin the first cell with '# ' and the title.")
        for cell in titles[1:]:
            yield in_cell(cell, "has a second title", "Make it a section: '## '.")


def predicts(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A reader commits to an answer before seeing it."""
    for chapter in chapters:
        if not any(title == "Predict" for _, _, title in _headings(chapter)) and not any(
            _PREDICT.search(cell.source) for cell in chapter.text
        ):
            yield Finding(
                chapter.name,
                None,
                "asks for no prediction",
                "Before an experiment, ask what will happen: '**Predict.** …'",
            )


def closing(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """The last sections are those of every chapter, in their order."""
    for chapter in chapters:
        sections = [title for _, level, title in _headings(chapter) if level == 2]
        last = [title for title in sections if title != OPTIONAL_LAST][-len(CLOSING) :]
        misplaced = OPTIONAL_LAST in sections[:-1]
        if last != CLOSING or misplaced:
            yield Finding(
                chapter.name,
                None,
                f"ends with the sections {sections[-4:]}",
                f"End with '## ' {', '.join(CLOSING)}, and after them {OPTIONAL_LAST}, if there is one.",
            )


def questions(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """A reader finds out what was not understood: most questions offer choices. The book's build checks their form."""
    for chapter in chapters:
        section = _QUESTIONS.search("\n\n".join(cell.source for cell in chapter.text))
        asked = _NUMBER.split(section[1])[1:] if section else []
        with_choices = sum(bool(_CHOICE.search(question)) for question in asked)
        if section and (with_choices < LEAST_QUIZZES or len(asked) - with_choices > MOST_IN_WORDS):
            yield Finding(
                chapter.name,
                None,
                f"asks {with_choices} questions with choices and {len(asked) - with_choices} without",
                f"Ask {LEAST_QUIZZES} with choices or more, and {MOST_IN_WORDS} without at most: see CONTRIBUTING.md.",
            )


@functools.cache
def known_keys() -> frozenset[str]:
    """Return the keys of the book's bibliography."""
    return frozenset(parse_file(str(BIBLIOGRAPHY)).entries.keys())


def _cited(cell: Cell) -> set[str]:
    if not cell.is_code:
        lists = _CITATION.findall(cell.source)
    else:
        lists = [
            keyword.value.value
            for keyword in ast.walk(cell.tree)
            if isinstance(keyword, ast.keyword) and keyword.arg == "source"
            if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
        ]
        lists += [key for kind, text in cell.texts() if kind == "text/html" for key in _LINKED.findall(text)]
    return {key.strip() for keys in lists for key in re.sub(r"\{[^}]*\}", "", keys).split(",")}


def citations(chapters: Sequence[Chapter]) -> Iterator[Finding]:
    """What is cited is in the bibliography."""
    for cell in (cell for chapter in chapters for cell in chapter.cells):
        for key in sorted(_cited(cell) - known_keys()):
            yield in_cell(cell, f"cites {key!r}, which nothing is known of", f"Add it to book/{BIBLIOGRAPHY.name}.")


RULES: list[Rule] = [one_title, predicts, closing, questions, citations]
