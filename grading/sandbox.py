"""A kernel that can reach nothing: no network, no other file, no other process, bounded in all it uses.

bubblewrap gives the kernel an empty file system into which only what it needs is mounted, read-only: Python, the
packages, and dnn_course. Neither the tests' source nor the gradebook nor anyone's work is in it. It talks to the
grader over IPC sockets in a folder of its own, so that the network can be closed altogether.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

from grading.limits import Limits
from tools.environment import ROOT

_FIRST_USER = 61_000  # as root, each submission that runs at a time gets a user id of its own, from here on
_SCRATCH = "/tmp"
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/sbin", "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")


class SandboxError(Exception):
    """There is no sandbox on this machine; the message says why and what to do."""


def confirm(program: str = "bwrap") -> None:
    """Return if a sandbox can be made here.

    Raises:
        SandboxError: if not.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxError(f"there is a sandbox for Linux alone, and this is {sys.platform}. {_ADVICE}")
    if shutil.which(program) is None:
        raise SandboxError(f"bubblewrap is missing. On Debian or Ubuntu: sudo apt install bubblewrap. {_ADVICE}")
    tried = subprocess.run([program, *_isolation(), *_mounts(), "true"], capture_output=True, text=True)
    if tried.returncode:
        raise SandboxError(f"bubblewrap does not work here: {tried.stderr.strip()} {_ADVICE}")


_ADVICE = (
    "Submissions are programs that strangers wrote: without a sandbox they can read and change every file of "
    "yours. Grade on a Linux machine or in a virtual machine; or, on a machine that holds nothing of value, say "
    "WITHOUT_SANDBOX=yes."
)


class Kernels(KernelSpecManager):
    """Answers every name with the sandboxed kernel, or with a bare one where the grader was told to go on."""

    def __init__(self, limits: Limits, sockets: Path, *, slot: int, sandboxed: bool) -> None:
        super().__init__()
        self._argv = command(limits, sockets, slot=slot) if sandboxed else bare_command()

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the kernel, whatever it is called."""
        return KernelSpec(
            argv=self._argv,
            display_name="A submission",
            language="python",
            interrupt_mode="message",  # a signal would reach bubblewrap and end it
        )


def bare_command() -> list[str]:
    """Return the command line of a kernel without a sandbox."""
    return [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def command(limits: Limits, sockets: Path, *, slot: int) -> list[str]:
    """Return the command line of a sandboxed kernel whose connection file and sockets are in `sockets`.

    Args:
        limits: what it may use.
        sockets: a private folder, the one place outside the sandbox that it can write to.
        slot: number of the submission among those that run at this moment.
    """
    as_root = os.getuid() == 0
    user = _FIRST_USER + slot if as_root else 0
    if as_root:
        os.chown(sockets, user, user)
    rlimits = {
        "RLIMIT_DATA": limits.memory_bytes,
        "RLIMIT_NPROC": limits.processes,
        "RLIMIT_FSIZE": limits.disk_bytes,
        "RLIMIT_NOFILE": 4096,
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": int(4 * limits.total_seconds),
    }
    scratch = ["--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs"]
    return [
        "bwrap", *_isolation(),
        *scratch, _SCRATCH, *_mounts(), *_folders_above([sockets]),  # which may all be below the scratch folder
        "--bind", str(sockets), str(sockets),
        "--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs", "/dev/shm",
        "--remount-ro", "/dev", "--remount-ro", "/",
        "--chdir", _SCRATCH,
        "--clearenv", *_setenv(),
        sys.executable, str(Path(__file__).with_name("launch.py")),
        "{connection_file}", json.dumps({"rlimits": rlimits, "user": user}),
    ]  # fmt: skip


def _isolation() -> list[str]:
    # Root needs no user namespace, and can only become another user without one.
    users = [] if os.getuid() == 0 else ["--unshare-user"]
    return [*users, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
            "--die-with-parent", "--new-session", "--hostname", "grader"]  # fmt: skip


def _mounts() -> list[str]:
    """Mount Python with its packages, the course's package and what the system's libraries need, read-only."""
    python = Path(sys.executable).resolve()
    folders = [Path(sys.prefix), Path(sys.base_prefix), Path(sysconfig.get_path("stdlib")), python.parent.parent]
    wanted = [Path(name) for name in _SYSTEM] + folders + [ROOT / "dnn_course", Path(__file__).with_name("launch.py")]
    mounts, mounted = [], []
    for path in dict.fromkeys(wanted):
        if path.is_symlink() and str(path) in _SYSTEM:
            mounts += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists() and not any(parent in wanted for parent in path.parents):
            mounts += ["--ro-bind", str(path), str(path)]
            mounted.append(path)
    return [*_folders_above(mounted), *mounts, "--proc", "/proc", "--dev", "/dev"]


def _folders_above(paths: Sequence[Path]) -> list[str]:
    # Made by bubblewrap on its way to a mount, they would be open to root alone.
    above = {parent for path in paths for parent in path.parents} - {Path("/"), Path(_SCRATCH)}
    return [part for path in sorted(above) for part in ("--perms", "0755", "--dir", str(path))]


def _setenv() -> list[str]:
    variables = {
        "HOME": _SCRATCH,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT) if (ROOT / "dnn_course").exists() else "",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TQDM_DISABLE": "1",
        # Several submissions run at a time: each has one core.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    }
    return [part for name, value in variables.items() for part in ("--setenv", name, value)]
