"""One submission, run from its first cell to its last within its bounds; nothing that it does stops the grader."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader import utils

from grading import sandbox
from grading.assignment import grade_id
from grading.limits import Limits

GRACE_SECONDS = 5.0
START_SECONDS = 120
_WATCH_SECONDS = 0.25
_KEPT_KINDS = ("text/plain", "image/png", "image/jpeg", "text/latex")
_OUTPUTS = ("stream", "display_data", "execute_result", "error")
_ERROR_CHARACTERS = 10_000
_MESSAGE_BYTES = 100  # of one that says nothing
_CANARY = "assert False, {secret!r}"
_PROOF = "\nprint({secret!r})"


@dataclass
class Execution:
    """What became of a submission's run."""

    notebook: NotebookNode
    remarks: list[str] = field(default_factory=list)
    """What an instructor should know: what was cut, interrupted, ended or tampered with."""
    seconds: float = 0.0
    started: bool = False
    """Whether there was a kernel at all. That there was none is not the submission's fault."""


_running: set[_Client] = set()


class Tampered(Exception):
    """The kernel reports success where there can be none."""


def run(notebook: NotebookNode, limits: Limits, *, slot: int = 0, sandboxed: bool = True) -> Execution:
    """Run every cell of `notebook`, with its outputs replaced, in a kernel of its own.

    A cell that raises does not stop the rest. A test cell counts as passed only if it printed, as its last act, a
    secret that it was given when it was sent: a kernel that swallows errors does not. And a cell that must fail,
    sent last, catches one that skips assertions. After either, no test counts.

    Args:
        notebook: the merged submission; it is changed in place.
        limits: what it may use.
        slot: number of the submission among those that run at this moment.
        sandboxed: False to run it without protection.
    """
    execution = Execution(notebook)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as folder:
        client = _Client(execution, limits, Path(folder), slot=slot, sandboxed=sandboxed)
        _running.add(client)
        try:
            with closing(asyncio.SelectorEventLoop()) as loop:
                loop.run_until_complete(client.run_all())
        finally:
            _running.discard(client)
            atexit.unregister(client._cleanup_kernel)  # nbclient forgets to, where a kernel did not start
    execution.seconds = time.monotonic() - started
    return execution


def stop_all() -> None:
    """End every run at once, from any thread. What :func:`run` returns then is not to be used."""
    for client in list(_running):
        client.stop("stopped")


class _Manager(AsyncKernelManager):
    """Gives out clients that do not hoard what a kernel floods them with."""

    def client(self, **options: Any) -> AsyncKernelClient:  # type: ignore[override]
        client: AsyncKernelClient = super().client(**options)
        client.context = zmq.asyncio.Context()  # the manager hands on its own, whose queues are long
        client.context.rcvhwm = 20  # messages
        client._created_context = True  # so that it is closed with the channels
        client.context.maxmsgsize = 64 * 2**20  # bytes of each
        return client


