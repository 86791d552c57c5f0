"""A chapter that no longer gives what is stored fails, whichever way; one that does passes.

The course's own pytest settings and conftest are used, in a folder with chapters made for the purpose.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.notebooks.synthetic import Notebook, code, executed, figure_png, markdown, notebook, stream, write
from tools import execute
from tools.environment import ROOT

DRAW = "plt.plot(np.sin(np.arange(9)) * scale)\nplt.show()"
SOURCES = {
    "set-up": "import matplotlib.pyplot as plt\nimport numpy as np\nscale = 1",
    "text": "print('one')\nprint('two')",
    "value": "scale + 1",
    "html": "from IPython.display import HTML\nHTML('<b>three</b>')",
    "figure": DRAW,
    "shaded": DRAW,
    "no figure": DRAW,
    "size": DRAW,
    "stderr": "import sys",
    "library": "import os, time",
    "unrun": "scale",
    "ignored": "# NBVAL_IGNORE_OUTPUT\nprint('four')",
    "last": "scale",
}


@dataclass(frozen=True)
class Session:
    """What a session of pytest said of each cell: nothing, why it failed, or why it was skipped."""

    said: dict[str, list[str]]
    root: Path


def change_png(change: Callable[[Image.Image], Image.Image]) -> Callable[[Notebook], object]:
    def apply(cell: Notebook) -> None:
        data = cell["outputs"][0]["data"]
        file = io.BytesIO()
        change(Image.open(io.BytesIO(base64.b64decode(data["image/png"])))).save(file, "PNG")
        data["image/png"] = base64.b64encode(file.getvalue()).decode()

    return apply


def shade(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).integers(-1, 2, np.asarray(image).shape)
    return Image.fromarray((np.asarray(image).astype(int) + noise).clip(0, 255).astype(np.uint8))


def another(image: Image.Image) -> Image.Image:
    other = figure_png(lambda axes: axes.bar([1, 2, 3], [3, 1, 2]))
    return Image.open(io.BytesIO(other)).resize(image.size)


TAMPERED: dict[str, Callable[[Notebook], object]] = {
    "text": lambda cell: cell["outputs"][0].update(text=["one\n", "three\n"]),
    "value": lambda cell: cell["outputs"][0]["data"].update({"text/plain": "3"}),
    "html": lambda cell: cell["outputs"][0]["data"].update({"text/html": "<b>four</b>"}),
    "figure": change_png(another),
    "shaded": change_png(shade),
    "no figure": lambda cell: cell.update(outputs=[]),
    "size": change_png(lambda image: image.resize((image.width, image.height + 1))),
    "stderr": lambda cell: cell.update(
        source="import sys\nprint('careful', file=sys.stderr)", outputs=[stream("stderr", "careful\n")]
    ),
    "library": lambda cell: cell.update(source="import os, time\nos.write(2, b'from C')\ntime.sleep(0.5);"),
    "unrun": lambda cell: cell.update(execution_count=None, outputs=[]),
    "ignored": lambda cell: cell["outputs"][0].update(text="five\n"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder like the course's, with a true chapter, a false one and two that stop."""
    root = tmp_path_factory.mktemp("course")
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, root)
    chapters = root / "chapters"
    cells = [
        code(source, mystnb={"figure": {"caption": f"The {name}", "name": f"fig-{name}"}})
        for name, source in SOURCES.items()
    ]
    path = write(chapters / "01_true.ipynb", notebook(markdown("# Title"), *cells))
    assert execute.main([], chapters) == 0

    false = json.loads(path.read_text("utf-8"))
    for name, cell in zip(SOURCES, false["cells"][1:], strict=True):
        TAMPERED.get(name, lambda cell: None)(cell)
    write(chapters / "02_false.ipynb", false)

    stops = {"03_raises": "x = [1]\nx[1]", "04_dies": "import os\nos._exit(3)"}
    for name, source in stops.items():
        content = notebook(code("1;"), code(source, tags=["raises-exception"]), code("2;"))
        executed(content)
        write(chapters / f"{name}.ipynb", content)
    write(root / "elsewhere" / "05_other.ipynb", notebook(code("1 / 0")))
    return root


