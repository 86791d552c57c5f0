"""The book's chapters keep the rules. That their outputs are true is tested cell by cell, by the plugin."""

from pathlib import Path

import pytest

from tests.notebooks.lint import RULES, Chapter, Rule, load
from tools.notebook import CHAPTERS, chapter_paths


def load_book(folder: Path) -> list[Chapter]:
    """Load all chapters; a book without any fails, for it would keep every rule."""
    paths = chapter_paths(folder)
    if not paths:
        pytest.fail(f"no chapter found in {folder}", pytrace=False)
    return [load(path) for path in paths]


@pytest.fixture(scope="module")
def book() -> list[Chapter]:
    return load_book(CHAPTERS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_chapters_keep_the_rule(book: list[Chapter], rule: Rule):
    findings = list(rule(book))
    if findings:
        pytest.fail("\n".join([rule.__doc__ or "", *map(str, findings)]), pytrace=False)


def test_a_book_without_chapters_fails(tmp_path: Path):
    with pytest.raises(pytest.fail.Exception, match="no chapter found"):
        load_book(tmp_path)


def test_a_plain_session_runs_the_chapters(pytestconfig: pytest.Config):
    assert "chapters" in pytestconfig.getini("testpaths")
