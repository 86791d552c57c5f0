"""What the repository's own pages say about files and commands is so."""

import re

import pytest

from tools.commands import COMMANDS
from tools.environment import ROOT

PAGES = sorted(ROOT.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "book").glob("*.md"))], ids=lambda page: page.name)
def test_commands_named_are_commands(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^)(?:make|py(?:thon)?(?: -3\.\d+)? -m tools) (\w+)", text, re.MULTILINE)
    assert set(named) <= {"help", *COMMANDS}


def test_readme_names_both_faces_of_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("make book", "make test", "py -m tools book", "py -m tools test"):
        assert command in text