@pytest.fixture(scope="module", params=["alone", "in two processes"])
def session(request: pytest.FixtureRequest, root: Path) -> Session:
    two = ["-n", "2", "--dist", "loadfile"] if request.param == "in two processes" else []
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml", "report.xml", *two]
    ran = subprocess.run(
        [*command, "chapters", "elsewhere"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    said: dict[str, dict[str, str]] = {}
    for case in ET.parse(root / "report.xml").iter("testcase"):
        reasons = [child.text or child.attrib["message"] for child in case if child.tag != "properties"]
        said.setdefault(case.attrib["classname"], {})[case.attrib["name"]] = "\n".join(reasons)
    return Session({name.split(".")[1]: list(cells.values()) for name, cells in said.items()}, root)


def test_chapters_are_collected_and_nothing_else(session: Session):
    assert {name: len(cells) for name, cells in session.said.items()} == {
        "01_true": len(SOURCES),
        "02_false": len(SOURCES),
        "03_raises": 3,
        "04_dies": 3,
    }


def test_a_true_chapter_passes(session: Session):
    assert not any(session.said["01_true"])


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("text", "\nstdout is not what is stored:\n--- stored\n+++ new\n@@ -1,2 +1,2 @@\n one\n-three\n+two\n"),
        ("value", "\ntext/plain is not what is stored:\n--- stored\n+++ new\n@@ -1 +1 @@\n-3\n+2\n"),
        ("html", "\n-<b>four</b>\n+<b>three</b>\n"),
        ("figure", "figure fig-figure is not what is stored: the 8 × 8 pixels that differ most do by 0."),
        ("no figure", "stored with 0 figures, now gives 1"),
        ("size", "figure fig-size is not what is stored: stored with "),
        ("stderr", "wrote to stderr (now):\ncareful"),
        ("stderr", "wrote to stderr (as stored):\ncareful"),
        ("library", "wrote to stderr (now):\nfrom C"),
        ("unrun", "is stored without having been run"),
        ("ignored", "-five\n+four"),
    ],
)
def test_a_false_cell_fails_and_says_how(session: Session, cell: str, says: str):
    index = list(SOURCES).index(cell)
    message = session.said["02_false"][index]
    assert message.startswith(f"02_false, cell {index + 2} (In [{index + 1}]): ")
    assert says in message
    assert message.endswith('make execute CHAPTERS="02_false"')


def test_true_cells_among_false_ones_pass(session: Session):
    failed = {cell for cell, message in zip(SOURCES, session.said["02_false"], strict=True) if message}
    assert failed == set(TAMPERED) - {"shaded"}


@pytest.mark.parametrize("cell", ["figure", "size"])
def test_figures_that_differ_can_be_looked_at(session: Session, cell: str):
    message = session.said["02_false"][list(SOURCES).index(cell)]
    path = Path("_build", "figure-differences", f"02_false-fig-{cell}.png")
    assert f"  caption: The {cell}\n" in message
    assert str(path) in message
    with Image.open(session.root / path) as sheet:
        assert sheet.width > 1000


@pytest.mark.parametrize(
    ("chapter", "says"),
    [
        ("03_raises", "IndexError: list index out of range"),
        ("04_dies", "cell 2 (In [2]): ended the kernel\n    | import os\n"),
    ],
)
def test_a_chapter_stops_where_it_cannot_go_on(session: Session, chapter: str, says: str):
    first, second, third = session.said[chapter]
    assert first == ""
    assert second.startswith(f"{chapter}, cell 2 (In [2]): ")
    assert says in second
    assert "make execute" not in second
    assert third.endswith("cell 2 (In [2]) stopped the chapter")
