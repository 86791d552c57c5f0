"""The environment in ``.venv``: made when it is missing, completed or replaced when it is not sound.

Only the standard library is used here, for this runs before anything is installed. When nothing has
changed since the last time, all it costs is reading three files.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import IO

from tools.steps import SetupError, alone, step

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCKER = ROOT / ".venv-lock"
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
SUFFIX = ".exe" if os.name == "nt" else ""


def python(venv: Path) -> Path:
    """Return the interpreter of an environment."""
    return venv / SCRIPTS / f"python{SUFFIX}"


def base() -> Path:
    """Return the interpreter that environments are made with; never .venv's own, which may be replaced."""
    executable = Path(getattr(sys, "_base_executable", sys.executable))
    return executable.resolve() if VENV in executable.parents else executable


def inside() -> bool:
    """Return whether this very process runs in the environment."""
    return VENV.exists() and VENV.samefile(sys.prefix)


def digest(path: Path) -> str:
    """Return what tells one content of a file from another."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wanted() -> dict[str, str]:
    """Return what the stamp of a sound environment says."""
    return {
        "python": f"{sys.implementation.cache_tag} {sysconfig.get_platform()}",
        "place": str(VENV),  # scripts name their interpreter by its full path
        "lock": digest(ROOT / "requirements.txt"),
        "package": digest(ROOT / "pyproject.toml"),
    }


def found() -> dict[str, str]:
    """Return the stamp of the environment, or nothing where it is half-made or its Python is gone."""
    try:
        home = re.search(r"^home *= *(.*)$", (VENV / "pyvenv.cfg").read_text(encoding="utf-8"), re.MULTILINE)
        if home and Path(home[1].strip()).is_dir() and python(VENV).exists():
            stamp: dict[str, str] = json.loads(stamp_file().read_text(encoding="utf-8"))
            return stamp
    except (OSError, ValueError):
        pass
    return {}


def stamp_file() -> Path:
    """Return the file that is written last, so that without it the environment is half-made."""
    return VENV / "complete.json"


def create(venv: Path, log: IO[str]) -> None:
    """Make a new, empty environment, in place of what may be there."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise SetupError(
            f"Python {version} ({base()}) came without all of its venv module, which the course needs.\n"
            f"On Debian or Ubuntu: sudo apt install python{version}-venv\n"
            "Then run the same command again."
        )
    step(f"make {venv.name}", [str(base()), "-m", "venv", "--clear", str(venv)], log)


def pip(venv: Path, command: str, *arguments: str) -> list[str]:
    """Return the command line that runs an environment's own pip."""
    quiet = ["--no-input", "--disable-pip-version-check"]
    return [str(python(venv)), "-m", "pip", command, *quiet, *arguments]


def names_in(lock: Path) -> set[str]:
    """Return the packages that a lock names; none where there is no lock."""
    text = lock.read_text(encoding="utf-8") if lock.exists() else ""
    return set(re.findall(r"^([\w.-]+)(?:\[.*\])?==", text, re.MULTILINE))


def install_lock(log: IO[str]) -> None:
    """Install what requirements.txt names, and remove what only the lock before it named."""
    lock, before = ROOT / "requirements.txt", VENV / "requirements.txt"
    names = names_in(lock)
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--progress-bar", "off"]
    step("install the packages", pip(VENV, "install", *options, "--requirement", str(lock)), log, packages=len(names))
    if gone := names_in(before) - names:
        step("remove packages no longer needed", pip(VENV, "uninstall", "--yes", *sorted(gone)), log)
    shutil.copyfile(lock, before)


def prepare() -> bool:
    """Make the environment sound, and return whether anything had to be done.

    Another Python, another place or a set-up that was cut short: it is made anew. A changed
    requirements.txt or pyproject.toml: only what differs is installed.

    Raises:
        SetupError: if that fails. The next run takes it up, from nothing if packages may be half-installed.
    """
    goal = wanted()
    if found() == goal:
        return False
    with alone(VENV) as log:
        stamp = found()
        if stamp == goal:  # another command has just done it
            return True
        started = time.monotonic()
        version = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
        anew = any(stamp.get(key) != goal[key] for key in ("python", "place"))
        if anew or stamp["lock"] != goal["lock"]:
            stamp_file().unlink(missing_ok=True)
        if anew:
            print(f"Making .venv with {version}. The first time this downloads about 1 GB.", flush=True)
            create(VENV, log)
        else:
            print("Bringing .venv up to date.", flush=True)
        if anew or stamp["lock"] != goal["lock"]:
            install_lock(log)
        options = ["--no-deps", "--no-build-isolation", "--no-index", "--editable", "."]
        step("install the course's own package", pip(VENV, "install", *options), log)
        step("confirm that the packages fit together", pip(VENV, "check"), log)
        stamp_file().write_text(json.dumps(goal, indent=2) + "\n", encoding="utf-8")
        print(f".venv is ready after {time.monotonic() - started:.0f} s.", flush=True)
    return True


def locker() -> Path:
    """Return uv, which makes the lock, from a small environment of its own."""
    uv = LOCKER / SCRIPTS / f"uv{SUFFIX}"
    with contextlib.suppress(OSError):
        if subprocess.run([str(uv), "--version"], capture_output=True).returncode == 0:
            return uv
    with alone(LOCKER) as log:
        print("Installing uv, which makes the lock.", flush=True)
        create(LOCKER, log)
        step("install uv", pip(LOCKER, "install", "uv"), log)
    return uv
