"""Pytest plugin: each code cell of each chapter is a test that it still gives what is stored with it.

Each cell of a solved assignment is a test too, that it runs without a word of complaint; these are stored without
outputs.

nbval runs the cells and compares text; figures, which nbval leaves out, are compared here as pictures, in
the same execution. There is no way out: the tags and comments with which nbval lets a cell go unchecked
count for nothing in a chapter.
"""

from __future__ import annotations

import base64
import difflib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from tests.notebooks import drawn_data, pictures
from tools.kernel import ChapterKernel
from tools.notebook import cell_label, clean_outputs

STARTUP_SECONDS = 300
CELL_SECONDS = 600
OUTPUT_SECONDS = 60
LINES_SHOWN = 60


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the notebooks in chapters/ and the sources of the assignments, and no others."""
    folders = {"chapters": Chapter, f"exercises/source/{file_path.stem}": Solution}
    for folder, kind in folders.items():
        if file_path.suffix == ".ipynb" and file_path.parent == parent.config.rootpath / folder:
            notebook: pytest.Collector = kind.from_parent(parent, path=file_path)
            return notebook
    return None


class Kernel(RunningKernel):  # type: ignore[misc]
    """nbval's kernel, started as `tools.execute` starts it."""

    def __init__(self, folder: Path) -> None:
        shared = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1  # with the kernels of other workers
        self._kernel = ChapterKernel(KernelManager, folder, one_thread=shared)
        try:
            self.km = self._kernel.manager
            self.km.start_kernel(**self._kernel.start_options)
            self.kc = self.km.client()
            self.kc.start_channels()
            self.kc.wait_for_ready(timeout=STARTUP_SECONDS)
            self._ensure_iopub_up()
        except RuntimeError as error:
            said = self._kernel.last_words
            self._kernel.stop()
            raise RuntimeError(f"the kernel did not start.\n{said}") from error

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        """Send a cell, as nbclient sends it: without history, IPython echoes a last line that ends in ``;``."""
        msg_id: str = self.kc.execute(cell_input, store_history=True, allow_stdin=False, stop_on_error=False)
        return msg_id

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Wait for a cell to end, but not for a kernel that is no more."""
        ends = time.monotonic() + CELL_SECONDS
        while True:
            try:
                super().await_reply(msg_id, timeout=1)
            except Empty:
                if not self.is_alive():
                    raise RuntimeError(f"ended the kernel\n{self._kernel.last_words}".strip()) from None
                if time.monotonic() > ends:
                    raise
            else:
                return

    def stop(self) -> None:
        self.kc.stop_channels()
        self.km.shutdown_kernel(now=True)
        self._kernel.stop()


class Chapter(IPyNbFile):  # type: ignore[misc]
    """A notebook in chapters/; it is run from its first cell to its last in one kernel."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cells_are: type[Cell] = Cell
        self.skip_compare = ("metadata", "output_type", "execution_count", "image/png", drawn_data.VEGA_LITE)
        self.ended_by: str | None = None
        """The cell after which the rest cannot be run any more."""

    def collect(self) -> Iterator[Cell]:
        """Yield a test for each code cell."""
        for item in super().collect():
            index = next(i for i, cell in enumerate(self.nb.cells) if cell is item.cell)
            yield self.cells_are.from_parent(
                self,
                name=cell_label(self.nb.cells, index),
                cell_num=item.cell_num,
                cell=item.cell,
                options={"check": True, "check_exception": False, "skip": False},
            )

    def setup(self) -> None:
        self.kernel = Kernel(self.path.parent)

    def teardown(self) -> None:
        if self.kernel is not None:
            self.kernel.stop()


