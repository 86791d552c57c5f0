"""What the appendices say of the chapters and of the tests is so: links, times, prerequisites, polls, tolerances."""

import json
import re
from itertools import chain

import pytest
import tomli
from mdit_py_plugins.anchors.index import slugify
from scipy.special import stdtrit

from book import course_map
from tests.book.browser import PHONE
from tests.notebooks import pictures
from tests.notebooks.lint import RULES, load
from tests.notebooks.lint.code import LONGEST_CELL
from tools.book import ROOT
from tools.notebook import chapter_paths

BOOK = ROOT / "book"
PAGES = {name: (BOOK / f"{name}.md").read_text(encoding="utf-8") for name in
         ("course_map", "errata", "from_tf1", "how_numbers_are_kept")}  # fmt: skip
CHAPTERS = {path.stem: load(path) for path in chapter_paths()}
HEADING = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)
FENCED = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)


def figures(cells):
    """Return the names of the figures that some cells draw."""
    return {cell.figure["name"] for cell in cells if "name" in cell.figure}


def places(text):
    """Return the places in a page that a link with # can lead to."""
    return {slugify(title) for title in HEADING.findall(FENCED.sub("", text))}


CHAPTER_PLACES = {name: places("\n".join(cell.source for cell in chapter.text)) for name, chapter in CHAPTERS.items()}
FIGURES = {name for chapter in CHAPTERS.values() for name in figures(chapter.code)}


def links(text):
    """Return each link of a page into the book, with whether it leads to something that exists."""
    found = [(name, name in FIGURES) for name in re.findall(r"\{numref\}`(fig-[\w-]+)`", text)]
    for file, place in re.findall(r"\]\((/chapters/[\w.]+|\w+\.md)(?:#([\w-]+))?\)", text):
        name = file.split("/")[-1].split(".")[0]
        if file.startswith("/chapters/"):
            there = CHAPTER_PLACES.get(name)
        else:
            there = places((BOOK / file).read_text(encoding="utf-8")) if (BOOK / file).exists() else None
        found.append((f"{file}#{place}", there is not None and (not place or place in there)))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_sections_and_figures(page):
    found = links(PAGES[page])
    assert found
    assert [link for link, there in found if not there] == []


@pytest.mark.parametrize(
    "broken",
    [
        "{numref}`fig-of-nobody`",
        "[a](/chapters/01_vanishing_gradients.ipynb#nowhere)",
        "[a](/chapters/99_nothing.ipynb)",
        "[a](from_tf1.md#nowhere)",
        "[a](nothing.md)",
    ],
)
def test_a_link_that_leads_nowhere_is_found_out(broken):
    assert [there for _, there in links(broken)] == [False]


# What the original notebook got wrong.

POINTS = re.split(r"^### (?=\d+\. )", PAGES["errata"], flags=re.MULTILINE)[1:]


def test_there_are_twenty_points_numbered_in_order():
    assert [int(point.split(".")[0]) for point in POINTS] == list(range(1, 21))


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.splitlines()[0])
def test_a_point_says_what_was_what_was_seen_and_what_is_right_and_leads_there(point):
    point = re.split(r"^## ", point, flags=re.MULTILINE)[0]
    terms = re.findall(r"^(\w.*)\n: ", point, re.MULTILINE)
    assert [terms[0] in ("It said", "It did"), *terms[1:]] == [True, "You would have seen", "What is right"]
    assert links(point.split("What is right")[1])


# A map of the course.


