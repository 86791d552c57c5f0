"""Run chapters again and store their outputs: ``python -m tools.execute 01 02``, or none for all.

Two chapters run at a time, each in a kernel of its own. A chapter is stored only when it ran to its end
without an error and without a word on stderr; otherwise its file stays as it was.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tqdm import tqdm

from tools.chapter_run import ChapterError, Run, execute
from tools.notebook import CHAPTERS, chapter_paths

AT_A_TIME = 2
INTERRUPTED = 130  # what a shell reports for a program stopped with Ctrl-C


def execute_all(runs: Sequence[Run]) -> int:
    """Execute chapters, two at a time, telling on stderr how far they are and which failed.

    Returns:
        0 when all are stored, 1 when some failed, 130 when it was interrupted.
    """
    code = 0
    with (
        tqdm(total=1.0, disable=None, leave=False, bar_format="{desc} {percentage:3.0f} %|{bar}| {elapsed}") as bar,
        ThreadPoolExecutor(AT_A_TIME) as pool,
    ):
        pending = {pool.submit(execute, run): run for run in runs}
        try:
            with _terminate_like_interrupt():
                while pending:
                    for future in wait(pending, timeout=0.1).done:
                        code |= _announce(pending.pop(future), future)
                    _show(bar, runs, list(pending.values()))
        except KeyboardInterrupt:
            code = INTERRUPTED
            pool.shutdown(wait=False, cancel_futures=True)
            while any(not future.done() for future in pending):  # a kernel may be starting just now
                for run in pending.values():
                    run.stop()
                wait(pending, timeout=0.2)
            tqdm.write("Interrupted. What is not in the table as changed is as it was.", file=sys.stderr)
    return code


def _show(bar: tqdm[Any], runs: Sequence[Run], pending: Sequence[Run]) -> None:
    for run in pending:
        run.sample_memory()
    running = [run for run in pending if run.cells]
    at_work = ", ".join(f"{run.path.stem} {run.done}/{run.cells}" for run in running)
    bar.set_description_str(at_work, refresh=False)
    bar.n = sum(run not in pending or run.done / max(run.cells, 1) for run in runs) / len(runs)
    bar.refresh()


def _announce(run: Run, future: Future[None]) -> int:
    try:
        future.result()
    except ChapterError as error:
        run.outcome = "failed"
        tqdm.write(f"{run.path.stem}: {error}", file=sys.stderr)
        return 1
    tqdm.write(f"{run.path.stem}: {run.outcome}", file=sys.stderr)
    return 0


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """Let a polite request to end (SIGTERM) clean up as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def table(runs: Sequence[Run]) -> str:
    """Return what there is to know of each run, a line each."""
    width = max(len(run.path.stem) for run in runs)
    head = f"{'chapter':<{width}}  seconds  peak memory  figures  outputs"
    rows = [
        f"{run.path.stem:<{width}}  {run.seconds:7.1f}  {run.peak_bytes / 1e9:8.2f} GB  {run.figures:7d}  {run.outcome}"
        for run in runs
    ]
    return "\n".join([head, *rows])


def select(names: Sequence[str], folder: Path) -> list[Path]:
    """Find the chapters that numbers (``1``, ``01``) or file names stand for; all when none is named.

    Raises:
        LookupError: if there is no such chapter, or none at all.
    """
    there = chapter_paths(folder)
    if not there:
        raise LookupError(f"no chapter found in {folder}")
    wanted = {Path(name).stem: f"{Path(name).stem:0>2}_" for name in names}
    unknown = [
        name
        for name, number in wanted.items()
        if not any(path.stem == name or path.stem.startswith(number) for path in there)
    ]
    if unknown:
        known = "\n".join(f"  {path.stem}" for path in there)
        raise LookupError(f"no such chapter: {', '.join(unknown)}. There are:\n{known}")
    return [path for path in there if not wanted or path.stem in wanted or path.stem.startswith(tuple(wanted.values()))]


def main(argv: Sequence[str], folder: Path = CHAPTERS) -> int:
    """Execute the chapters named in `argv`, or all, and print how each went."""
    parser = argparse.ArgumentParser("tools.execute", description="Run chapters again, store the outputs.")
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="a number (02) or name; none for all")
    try:
        paths = select(parser.parse_args(argv).chapters, folder)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2
    runs = [Run(path) for path in paths]
    code = execute_all(runs)
    print(table(runs))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
