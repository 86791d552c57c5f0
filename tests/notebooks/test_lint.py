"""Each rule finds what breaks it, and only it; a clean chapter breaks none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from tests.notebooks.lint import RULES, Chapter, Finding, load, prose
from tests.notebooks.lint.stored import WIDGET
from tests.notebooks.synthetic import Notebook, clean_chapter, stream, write

HELPER = "def mean(values):\n    return sum(values) / len(values)"
FIVE_LINES = "a = 1\nb = 2\nc = a + b\nd = c * c\nprint(d)"
FIGURE = 4  # where the figure's cell stands in `clean_chapter`
CHECK = 3

ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "bad", "traceback": []}
NO_ALT = {"figure": {"caption": "The signal", "name": "fig-depth"}}
PYTHON = {"name": "python", "version": "3.11.7"}

Change = Callable[[Notebook], object]


@pytest.fixture(autouse=True)
def bibliography(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "references.bib"
    path.write_text("@article{he2015delving, title={A}}\n@article{glorot2010, title={B}}\n")
    monkeypatch.setattr(prose, "BIBLIOGRAPHY", path)
    prose.known_keys.cache_clear()
    yield
    prose.known_keys.cache_clear()


def broken(path: Path, change: Change) -> Chapter:
    content = clean_chapter()
    change(content)
    return load(write(path, content))


def findings(*chapters: Chapter) -> dict[str, list[Finding]]:
    found = {rule.__name__: list(rule(chapters)) for rule in RULES}
    return {name: said for name, said in found.items() if said}


def set_in(*keys: Any, to: object) -> Change:
    """Return a change that sets one entry deep in a notebook."""

    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


def figure_metadata(kind: str, key: str, value: object) -> Change:
    return set_in("cells", FIGURE, "metadata", "mystnb", kind, key, to=value)


def outputs(*added: Notebook) -> Change:
    return lambda content: content["cells"][CHECK]["outputs"].extend(added)


def source(index: int, text: str) -> Change:
    return set_in("cells", index, "source", to=text)


def in_source(index: int, old: str, new: str) -> Change:
    """Return a change that replaces the first `old` in a cell."""

    def change(content: Notebook) -> None:
        cell = content["cells"][index]
        cell["source"] = cell["source"].replace(old, new, 1)

    return change


def shows(kind: str, data: object) -> Change:
    return outputs({"output_type": "display_data", "data": {kind: data}, "metadata": {}})


def swap_sections(content: Notebook) -> None:
    cells = content["cells"]
    cells[-4]["source"], cells[-3]["source"] = cells[-3]["source"], cells[-4]["source"]


def draw_twice(content: Notebook) -> None:
    content["cells"][FIGURE]["outputs"] *= 2


BREAKS: list[tuple[str, str, Change]] = [
    ("no_stderr", "stderr", outputs(stream("stderr", "UserWarning: careful"))),
    ("no_errors", "ValueError: bad", outputs(ERROR)),
    ("executed_in_order", "not executed", set_in("cells", CHECK, "execution_count", to=None)),
    ("executed_in_order", r"In \[7\]", set_in("cells", CHECK, "execution_count", to=7)),
    ("executed_in_order", "empty", source(1, "\n")),
    ("no_timestamps", "'execution'", set_in("cells", CHECK, "metadata", "execution", to={})),
    ("no_widget_state", "state of widgets", set_in("metadata", "widgets", to={"state": {}})),
    ("no_widget_state", "a widget", shows(WIDGET, {"model_id": "1"})),
    ("no_python_version", "version", set_in("metadata", "language_info", to=PYTHON)),
    ("stable_text", "figure object", shows("text/plain", "<Figure size 640x480 with 1 Axes>")),
    ("stable_text", "memory", shows("text/plain", "[<matplotlib.lines.Line2D at 0x7f12ab34cd56>]")),
    ("stable_text", "machine: '/home/ann", outputs(stream("stdout", "see /home/ann/x.keras"))),
    ("stable_text", "path of one machine", outputs(stream("stdout", "saved to C:\\Users\\ann"))),
    ("small_enough", "MB", outputs(stream("stdout", "x" * 4_000_001))),
    ("described", "image.alt", figure_metadata("image", "alt", " ")),
    ("described", "figure.caption", figure_metadata("figure", "caption", "")),
    ("described", "figure.name", figure_metadata("figure", "name", "")),
    ("described", "image.alt", set_in("cells", FIGURE, "metadata", "mystnb", to=NO_ALT)),
    ("alt_text", "10 characters", figure_metadata("image", "alt", "It shrinks")),
    ("alt_text", "says it is a figure", figure_metadata("image", "alt", "Plot of the signal by depth")),
    ("alt_text", "says it is a figure", figure_metadata("image", "alt", "A graph showing the signal")),
    ("alt_text", "repeats the caption", figure_metadata("image", "alt", "The signal by depth, 5 seeds.")),
    ("names", "2 figures", draw_twice),
    ("names", "'depth'", figure_metadata("figure", "name", "depth")),
    ("one_title", "no title", source(0, "## Vanishing gradients")),
    ("one_title", "second title", source(2, "# Thirty layers\n\n**Predict.** What?")),
    ("predicts", "no prediction", source(2, "## Thirty layers\n\nWe predict nothing.")),
    ("closing", "Further reading", swap_sections),
    ("closing", "ends with", source(-2, "Text.")),
    ("closing", "ends with", source(-1, "## One more thing")),
    ("closing", "ends with", source(2, "## Assignment\n\n**Predict.** What?")),
    ("questions", "3 questions with choices and 1 without", in_source(-3, "- **a.** This.", "This.")),
    ("questions", "4 questions with choices and 2 without", in_source(-3, "Why?", "Why?\n\n**5.** And?\n\n**6.** So?")),
    ("citations", "'nobody1999'", source(2, "**Predict.** As {cite:t}`he2015delving, nobody1999` do.")),
    ("citations", "'nobody1999'", source(2, "**Predict.** {cite}`nobody1999`")),
    ("citations", "'nobody1999'", source(CHECK, 'dc.check("It dies", 1, source="nobody1999")')),
    ("citations", "'nobody1999'", shows("text/html", '<span data-cite="nobody1999">n</span>')),
    ("short_cells", "26 lines", source(1, "\n".join(f"x{n} = {n}" for n in range(26)))),
    ("claims_checked", "no claim", source(CHECK, "check = 1")),
]  # fmt: skip


def test_a_clean_chapter_breaks_no_rule(tmp_path: Path):
    assert not findings(broken(tmp_path / "01_a.ipynb", lambda content: None))


def test_every_rule_is_tried():
    apart = {"cell_ids", "defined_once", "no_shared_lines"}  # tried below
    assert {rule.__name__ for rule in RULES} == {name for name, _, _ in BREAKS} | apart


@pytest.mark.parametrize(("rule", "said", "change"), BREAKS)
def test_a_rule_finds_what_breaks_it_and_no_other_does(tmp_path: Path, rule: str, said: str, change: Change):
    found = findings(broken(tmp_path / "01_a.ipynb", change))
    assert list(found) == [rule]
    (finding,) = found[rule]
    assert finding.chapter == "01_a"
    assert re.search(said, finding.wrong)
    assert finding.remedy


def test_a_finding_names_chapter_and_cell(tmp_path: Path):
    found = findings(broken(tmp_path / "01_a.ipynb", outputs(stream("stderr", "careful"))))
    assert str(found["no_stderr"][0]).startswith("01_a, cell 4 (In [2]): stores stderr: 'careful'")


def test_ids_are_there_and_differ(tmp_path: Path):
    content = clean_chapter()
    del content["cells"][1]["id"]
    content["cells"][3]["id"] = content["cells"][2]["id"]
    path = tmp_path / "01_a.ipynb"
    path.write_text(json.dumps(content))  # not valid, so `write` would refuse it
    found = findings(load(path))
    assert list(found) == ["cell_ids"]
    assert [finding.cell for finding in found["cell_ids"]] == ["cell 2 (In [1])", "cell 4 (In [2])"]


def two_chapters(folder: Path, first: str, second: str) -> dict[str, list[Finding]]:
    """Return what is found in two chapters, each with a cell of its own besides what all have."""
    chapters = []
    for number, text in enumerate([first, second], start=1):
        content = clean_chapter()
        figure_metadata("figure", "name", f"fig-{number}")(content)
        content["cells"][1]["source"] += f"\n{text}"
        chapters.append(load(write(folder / f"0{number}_chapter.ipynb", content)))
    return findings(*chapters)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(HELPER, "def mean(x):\n    return x", id="one name"),
        pytest.param(HELPER, HELPER.replace("mean", "average"), id="one body"),
        pytest.param(HELPER, HELPER.replace(":\n", ':\n    """Average."""\n    # said\n'), id="one body, told"),
        pytest.param("class Model:\n    a = 1", "class Model:\n    b = 2", id="a class"),
    ],
)
def test_a_helper_in_two_chapters_is_found(tmp_path: Path, first: str, second: str):
    found = two_chapters(tmp_path, first, second)
    assert list(found) == ["defined_once"]
    assert [(finding.chapter, finding.cell) for finding in found["defined_once"]] == [("02_chapter", "cell 2 (In [1])")]


def test_five_lines_in_two_chapters_are_found(tmp_path: Path):
    found = two_chapters(tmp_path, FIVE_LINES, "if True:\n    # the same\n\n" + indent(FIVE_LINES, "    "))
    assert list(found) == ["no_shared_lines"]
    (finding,) = found["no_shared_lines"]
    assert "5 lines" in finding.wrong
    assert "01_chapter, cell 2" in finding.wrong


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(HELPER, "def median(values):\n    return sorted(values)[len(values) // 2]", id="two helpers"),
        pytest.param(FIVE_LINES, FIVE_LINES.rpartition("\n")[0], id="four lines"),
        pytest.param("import a\nimport b\nimport c", "import a\nimport b\nimport c", id="imports"),
    ],
)
def test_what_two_chapters_may_share(tmp_path: Path, first: str, second: str):
    assert not two_chapters(tmp_path, first, second)


def test_a_figure_name_is_used_once_in_the_book(tmp_path: Path):
    chapters = [load(write(tmp_path / f"{name}.ipynb", clean_chapter())) for name in ("01_a", "02_b")]
    found = findings(*chapters)
    assert list(found) == ["names"]
    assert "'fig-depth' of 01_a, cell 5" in found["names"][0].wrong