def test_table_says_what_the_chapters_say():
    row = re.compile(r"^\| \[(\d+)\. (.+?)\]\(/chapters/(\w+)\) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
    stated = {
        int(number): course_map.Opening(
            file=f"{file}.ipynb",
            title=title,
            needs=frozenset(map(int, re.findall(r"\d+", needs))),
            reading=f"about {reading}",
            running=f"{running} on two cores",
        )
        for number, title, file, needs, reading, running in row.findall(PAGES["course_map"])
    }
    assert stated == course_map.openings()


def test_drawing_is_what_the_script_draws():
    drawn = course_map.svg(course_map.openings())
    assert course_map.DRAWING.read_text(encoding="utf-8") == drawn, "run: python book/course_map.py"
    assert drawn.count("<rect") == len(CHAPTERS)


OPENED = "# {title}\n\n**You need:** {needs}.\n**Reading:** about 1 minute. **Running:** a second on two cores."


def write_chapter(folder, number, opening):
    cells = [{"cell_type": "markdown", "source": opening.splitlines(keepends=True)}]
    (folder / f"{number:02}_x.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")


def test_what_a_needed_chapter_needs_is_not_drawn_again(tmp_path):
    for number, needs in {
        1: "nothing",
        2: "[1](01_x.ipynb)",
        3: "[1](01_x.ipynb) and {doc}`02_x`",
        4: "{doc}`01_x`",
        5: "chapters [1](01_x.ipynb) to [4](04_x.ipynb)",
    }.items():
        write_chapter(tmp_path, number, OPENED.format(title=f"Title {number}", needs=needs))
    chapters = course_map.openings(tmp_path)
    assert chapters[3] == course_map.Opening("03_x.ipynb", "Title 3", frozenset({1, 2}), "about 1 minute",
                                             "a second on two cores")  # fmt: skip
    needed = course_map.direct(chapters)
    assert chapters[5].needs == {1, 2, 3, 4}
    assert needed == {1: [], 2: [1], 3: [2], 4: [1], 5: [3, 4]}
    assert course_map.describe({1: [], 4: [1, 2, 3]}) == "Chapter 1 needs no other. Chapter 4 follows 1, 2 and 3."


def test_an_opening_without_its_times_is_refused(tmp_path):
    write_chapter(tmp_path, 1, "# A chapter\n\n**You need:** nothing.")
    with pytest.raises(ValueError, match=r"01_x\.ipynb does not open with"):
        course_map.openings(tmp_path)


SESSIONS = re.findall(r"^Session \d+, chapter (\d+).*\n((?:[: ].*\n|\n(?=:))+)", PAGES["course_map"], re.MULTILINE)


def polls(chapter):
    """Return the figures of a chapter before which, in their section, the reader is asked to predict."""
    found, asked = set(), False
    for cell in chapter.cells:
        if cell.is_code:
            found |= figures([cell]) if asked else set()
        else:
            last = re.split(r"^#+ .*$", cell.source, flags=re.MULTILINE)
            asked = "**Predict" in last[-1] or (asked and len(last) == 1)
    return found


def read_before(chapter, reads):
    """Return the figures of a chapter that stand before the section up to which a session has it read."""
    stop = re.search("up to “(.+?)[.?]?”", reads)
    found = set()
    for cell in chapter.cells if stop else []:
        if not cell.is_code and stop[1] in {title.rstrip("?") for title in HEADING.findall(cell.source)}:
            return found
        found |= figures([cell])
    return found


def of_number(number):
    return next(chapter for name, chapter in CHAPTERS.items() if int(name[:2]) == int(number))


@pytest.mark.parametrize(("number", "plan"), SESSIONS, ids=[f"session {i + 1}" for i in range(len(SESSIONS))])
def test_a_session_polls_what_the_chapter_asks_and_nobody_has_read(number, plan):
    chapter = of_number(number)
    reads, runs, _after = re.split(r"^: (?=\*\*)", plan, flags=re.MULTILINE)[1:]
    asked = re.findall(r"fig-[\w-]+", runs)
    assert 3 <= len(asked) <= 5
    assert set(asked) <= polls(chapter)
    assert not set(asked) & read_before(chapter, reads)
    titles = set(chain.from_iterable(HEADING.findall(cell.source) for cell in chapter.text))
    assert {title.rstrip(".?") for title in re.findall("“(.+?)”", reads)} <= {title.rstrip("?") for title in titles}


def test_every_chapter_has_a_session_and_its_assignment_is_set_once():
    assert {int(number) for number, _ in SESSIONS} == {int(name[:2]) for name in CHAPTERS}
    for number in {number for number, _ in SESSIONS}:
        name = of_number(number).path.stem
        assert "assignment" in CHAPTER_PLACES[name]
        assert sum(f"/chapters/{name}.ipynb#assignment" in plan for _, plan in SESSIONS) == 1


# How these numbers are kept.

COVERED = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]["report"]["fail_under"]
STUDENT = stdtrit(4, 0.975)


@pytest.mark.parametrize(
    "words",
    [
        f"within {pictures.REACH} pixels",
        f"squares of {pictures.BLOCK} × {pictures.BLOCK} pixels",
        f"more than {100 * pictures.LARGEST_BLOCK:g} % of full contrast in any square",
        f"root mean square above {100 * pictures.WHOLE:g} % over the whole",
        f"keeps {len(RULES)} rules",
        f"no cell over {LONGEST_CELL} lines",
        f"At least {COVERED} % of the package's lines",
        f"a narrow one ({PHONE} pixels)",
        f"t = {STUDENT:.3f}",
        f"reaches {STUDENT / 5**0.5:.2f} standard deviations",
    ],
)
def test_figures_of_the_tests_are_the_tests_own(words):
    assert words in " ".join(PAGES["how_numbers_are_kept"].split())
