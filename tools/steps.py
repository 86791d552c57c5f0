"""The steps of a set-up: one process at a time, all output logged, and a failure explained."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# What is wrong, told by the first of these found in the output of a step that failed.
HINTS = {
    r"No space left on device": "The disk is full. The environment takes about 3 GB.",
    r"(?i)connect(ion)?\w* ?(error|timeout)|read ?timeout|NameResolution|ProxyError|ssl cert": (
        "The package index could not be reached. Is there a network? Behind a proxy, set HTTPS_PROXY."
    ),
    r"DO NOT MATCH THE HASHES": "A download is not the file that requirements.txt names.",
    r"No matching distribution": (
        "The package index has no file that fits. Can it be reached, and is this system supported? TensorFlow "
        "comes for 64-bit Linux (glibc), macOS on Apple silicon, and Windows on x86-64."
    ),
    r"PermissionError|Access is denied": "A file is in use or protected. Is JupyterLab running?",
}


class SetupError(Exception):
    """The environment cannot be made; the message says why, and what to do."""


@contextlib.contextmanager
def alone(venv: Path) -> Iterator[IO[str]]:
    """Let one process at a time make an environment; others wait. Gives the log of what is done.

    The system itself frees the guard of a process that dies.
    """

    def held() -> bool:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(guard.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True

    with venv.with_name(venv.name + ".guard").open("w") as guard:
        if not held():
            print(f"Another command is making {venv.name}; waiting for it.", flush=True)
            while not held():
                time.sleep(0.2)
        with venv.with_name(venv.name + ".log").open("w", encoding="utf-8") as log:
            yield log


def step(what: str, command: list[str], log: IO[str], *, packages: int = 0) -> None:
    """Run one command of the set-up, its output into the log.

    With ``packages``, how many pip is about to collect, a person at a terminal sees how far it has come.

    Raises:
        SetupError: if the command fails; the message says why, as far as its output tells.
    """
    said = ""
    shown = packages and sys.stdout.isatty()
    with subprocess.Popen(
        command,
        cwd=Path(log.name).parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                said += line
                log.write(line)
                if shown and line.startswith(("Collecting ", "Ignoring ", "Installing ")):
                    done = len(re.findall(r"^(?:Collecting|Ignoring) ", said, re.MULTILINE))
                    installing = line.startswith("Installing")
                    now = "installing, the longest part" if installing else f"{done} of {packages} packages collected"
                    print(f"\r  {now:<40}", end="", flush=True)
            code = process.wait()
        finally:
            process.kill()  # when we are stopped, nothing may go on writing into the environment
            if shown:
                print(f"\r{'':<42}\r", end="", flush=True)
    if code:
        errors = [line for line in said.splitlines() if re.match(r"\s*(ERROR|Error)", line)]
        reason = next((hint for pattern, hint in HINTS.items() if re.search(pattern, said)), "")
        raise SetupError(
            "\n".join(
                [
                    f"Could not {what}. {reason}".rstrip(),
                    *("  " + line.strip() for line in (errors or said.splitlines())[-5:]),
                    "Nothing outside the environment has changed, and finished downloads are kept.",
                    f"Once that is put right, run the same command again. All the output: {log.name}",
                ]
            )
        )
