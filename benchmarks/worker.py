"""The driver's side of a contender: a process of its own, asked for one epoch at a time."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.task import Task

ROOT = Path(__file__).resolve().parent.parent


class WorkerError(RuntimeError):
    """A contender's process failed."""


def n_threads() -> int:
    """Cores that this process, and so every contender, may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment(threads: int) -> dict[str, str]:
    """The same number of threads for every library, whatever it would have chosen; no log lines."""
    variables = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "NPROC",  # XLA's thread pool in JAX
    )
    limits = dict.fromkeys(variables, str(threads))
    return {**os.environ, **limits, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}


def is_installed(package: str, python: str) -> bool:
    """Whether the environment of an interpreter has a package; it is not imported."""
    probe = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    return subprocess.run([python, "-c", probe], cwd=ROOT, check=False).returncode == 0


class Worker:
    """A contender's process. Used as a context manager, which ends the process.

    Raises:
        WorkerError: from the constructor and :meth:`run`, with what the process wrote to stderr, if it ends early.
    """

    def __init__(self, contender: Contender, python: str, folder: Path) -> None:
        self.contender = contender
        self.stderr = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  (closed in __exit__)
        self.process = subprocess.Popen(
            [python, "-m", contender.module, str(folder), *contender.arguments],
            cwd=ROOT,
            env=environment(n_threads()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
        )
        try:
            self.versions: dict[str, str] = self._answer()["versions"]
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.process.kill()
        self.process.communicate()
        self.stderr.close()

    def run(self, seed: int, task: Task | None = None) -> dict[str, Any]:
        """Train for one epoch from the initial weights; with ``task``, set it up first.

        Returns:
            ``seconds``, and, where the contender learns, ``loss``, ``accuracy`` and ``val_accuracy``.
        """
        request: dict[str, Any] = {"seed": seed}
        if task is not None:
            request["task"] = task.to_json()
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the process has ended; _answer says why
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.stderr.seek(0)
            raise WorkerError(f"{self.contender.name} failed:\n{self.stderr.read()}")
        answer: dict[str, Any] = json.loads(line)
        return answer
