"""One chapter, run in a kernel of its own from its first cell to its last, and stored."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from tools import notebook as stored
from tools.kernel import ChapterKernel

TRACEBACK_LINES = 12


class ChapterError(Exception):
    """A chapter cannot be stored; the message says where, why and what was said."""


@dataclass
class Run:
    """One chapter, and what is known of its execution so far."""

    path: Path
    cells: int = 0
    done: int = 0
    seconds: float = 0.0
    peak_bytes: int = 0
    figures: int = 0
    outcome: str = "left as it was"
    kernel: ChapterKernel[AsyncKernelManager] | None = None
    stopped: bool = False

    def sample_memory(self) -> None:
        """Note the memory that the kernel and its children hold now, if it is more than before."""
        held = 0
        for process in self.kernel.processes() if self.kernel else []:
            with suppress(psutil.Error):
                held += process.memory_info().rss
        self.peak_bytes = max(self.peak_bytes, held)

    def stop(self) -> None:
        """Let nothing more be run or stored. A file that is being replaced just now is completed."""
        self.stopped = True
        if self.kernel:
            self.kernel.stop()


def execute(run: Run) -> None:
    """Execute one chapter in place, and note in `run` how it went.

    Raises:
        ChapterError: if it could not be run to its end, or spoke on stderr; the file is unchanged.
    """
    before = run.path.read_bytes()
    try:
        notebook = stored.parse(before)
    except ValueError as error:
        raise ChapterError(str(error)) from error
    stored.clear(notebook)
    run.cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    started = time.perf_counter()
    try:
        _run_cells(run, notebook)
    finally:
        run.seconds = time.perf_counter() - started
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise ChapterError(_report(notebook, index, "wrote to stderr", output.text))
            run.figures += "image/png" in output.get("data", {})
    after = stored.serialize(notebook)
    if run.stopped:
        return
    if run.path.read_bytes() != before:
        raise ChapterError("the file was changed while it ran, so nothing was stored. Run it again.")
    if after != before:
        stored.replace(run.path, after)
    run.outcome = "unchanged" if after == before else "changed"


def _run_cells(run: Run, notebook: NotebookNode) -> None:
    current: int | None = None

    def begin(cell: NotebookNode, cell_index: int) -> None:
        nonlocal current
        current = cell_index
        if run.stopped:
            raise ChapterError("stopped")

    def finish(cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
        run.done += 1

    with ChapterKernel(AsyncKernelManager, run.path.parent) as kernel:
        run.kernel = kernel
        client = NotebookClient(
            notebook,
            km=kernel.manager,
            startup_timeout=300,
            iopub_timeout=60,
            force_raise_errors=True,
            store_widget_state=False,
            record_timing=False,
            on_cell_execute=begin,
            on_cell_executed=finish,
        )
        try:
            # Not client.execute(): in a thread it leaves its event loop open. And on Windows the
            # default loop is one that zmq complains of.
            with closing(asyncio.SelectorEventLoop()) as loop:
                loop.run_until_complete(client.async_execute(cleanup_kc=True, **kernel.start_options))
        except CellExecutionError as error:
            assert current is not None
            raise ChapterError(_report(notebook, current, error.ename, error.traceback)) from error
        except RuntimeError as error:
            said = f"{kernel.last_words}\n{error}"
            if current is None:
                raise ChapterError(f"its kernel did not start.\n{said}") from error
            raise ChapterError(_report(notebook, current, "ended the kernel", said)) from error


def _report(notebook: NotebookNode, index: int, what: str, said: str) -> str:
    """Say which cell it was, what it says, and the last lines of what came of it."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", said).strip().splitlines()[-TRACEBACK_LINES:]
    source = notebook.cells[index].source.splitlines()
    return "\n".join(
        [f"{stored.cell_label(notebook.cells, index)}: {what}"]
        + [f"    | {line}" for line in source]
        + [f"    {line}" for line in lines]
    )