class _Client(NotebookClient):
    def __init__(self, execution: Execution, limits: Limits, folder: Path, *, slot: int, sandboxed: bool) -> None:
        self._log = folder / "log.txt"
        sockets = folder / "sockets"
        sockets.mkdir()
        self._folder = folder
        self._execution, self._limits, self._sockets = execution, limits, sockets
        self._ends = time.monotonic() + limits.total_seconds
        self._ended = ""
        self._cell_bytes = 0
        self._at = ""
        manager = _Manager(
            kernel_name="submission",
            kernel_spec_manager=sandbox.Kernels(limits, sockets, slot=slot, sandboxed=sandboxed),
            connection_file=str(sockets / "connection.json"),
            transport="ipc",
            transport_encryption="disabled",
        )
        super().__init__(
            execution.notebook,
            km=manager,
            allow_errors=True,
            startup_timeout=START_SECONDS,
            iopub_timeout=GRACE_SECONDS,
            raise_on_iopub_timeout=False,
            interrupt_on_timeout=True,
            shutdown_kernel="immediate",
            store_widget_state=False,
            record_timing=False,
            timeout_func=self._timeout,
        )

    async def run_all(self) -> None:
        """Start the kernel, run the cells one by one, and say of those that could not run why."""
        cells = self._execution.notebook.cells
        for cell in cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        try:
            with self._log.open("wb") as log:
                await self.async_start_new_kernel(stdout=log, stderr=log, cwd=str(self._folder))
            async with self.async_setup_kernel(cleanup_kc=True):
                self._execution.started = True
                self._close_folder()
                watch = asyncio.ensure_future(self._watch())
                try:
                    await self._run_cells()
                except Tampered as error:
                    self._distrust(str(error))
                except Exception as error:  # a kernel's messages are for a submission to forge
                    said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
                    self._distrust(f"the kernel sent what no kernel sends ({said}), and no test can be trusted")
                finally:
                    watch.cancel()
                    self._kill()
                    await _cancel_all_others()
        except Exception as error:
            if not self._execution.started:
                said = self._log.read_text(errors="replace")[-2000:]
                self._ended = self._ended or f"the kernel did not start: {error}. It said: {said}"
        if self._ended:
            self._execution.remarks.append(self._ended)
        for cell in cells:
            if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None and not cell.outputs:
                cell.outputs = [_error("NotRun", self._ended)]

    async def _run_cells(self) -> None:
        for index, cell in enumerate(self._execution.notebook.cells):
            if cell.cell_type == "code" and not self._ended:
                await self._run_cell(cell, index)
        if not self._ended:
            await self._confirm_that_assertions_fail()

    def _distrust(self, why: str) -> None:
        self._ended = why
        for cell in self._execution.notebook.cells:
            if utils.is_grade(cell) and cell.cell_type == "code":
                cell.outputs = [_error("NotGraded", why)]

    async def _run_cell(self, cell: NotebookNode, index: int) -> None:
        if self._seconds_left(cell) <= 0:
            self._ended = f"all cells together took longer than {self._limits.total_seconds:.0f} s"
            return
        secret = f"passed {secrets.token_hex(16)}"
        is_test = utils.is_grade(cell)
        source = cell.source
        if is_test:
            cell.source = source + _PROOF.format(secret=secret)
        self._cell_bytes, self._at = 0, grade_id(cell) or f"cell {index + 1}"
        try:
            await self.async_execute_cell(cell, index)
        except DeadKernelError:
            self._ended = self._ended or f"{self._at}: the kernel ended, and nothing after it could run"
            cell.outputs = [*cell.outputs, _error("KernelEnded", self._ended)]
        finally:
            cell.source = source
        cell.outputs = [_cut(output) for output in cell.outputs]
        if is_test:
            _settle(cell, secret)

    async def _confirm_that_assertions_fail(self) -> None:
        secret = secrets.token_hex(16)
        canary = new_code_cell(_CANARY.format(secret=secret))
        self._cell_bytes, self._at = 0, "after the last cell"
        try:
            await self.async_execute_cell(canary, len(self._execution.notebook.cells))
        except IndexError:  # it is no cell of the notebook's, so it cannot be put back into it
            pass
        except DeadKernelError:
            ended = self._ended or "the kernel ended when it was asked to fail"
            raise Tampered(f"{ended}, and no test can be trusted") from None
        if not any(output.output_type == "error" and output.evalue == secret for output in canary.outputs):
            raise Tampered(
                "an assertion that must fail did not: the kernel was tampered with, or drowned in its output, and no "
                "test can be trusted"
            )

    def _seconds_left(self, cell: NotebookNode | None = None) -> float:
        return min(self._limits.cell_seconds, self._ends - time.monotonic())

    def _timeout(self, cell: NotebookNode) -> float:
        # nbclient takes what is not positive for no bound at all.
        return max(self._seconds_left(cell), GRACE_SECONDS)

    async def _async_handle_timeout(self, timeout: int, cell: NotebookNode | None = None) -> dict[str, Any]:
        """Interrupt the cell; where that does not help within a grace, end the kernel."""
        assert self.kc is not None
        assert self.km is not None
        await ensure_async(self.km.interrupt_kernel())
        said = f"{self._at}: took longer than {timeout:.0f} s and was interrupted"
        with suppress(Exception):
            await asyncio.wait_for(self.kc.shell_channel.get_msg(timeout=None), GRACE_SECONDS)
            self._execution.remarks.append(said)
            return {"content": {"status": "error", "ename": "TookTooLong", "evalue": said, "traceback": [said]}}
        self.stop(f"{said} in vain; nothing after it could run")
        raise DeadKernelError(self._ended)

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Keep of what a cell puts out what fits; end the run of one that floods."""
        if msg["msg_type"].startswith(("comm", "update_display")):  # it would change what is cleaned already
            return None
        msg["content"].pop("transient", None)
        if "execution_count" in msg["content"]:
            msg["content"]["execution_count"] = self.code_cells_executed
        if msg["msg_type"] in _OUTPUTS:
            before = self._cell_bytes
            self._cell_bytes += _MESSAGE_BYTES + sum(len(value) for value in _strings(msg["content"]))
            if not _sound(msg["msg_type"], msg["content"]):
                return None
            if self._cell_bytes > self._limits.flood_bytes:
                self.stop(f"{self._at}: put out more than {self._limits.flood_bytes / 1e6:.0f} MB")
            failed = any(output.output_type == "error" for output in cell.outputs)
            if self._cell_bytes > self._limits.output_bytes and (failed or msg["msg_type"] != "error"):
                if before <= self._limits.output_bytes:
                    note = f"\n[output cut after {self._limits.output_bytes / 1e6:.0f} MB]\n"
                    cell.outputs.append(new_output("stream", name="stdout", text=note))
                    self._execution.remarks.append(f"{self._at}: output cut")
                return None
        return super().process_message(msg, cell, cell_index)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            held = processes = 0
            for process in self._processes():
                with suppress(psutil.Error):
                    held += process.memory_info().rss
                    processes += 1
            sizes = list(self._sizes())
            for amount, bound, what in (
                (held, self._limits.memory_bytes, "memory"),
                (processes, self._limits.processes, "processes"),
                (sum(sizes), self._limits.disk_bytes, "disk"),
                (len(sizes), 100, "files"),
            ):
                if amount > bound:
                    self.stop(f"{self._at}: used more {what} than the {bound:,} that are allowed")

    def _close_folder(self) -> None:
        """Let nothing more be written beside the sockets. Root's sandbox cannot undo that; another's is watched."""
        for path in (self._sockets, self._sockets / "connection.json"):
            if os.getuid() == 0:
                os.chown(path, 0, 0)
            path.chmod(0o500)

    def _sizes(self) -> Iterator[int]:
        for folder, folders, files in os.walk(self._sockets):
            for name in folders + files:
                with suppress(OSError):
                    yield os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 (of a hostile folder)

    def _processes(self) -> list[psutil.Process]:
        pid = getattr(self.km.provisioner, "pid", None) if self.km else None
        with suppress(psutil.Error):
            if pid is not None:
                first = psutil.Process(pid)
                return [first, *first.children(recursive=True)]
        return []

    def stop(self, why: str) -> None:
        """End the kernel with all that it started, and let nothing more be run."""
        self._ended = self._ended or why
        self._kill()

    def _kill(self) -> None:
        # Without a sandbox its children do not end with it.
        for process in self._processes():
            with suppress(psutil.Error):
                process.kill()


async def _cancel_all_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _strings(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from _strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from _strings(value)


def _error(name: str, said: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=said, traceback=[f"{name}: {said}"])


def _sound(kind: str, content: dict[str, Any]) -> bool:
    """Return whether a message has the form that nbformat and nbconvert rely on.

    Of what it displays, all is left out that would run in the browser of whoever reads it.
    """
    if kind == "stream":
        return content.get("name") in ("stdout", "stderr") and isinstance(content.get("text"), str)
    if kind == "error":
        lines = content.get("traceback")
        texts = [content.get("ename"), content.get("evalue"), *(lines if isinstance(lines, list) else [None])]
        return all(isinstance(text, str) for text in texts)
    data = content.get("data")
    if not isinstance(data, dict):
        return False
    content["data"] = {name: data[name] for name in _KEPT_KINDS if isinstance(data.get(name), str)}
    content["metadata"] = {}
    return True


def _cut(output: NotebookNode) -> NotebookNode:
    """Leave out the bulk of an endless error."""
    if output.output_type == "error" and sum(map(len, [output.evalue, *output.traceback])) > _ERROR_CHARACTERS:
        said = f"{output.ename}: {output.evalue}"[:_ERROR_CHARACTERS]
        output.ename, output.evalue, output.traceback = output.ename[:100], said, [said]
    return output


def _settle(cell: NotebookNode, secret: str) -> None:
    """Reduce a test cell's outputs to what decides its mark: an error, or none.

    nbgrader takes standard error for a failure and a number for a share of the points; neither is for the
    submission to say.
    """
    errors = [output for output in cell.outputs if output.output_type == "error"]
    text = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    if not errors and secret not in text:
        errors = [_error("NotPassed", "the test did not run to its end")]
    text = text.replace(secret + "\n", "").replace(secret, "")
    cell.outputs = ([new_output("stream", name="stdout", text=text)] if text.strip() else []) + errors
