"""Questions under “Check your understanding”, which answer in the page.

A question is plain Markdown. JupyterLab, Colab and GitHub show it as it is meant, with the answers folded away::

    **1.** What is asked?

    - **a.** One answer.
    - **b.** Another.
    - **c.** A third.

    <details><summary>Answer</summary>

    - **a. Not so.** Why one may think so, and what shows otherwise.
    - **b. Right.** Why.
    - **c. Not so.** …

    </details>

So does the page where no script runs. Where one does, ``quiz.js`` makes the lists a form. Several answers may be
right. A question without choices, its answer in words, stays folded everywhere.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

SECTION = "Check your understanding"
NUMBER = re.compile(r"\d+\.")
LETTER = re.compile(r"([a-z])\.")
VERDICT = re.compile(r"([a-z])\. (Right|Not so)\.")
OPEN, CLOSE = "<details><summary>Answer</summary>", "</details>"
LETTERS = "abcdef"


def bold_start(block: nodes.Node) -> str:
    """Return what a paragraph, or the first of a list's item, begins with in bold; else nothing."""
    if isinstance(block, nodes.list_item) and block.children:
        block = block[0]
    if not isinstance(block, nodes.paragraph):
        return ""
    first = next((part for part in block if part.astext()), None)  # the parser begins with an empty text
    return first.astext() if isinstance(first, nodes.strong) else ""


def is_html(block: nodes.Node, html: str) -> bool:
    """Say whether a block is this line of HTML."""
    return isinstance(block, nodes.raw) and block.astext().strip() == html


def questions(section: nodes.section) -> Iterator[list[nodes.Element]]:
    """Yield the blocks of each question; what stands before the first is an introduction."""
    blocks = [child for child in section.children if isinstance(child, nodes.Element)]
    starts = [place for place, block in enumerate(blocks) if NUMBER.fullmatch(bold_start(block))]
    for start, end in pairwise([*starts, len(blocks)]):
        yield blocks[start:end]


def check_choices(choices: nodes.bullet_list, remarks: list[nodes.Element]) -> None:
    """Mark each remark as one on a right or a wrong choice.

    Raises:
        ValueError: if the choices and the remarks are not a question; the message says what to do.
    """
    letters = [match[1] if (match := LETTER.fullmatch(bold_start(item))) else "" for item in choices]
    if letters != list(LETTERS[: len(letters)]) or not 3 <= len(letters) <= len(LETTERS):
        raise ValueError(
            f"its choices must be three to {len(LETTERS)} items that begin with **a.**, **b.**, **c.** and so on"
        )
    if len(remarks) != 1 or not isinstance(remarks[0], nodes.bullet_list):
        raise ValueError("between <details> and </details> must stand one list, with an item for each choice")
    keyed = [(VERDICT.fullmatch(bold_start(item)), item) for item in remarks[0]]
    for match, item in keyed:
        if not match:
            raise ValueError(
                f"begin the feedback “{item.astext()[:40]}” with letter and verdict: **a. Right.** or **a. Not so.**"
            )
        if item.astext().strip() == match[0]:
            raise ValueError(f"say of choice {match[1]} why it is right or why one may think so; its feedback is empty")
        item["classes"].append("dc-right" if match[2] == "Right" else "dc-wrong")
    given = [match[1] for match, _ in keyed if match]
    if unknown := sorted({*given} - {*letters}):
        raise ValueError(f"it has feedback for {unknown[0]}, and no such choice: add the choice, or mend the letter")
    for letter in letters:
        if given.count(letter) != 1:
            raise ValueError(f"choice {letter} has {given.count(letter)} items of feedback: give it one")
    if given != letters:
        raise ValueError("put the feedback in the order of the choices")
    if (right := sum("dc-right" in item["classes"] for _, item in keyed)) in (0, len(letters)):
        raise ValueError(f"{right} of its {len(letters)} choices are right: let one be right and one wrong, at least")


def check_question(blocks: list[nodes.Element]) -> bool:
    """Check a question, mark its lists, and say whether it has choices.

    Raises:
        ValueError: if it has not the form of a question; the message says what to do.
    """
    opened = [place for place, block in enumerate(blocks) if is_html(block, OPEN)]
    closed = [place for place, block in enumerate(blocks) if is_html(block, CLOSE)]
    if len(opened) != 1 or closed != [len(blocks) - 1] or opened[0] > closed[0] - 2:
        raise ValueError(
            f"its answers must stand between a line {OPEN} and a line {CLOSE}, with an empty line before and after "
            "each; then the next question begins"
        )
    choices, remarks = blocks[opened[0] - 1], blocks[opened[0] + 1 : -1]
    if not isinstance(choices, nodes.bullet_list):
        if any(VERDICT.fullmatch(bold_start(item)) for block in remarks for item in block):
            raise ValueError("it has feedback on choices, and before it no list of choices: - **a.** …")
        return False
    check_choices(choices, remarks)
    choices["classes"].append("dc-choices")
    remarks[0]["classes"].append("dc-remarks")
    return True


def enclose(section: nodes.section, number: int, blocks: list[nodes.Element]) -> None:
    """Put a question into a box of its own; warn if it has not the form."""
    start = bold_start(blocks[0])
    try:
        if start != f"{number}.":
            raise ValueError(f"number the questions 1, 2, 3 …; this one is the question **{number}.**")
        has_choices = check_question(blocks)
    except ValueError as problem:
        logger.warning("question %s %s", start, problem, location=blocks[0])
        return
    place = section.index(blocks[0])
    for block in blocks:
        section.remove(block)
    classes = ["dc-question", "dc-quiz"] if has_choices else ["dc-question"]
    section.insert(place, nodes.container("", *blocks, classes=classes, ids=[f"question-{number}"]))


class Questions(SphinxTransform):
    """Give every question a place of its own, ``#question-1`` and so on; warn of one that has not the form."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Look through a page that was read."""
        for section in list(self.document.findall(nodes.section)):
            if section[0].astext() == SECTION:
                for number, blocks in enumerate(questions(section), start=1):
                    enclose(section, number, blocks)


def load_script(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Have a page with questions load what lets them answer."""
    if doctree is not None and any("dc-quiz" in box["classes"] for box in doctree.findall(nodes.container)):
        app.add_js_file("quiz.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_transform(Questions)
    app.connect("html-page-context", load_script)
