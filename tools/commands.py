"""The commands, what each one does, and the way into the environment they run in."""

import functools
import http.server
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import environment
from tools.environment import ROOT
from tools.steps import SetupError

INTERRUPTED = 130  # what a shell reports for a program stopped with Ctrl-C
LINTERS = {
    "ruff": [sys.executable, "-m", "ruff", "check", "--quiet", "--output-format", "concise"],
    "format": [sys.executable, "-m", "ruff", "format", "--check", "--quiet", "--output-format", "concise"],
    "types": [sys.executable, "-m", "mypy", "--no-error-summary"],
    "imports": [str(Path(sys.executable).with_name(f"lint-imports{environment.SUFFIX}")), "--no-logo"],
}


def run_main_of(module: str, arguments: Sequence[str]) -> int:
    """Call ``main(arguments)`` of a module that needs the environment, and so is imported only in it."""
    code: int = importlib.import_module(module).main(list(arguments))
    return code


def lint(arguments: Sequence[str] = ()) -> int:
    """Run every linter, also after one has failed, so that one run tells all."""
    failed = [name for name, command in LINTERS.items() if subprocess.call(command, cwd=ROOT)]
    print(f"lint: {', '.join(failed)} failed" if failed else f"lint: {', '.join(LINTERS)} passed", flush=True)
    return int(bool(failed))


def test(arguments: Sequence[str]) -> int:
    """Lint, then one pytest session over everything, on two processes."""
    everything = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", "--cov"]
    return lint() or subprocess.call(everything, cwd=ROOT)


def lab(arguments: Sequence[str]) -> int:
    """Open the chapters in JupyterLab."""
    return subprocess.call([sys.executable, "-m", "jupyter", "lab", str(ROOT / "chapters")], cwd=ROOT)


def test_grading(arguments: Sequence[str]) -> int:
    """Grade made-up classes, hostile submissions among them: what takes too long for every run of the tests."""
    return subprocess.call([sys.executable, "-m", "pytest", "-n", "2", "-m", "grading", "tests/exercises"], cwd=ROOT)


def formgrader(arguments: Sequence[str]) -> int:
    """Open nbgrader's page for grading by hand."""
    course = ROOT / "exercises"
    command = [sys.executable, "-m", "jupyter", "lab", "--ServerApp.default_url=/formgrader/gradebook", str(course)]
    # nbgrader reads nbgrader_config.py in the folder it runs in, and that file reads the package grading.
    return subprocess.call(command, cwd=course, env=os.environ | {"PYTHONPATH": str(ROOT)})


def serve(arguments: Sequence[str]) -> int:
    """Build the book and show it to this machine alone, until Ctrl-C."""
    if code := run_main_of("tools.book", []):
        return code
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(ROOT / "_build" / "html"))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), handler)
    except OSError:  # the usual port is taken, so any free one
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with server:
        print(f"The book is at http://localhost:{server.server_port}/  (Ctrl-C stops)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def lock(arguments: Sequence[str]) -> int:
    """Make requirements.txt from pyproject.toml: one set of versions for every Python and system.

    The one set is what keeps the book's numbers the same for every reader. Versions already locked
    stay as they are wherever pyproject.toml still allows them.
    """
    # fmt: off
    return subprocess.call([
        str(environment.locker()), "pip", "compile", "pyproject.toml",
        "--extra", "chapters", "--extra", "exercises", "--extra", "book", "--extra", "test",
        "--universal", "--python-version", "3.10", "--fork-strategy", "fewest",
        "--generate-hashes", "--no-emit-index-url", "--no-strip-extras",
        "--custom-compile-command", "make lock", "--quiet", "--output-file", "requirements.txt",
    ], cwd=ROOT)
    # fmt: on


COMMANDS: dict[str, tuple[str, Callable[[Sequence[str]], int]]] = {
    "book": (
        "build the book; the page to open is printed last",
        functools.partial(run_main_of, "tools.book"),
    ),
    "pdf": ("print the book to a PDF file", functools.partial(run_main_of, "tools.pdf")),
    "test": ("lint, then run every test", test),
    "execute": (
        'run the chapters again and store their outputs; CHAPTERS="02" for some',
        functools.partial(run_main_of, "tools.execute"),
    ),
    "lab": ("open the chapters in JupyterLab", lab),
    "serve": ("build the book and show it at a local address", serve),
    "release": (
        "make the student's version of an assignment; ASSIGNMENT=02",
        functools.partial(run_main_of, "grading.release"),
    ),
    "grade": (
        "grade what is in exercises/submitted, in sandboxes; ASSIGNMENT=02",
        functools.partial(run_main_of, "grading.grade"),
    ),
    "formgrader": ("open the page for grading by hand", formgrader),
    "test-grading": ("grade made-up classes, hostile submissions among them", test_grading),
    "bench": (
        "measure the speed of training against its peers",
        functools.partial(run_main_of, "benchmarks.run"),
    ),
    "lint": ("check style, types and the order of imports", lint),
    "lock": ("make requirements.txt from pyproject.toml", lock),
}


def describe() -> str:
    """Return the list of commands, a line each."""
    lines = [f"  {name:<12} {what}" for name, (what, _) in COMMANDS.items()]
    return "\n".join(["make <command>, or python -m tools <command>:", *lines])


def enter() -> int | None:
    """Run this same command again inside the environment, or return None where we are inside already."""
    changed = environment.prepare()
    if environment.inside() and sys.flags.utf8_mode and not changed:
        return None
    command = [str(environment.python(environment.VENV)), "-m", "tools", *sys.argv[1:]]
    # Packages on another path, or a system's own encoding, must not change what a chapter prints.
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    clean["PYTHONUTF8"] = "1"
    sys.stdout.flush()
    if os.name != "nt":  # where exec would give the prompt back before the command is done
        os.execve(command[0], command, clean)
    return subprocess.call(command, env=clean)


def main(arguments: Sequence[str]) -> int:
    """Run the command that ``arguments`` name, and return its exit code."""
    name = arguments[0] if arguments else "help"
    if name in {"help", "-h", "--help"}:
        print(describe())
        return 0
    if name not in COMMANDS:
        print(f"There is no command {name!r}.\n{describe()}", file=sys.stderr)
        return 2
    if len(arguments) > 1 and name not in {"execute", "bench", "release", "grade"}:
        print(f"{name} takes no arguments, but was given: {' '.join(arguments[1:])}", file=sys.stderr)
        return 2
    try:
        if name != "lock":  # which has an environment of its own, and must work when the locked one does not
            code = enter()
            if code is not None:
                return code
        return COMMANDS[name][1](arguments[1:])
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED
