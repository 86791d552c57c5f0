"""Measure ``dc.fit`` against its peers: ``make bench``, or with options ``python -m benchmarks.run --help``."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from benchmarks.contenders import CONTENDERS
from benchmarks.report import rewrite, tables, targets, unfair
from benchmarks.task import MAIN, TASKS, Images, Task, rotated
from benchmarks.worker import ROOT, Worker, WorkerError, environment, is_installed, n_threads

README = Path(__file__).with_name("README.md")
RESULTS = Path(__file__).with_name("results.json")
# Thread pools wait for more work with busy loops; a tenth of a second after an epoch the last of them sleeps.
# After that, what still uses the processors is none of the contenders, and spoils the measurement.
PAUSE_SECONDS = 0.2
LISTEN_SECONDS = 0.2
ROUNDS = 7


def main(argv: Sequence[str]) -> int:
    """Measure, print and store. Returns 0 if every target that could be measured is met, 1 otherwise."""
    arguments = _parse(argv)
    peers = shutil.which(arguments.peers)
    if peers is None:
        print(f"--peers {arguments.peers}: there is no such interpreter", file=sys.stderr)
        return 2
    rounds, tasks = (2, (MAIN,)) if arguments.quick else (arguments.rounds, TASKS)
    try:
        if arguments.activations:
            results = json.loads(RESULTS.read_text(encoding="utf-8")) | {"activations": run_activations(rounds)}
        else:
            results = measure(tasks, rounds, peers)
    except WorkerError as error:
        print(error, file=sys.stderr)
        return 1
    page = tables(results)
    print(page)
    for complaint in (complaints := unfair(results)):
        print(f"Not a fair comparison. {complaint}", file=sys.stderr)
    if complaints:
        return 1
    if not arguments.quick:
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        README.write_text(rewrite(README.read_text(encoding="utf-8"), page), encoding="utf-8")
    return int(any(target.met is False for target in targets(results)))


def measure(tasks: Sequence[Task], rounds: int, peers: str) -> dict[str, Any]:
    """Run every contender on every task, and the grid; the result is what results.json holds."""
    missing = [c.name for c in CONTENDERS if c.is_peer and not is_installed(c.package, peers)]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        grid = run_grid()
        save_images(folder)
        workers = {
            c.name: stack.enter_context(Worker(c, peers if c.is_peer else sys.executable, folder))
            for c in CONTENDERS
            if c.name not in missing
        }
        versions = {"python": platform.python_version()}
        for worker in workers.values():
            versions |= worker.versions
        measured = {task.name: compare(workers, task, rounds) for task in tasks}
    by_activation = run_activations(rounds)
    return {
        "date": today(),
        "machine": machine(),
        "versions": versions,
        "rounds": rounds,
        "missing": missing,
        "tasks": measured,
        "grid": grid,
        "activations": by_activation,
    }


def compare(workers: dict[str, Worker], task: Task, rounds: int) -> dict[str, Any]:
    """Let every contender run once a round, in an order that moves on by one each round."""
    names = list(workers)
    # The first epoch traces, compiles and warms up. It is reported, and is no part of the rounds.
    measured: dict[str, Any] = {
        name: {"first_epoch_seconds": workers[name].run(0, task)["seconds"], "rounds": []} for name in names
    }
    for number in tqdm(range(rounds), desc=task.name, leave=False, disable=None):
        for name in rotated(names, number):
            time.sleep(PAUSE_SECONDS)
            others = psutil.cpu_percent(LISTEN_SECONDS)
            measured[name]["rounds"].append({**workers[name].run(number), "others_percent": others})
    return measured


def run_grid() -> dict[str, Any]:
    """Run the grid in a fresh process, where nothing is compiled yet."""
    return _alone("grid")


def run_activations(rounds: int) -> dict[str, Any]:
    """Measure an epoch with each activation, in a process of its own."""
    return {"date": today(), "rounds": _alone("activations", str(rounds))}


def _alone(part: str, *arguments: str) -> dict[str, Any]:
    """Run a part that has no contenders in a process of its own, and return the JSON that it prints."""
    command = [sys.executable, "-m", f"benchmarks.contenders.{part}", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(n_threads()), capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkerError(f"{part} failed:\n{done.stderr}")
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def today() -> str:
    """The date, as the results carry it."""
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def save_images(folder: Path) -> None:
    """Unpack the course's MNIST for the workers."""
    from dnn_course import load_mnist  # here, because it brings TensorFlow in, which takes seconds

    mnist = load_mnist()
    Images(*mnist.train, *mnist.val).save(folder)


def machine() -> dict[str, Any]:
    """What the seconds depend on."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": n_threads(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(terse=True),
    }


def processor() -> str:
    """The processor's name as its maker writes it, where the system tells it."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        lines = [line.partition(":") for line in facts.read_text(encoding="utf-8").splitlines()]
        first = {key.strip(): value.strip() for key, _, value in reversed(lines)}
        # A virtual machine may hide the name; family and model still say which generation it is.
        if "model name" in first:
            return f"{first['model name']} (family {first.get('cpu family')}, model {first.get('model')})"
    return platform.processor() or platform.machine()


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of each task (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="two rounds of the main task alone; nothing is stored")
    parser.add_argument(
        "--activations", action="store_true", help="measure the activations alone; other stored results stay"
    )
    parser.add_argument(
        "--peers",
        default=sys.executable,
        metavar="PYTHON",
        help="interpreter that has PyTorch and JAX (default: this one)",
    )
    arguments = parser.parse_args(argv)
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    return arguments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