class Cell(IPyNbCell):  # type: ignore[misc]
    """A code cell; it passes when running it gives what is stored, word for word and picture for picture."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.output_timeout = OUTPUT_SECONDS
        self.chapter = self.path.stem

    def setup(self) -> None:
        if self.parent.ended_by:
            pytest.skip(f"{self.parent.ended_by} stopped the chapter")

    def runtest(self) -> None:
        """Run the cell and compare.

        Raises:
            NbCellError: if it raises, ends the kernel or takes too long, or does not give what is stored.
        """
        self.comparison_traceback: list[str] = []
        try:
            super().runtest()
        except (NbCellError, RuntimeError) as error:
            if not self.comparison_traceback:
                self.parent.ended_by = self.name
            if isinstance(error, RuntimeError):
                self.raise_cell_error(str(error))
            raise
        self.confirm_that_it_was_run()

    def confirm_that_it_was_run(self) -> None:
        """Refuse a cell that is stored without having been run."""
        if self.cell.execution_count is None:
            self.raise_cell_error("is stored without having been run")

    def compare_outputs(self, test: list[Any], ref: list[Any], skip_compare: object = None) -> bool:
        """Compare new outputs with the stored ones, and note all that differs."""
        test, ref = clean_outputs(test), clean_outputs(ref)
        found = self._errors_said(test, ref)
        test, ref = _without_stderr(test), _without_stderr(ref)
        if not super().compare_outputs(test, ref):
            found += self.comparison_traceback
        found += self._figures_that_differ(_figures(ref), _figures(test))
        found += self._data_that_differ(_drawn(ref), _drawn(test))
        self.comparison_traceback = found
        return not found

    def format_output_compare(self, key: str, left: str, right: str) -> None:
        """Show, where nbval found that text differs, the lines that do."""
        lines = list(difflib.unified_diff(left.splitlines(), right.splitlines(), "stored", "new", lineterm="", n=2))
        cut = [f"… {len(lines) - LINES_SHOWN} lines more"] if len(lines) > LINES_SHOWN else []
        self.comparison_traceback += [f"{key} is not what is stored:", *lines[:LINES_SHOWN], *cut]

    def _errors_said(self, test: list[Any], ref: list[Any]) -> list[str]:
        """Stderr is a fault even where it is stored: readers would see it, and no two machines warn alike."""
        return [
            f"wrote to stderr ({when}):\n{output.text}"
            for when, outputs in [("now", test), ("as stored", ref)]
            for output in outputs
            if output.get("name") == "stderr"
        ]

    def _figures_that_differ(self, stored: list[bytes], new: list[bytes]) -> list[str]:
        if len(stored) != len(new):
            return [f"stored with {len(stored)} figures, now gives {len(new)}"]
        found = []
        figure = self.cell.metadata.get("mystnb", {}).get("figure", {})
        for number, (before, after) in enumerate(zip(stored, new, strict=True), start=1):
            difference = pictures.compare(before, after)
            if difference.same:
                continue
            name = figure.get("name") or f"cell-{self.cell_num + 1}-figure-{number}"
            path = Path("_build", "figure-differences", f"{self.chapter}-{name}.png")
            pictures.save(self.config.rootpath / path, before, after, difference)
            found.append(
                f"figure {name} is not what is stored: {difference}.\n"
                f"  caption: {figure.get('caption', 'none')}\n"
                f"  stored, new and difference side by side: {path}"
            )
        return found

    def _data_that_differ(self, stored: list[Any], new: list[Any]) -> list[str]:
        found = list(drawn_data.differences(stored, new))
        cut = [f"… {len(found) - LINES_SHOWN} more"] if len(found) > LINES_SHOWN else []
        return (
            ["the data of the interactive figure is not what is stored:", *found[:LINES_SHOWN], *cut] if found else []
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None) -> Any:
        """Say which cell of which chapter failed, what it says, how it failed, and what to do."""
        error = excinfo.value
        if not isinstance(error, NbCellError):
            return pytest.Item.repr_failure(self, excinfo)
        source = "\n".join(f"    | {line}" for line in error.source.splitlines())
        details = re.sub(r"\x1b\[[0-9;]*m", "", error.inner_traceback or "").strip()
        advice = f'If what it gives now is right: make execute CHAPTERS="{self.chapter}"'
        said = [
            f"{self.chapter}, {self.name}: {error}",
            source,
            details,
            "" if self.parent.ended_by else advice,
        ]
        return "\n".join(filter(None, said))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.chapter}, {self.name}"


class Solution(Chapter):
    """An assignment's source: with its solutions filled in, it runs from its first cell to its last."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cells_are = SolutionCell


class SolutionCell(Cell):
    """A cell of a solved assignment; it passes when it runs and writes nothing on stderr."""

    def compare_outputs(self, test: list[Any], ref: list[Any], skip_compare: object = None) -> bool:
        """Note what was written on stderr; there are no outputs to compare with."""
        self.comparison_traceback = self._errors_said(clean_outputs(test), [])
        return not self.comparison_traceback

    def confirm_that_it_was_run(self) -> None:
        """Do nothing: an assignment is stored without outputs."""


def _without_stderr(outputs: list[Any]) -> list[Any]:
    return [output for output in outputs if output.get("name") != "stderr"]


def _figures(outputs: list[Any]) -> list[bytes]:
    datas = [output.get("data", {}) for output in outputs]
    return [base64.b64decode(data["image/png"]) for data in datas if "image/png" in data]


def _drawn(outputs: list[Any]) -> list[Any]:
    datas = [output.get("data", {}) for output in outputs]
    return [data[drawn_data.VEGA_LITE] for data in datas if drawn_data.VEGA_LITE in data]
