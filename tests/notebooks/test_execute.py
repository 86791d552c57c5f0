"""Executing chapters: the same bytes each time, all or nothing, and not a word too many."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.notebooks.synthetic import code, markdown, notebook, write
from tools import execute
from tools.environment import ROOT
from tools.notebook import cell_label, parse, serialize

STREAMS = "import time\nfor step in range(3):\n    print(step, flush=True)\n    time.sleep(0.05)"
FIGURE = "import matplotlib.pyplot as plt\nprint('before')\nplt.plot([1, 2])\nplt.show()\nprint('after')"
SET = "{'seven', 'eight', 'nine'}"  # whose order hangs on the hash seed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chapters"


def outputs(path: Path) -> list[list[dict[str, object]]]:
    return [cell["outputs"] for cell in json.loads(path.read_text("utf-8"))["cells"] if "outputs" in cell]


def test_a_second_run_changes_not_one_byte(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    # A user's own kernel called python3 and other Matplotlib style must play no part.
    spec = folder.parent / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["false"], "display_name": "Mine", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(folder.parent / "jupyter"))
    style = folder.parent / "matplotlibrc"
    style.write_text("figure.figsize: 1, 1\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(style))

    content = notebook(markdown("# Title"), code(STREAMS), code(FIGURE), code(SET), code("%pwd"))
    content["metadata"] = {"language_info": {"name": "python", "version": "2.7"}, "toc": {}}
    content["cells"][1]["metadata"] = {
        "tags": ["kept"],
        "execution": {"iopub.status.busy": "now"},
        "scrolled": True,
    }
    content["cells"][1]["execution_count"] = 12
    content["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "stale"}]
    path = write(folder / "01_first.ipynb", content)
    path.chmod(0o644)

    assert execute.main([], folder) == 0
    said = capfd.readouterr()
    first = path.read_bytes()
    assert execute.main(["1"], folder) == 0
    assert path.read_bytes() == first
    assert path.stat().st_mode & 0o777 == 0o644

    assert said.err == "01_first: changed\n"
    assert [line.split()[0] for line in said.out.splitlines()] == ["chapter", "01_first"]
    again = capfd.readouterr()
    assert again.err == "01_first: unchanged\n"
    row = again.out.splitlines()[1].split()
    assert float(row[1]) > 0
    assert float(row[2]) > 0.01
    assert row[4:] == ["1", "unchanged"]

    stored = json.loads(first)
    assert stored["metadata"].keys() == {"kernelspec", "language_info"}
    assert stored["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in stored["metadata"]["language_info"]
    assert [cell["id"] for cell in stored["cells"]] == [f"cell-{index}" for index in range(5)]
    assert [cell["execution_count"] for cell in stored["cells"][1:]] == [1, 2, 3, 4]
    assert stored["cells"][1]["metadata"] == {"tags": ["kept"]}
    streams, figure, _, place = outputs(path)
    assert streams == [{"name": "stdout", "output_type": "stream", "text": ["0\n", "1\n", "2\n"]}]
    assert [output.get("text") for output in figure] == [["before\n"], None, ["after\n"]]
    assert list(figure[1]["data"]) == ["image/png"]  # type: ignore[call-overload]
    assert str(folder) in place[0]["data"]["text/plain"][0]  # type: ignore[index]
    assert first.endswith(b"}\n")
    assert b"\r" not in first
    assert sorted(path.name for path in folder.iterdir()) == ["01_first.ipynb"]


def test_what_fails_stays_as_it_was_and_the_others_run(folder: Path, capfd: pytest.CaptureFixture[str]):
    paths = {
        name: write(folder / f"{name}.ipynb", notebook(markdown("# Title"), code("x = 0"), code(source)))
        for name, source in {
            "01_raises": "def inverse(x):\n    return 1 / x\ninverse(x)",
            "02_warns": "import warnings\nwarnings.warn('careful')",
            "03_library_warns": "import os, time\nos.write(2, b'from C')\ntime.sleep(0.5)",
            "04_dies": "import os\nos._exit(3)",
            "05_is_edited": "import pathlib\npathlib.Path('05_is_edited.ipynb').open('a').write(' ')",
            "06_runs": "x + 7",
        }.items()
    }
    (folder / "07_broken.ipynb").write_text('{"cells": 3}')
    before = {name: path.read_bytes() for name, path in paths.items()}

    assert execute.main([], folder) == 1

    said = capfd.readouterr()
    del before["06_runs"]
    assert paths["05_is_edited"].read_bytes() == before.pop("05_is_edited") + b" "
    assert {name: paths[name].read_bytes() for name in before} == before
    assert outputs(paths["06_runs"])[1][0]["data"] == {"text/plain": ["7"]}
    outcomes = {line.split()[0]: line.split()[-1] for line in said.out.splitlines()[1:]}
    assert outcomes.pop("06_runs") == "changed"
    assert set(outcomes.values()) == {"failed"}
    for expected in (
        "01_raises: cell 3 (In [2]): ZeroDivisionError\n    | def inverse(x):\n    |     return 1 / x\n",
        "    ZeroDivisionError: division by zero\n",
        "02_warns: cell 3 (In [2]): wrote to stderr\n",
        "UserWarning: careful\n",
        "03_library_warns: cell 3 (In [2]): wrote to stderr\n",
        "04_dies: cell 3 (In [2]): ended the kernel\n",
        "05_is_edited: the file was changed while it ran",
        "07_broken: it is not a notebook",
    ):
        assert expected in said.err
    assert "\x1b" not in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process alone")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_stopping_leaves_files_and_no_process(folder: Path, number: signal.Signals):
    # A child of the kernel: it too must be gone.
    waits = "import pathlib, subprocess\npathlib.Path(f'running-{n}').touch()\nsubprocess.run(['sleep', '99'])"
    for name in ("01_a", "02_b", "03_c"):
        write(folder / f"{name}.ipynb", notebook(code(f"n = '{name}'"), code(waits)))
    before = {path: path.read_bytes() for path in folder.glob("*.ipynb")}
    command = "import sys, pathlib, tools.execute as e; sys.exit(e.main([], pathlib.Path(sys.argv[1])))"
    process = subprocess.Popen(
        [sys.executable, "-c", command, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(list(folder.glob("running-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert len(started) >= 4  # two kernels, and what each of them waits for
    assert not psutil.wait_procs(started, timeout=5)[1]
    assert {path: path.read_bytes() for path in before} == before
    assert err == "Interrupted. What is not in the table as changed is as it was.\n"
    assert out.count("left as it was") == 3
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_an_unknown_chapter_is_answered_with_those_there_are(folder: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("01_a", "02_b"):
        write(folder / f"{name}.ipynb", notebook(code("1")))
    assert execute.main(["02", "7"], folder) == 2
    assert capsys.readouterr().err == "no such chapter: 7. There are:\n  01_a\n  02_b\n"


def test_a_folder_without_chapters_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert execute.main([], tmp_path) == 2
    assert "no chapter found" in capsys.readouterr().err


@pytest.mark.parametrize("names", [["2"], ["02"], ["02_b"], ["chapters/02_b.ipynb"], ["2", "02"]])
def test_chapters_are_selected_by_number_or_name(folder: Path, names: list[str]):
    for name in ("01_a", "02_b", "20_c"):
        write(folder / f"{name}.ipynb", notebook(code("1")))
    assert [path.stem for path in execute.select(names, folder)] == ["02_b"]


def test_missing_and_repeated_ids_are_made_from_the_source():
    content = notebook(code("a"), code("a"), code("b"), markdown("c"))
    for index in (0, 1, 2):
        del content["cells"][index]["id"]
    content["nbformat_minor"] = 4
    ids = [[cell.id for cell in parse(json.dumps(content).encode()).cells] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 4
    assert ids[0][3] == "cell-3"
    content["cells"][2]["id"] = "cell-3"
    assert parse(json.dumps(content).encode()).cells[2].id == "cell-3"
    assert parse(json.dumps(content).encode()).cells[3].id != "cell-3"


def test_serializing_what_is_stored_changes_nothing():
    stored = serialize(parse(json.dumps(notebook(code("é = 1"), markdown("# Title"))).encode()))
    assert serialize(parse(stored)) == stored
    assert "é".encode() in stored


def test_cells_are_named_by_place_and_count():
    cells = notebook(markdown("a"), code("b"), markdown("c"), code("d"))["cells"]
    assert [cell_label(cells, index) for index in range(4)] == [
        "cell 1",
        "cell 2 (In [1])",
        "cell 3",
        "cell 4 (In [2])",
    ]
