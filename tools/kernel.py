"""The kernel that chapters run in: one interpreter, one environment, the same outputs everywhere.

Both `tools.execute`, which stores the outputs, and the notebook tests, which prove them, start
their kernels from here. Were they to differ in anything, the tests would compare two different things.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

import ipykernel.kernelspec
import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

Manager = TypeVar("Manager", bound=KernelManager)

# A user's own setting of one of these would show in a stored output. PYTEST_CURRENT_TEST
# makes ipykernel leave file descriptor 2 alone, and a C++ library's messages would go unseen.
_DROPPED = ("COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "PYTEST_CURRENT_TEST", "PYTHONWARNINGS")


def environment(home: Path, *, one_thread: bool = False) -> dict[str, str]:
    """Environment variables of a kernel whose private files are in `home`.

    With ``one_thread`` TensorFlow computes on a single one, which is faster where as many kernels run as there are
    processors. It may move the last digit of a sum, and with it a figure's pixels: what is stored is not made so.
    """
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib is None or matplotlib.origin is None:
        raise ModuleNotFoundError("matplotlib is missing: chapters cannot be executed in this environment")
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    return kept | {
        "CUDA_VISIBLE_DEVICES": "-1",  # a GPU rounds differently
        "IPYTHONDIR": str(home / "ipython"),  # no start-up files, settings or history of the user's
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(home / "keras"),
        "MATPLOTLIBRC": str(Path(matplotlib.origin).parent / "mpl-data" / "matplotlibrc"),  # nor style
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # Two chapters run at a time, and threads that wait for a core double the time of a matrix product.
        "OPENBLAS_NUM_THREADS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TQDM_DISABLE": "1",  # progress is for a person who watches
        **({"TF_NUM_INTRAOP_THREADS": "1"} if one_thread else {}),
    }


class _ThisInterpreter(KernelSpecManager):
    """Answers every name with the running interpreter.

    Jupyter's own look-up prefers a kernel called ``python3`` that the user installed for
    another environment, and so would run the chapters with other versions.
    """

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            resource_dir=ipykernel.kernelspec.RESOURCES,
            **ipykernel.kernelspec.get_kernel_dict(),
        )


class ChapterKernel(Generic[Manager]):
    """A kernel manager, what to start it with, and the private folder that goes when it goes.

    The kernel talks over IPC sockets, on Windows over encrypted TCP: neither can be listened to,
    ipykernel has nothing to warn about, and two kernels never race for one port.

    Use it as a context manager; `stop` may be called from another thread, and more than once.
    """

    def __init__(self, manager: type[Manager], folder: Path, *, one_thread: bool = False) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True)
        home = Path(self._home.name)
        self._log = home / "log.txt"
        self._log_file = self._log.open("wb")
        windows = sys.platform == "win32"
        self.manager: Manager = manager(
            kernel_name="python3",
            kernel_spec_manager=_ThisInterpreter(),
            connection_file=str(home / "connection.json"),
            transport="tcp" if windows else "ipc",
            transport_encryption="required" if windows else "disabled",
        )
        self.start_options: dict[str, Any] = {
            "cwd": str(folder),
            "env": environment(home, one_thread=one_thread),
            "stdout": self._log_file,
            "stderr": self._log_file,
        }

    def __enter__(self) -> ChapterKernel[Manager]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def last_words(self) -> str:
        """What the kernel's process wrote outside of any cell: why it died, if it says."""
        return self._log.read_text(errors="replace").strip() if self._log.exists() else ""

    def processes(self) -> list[psutil.Process]:
        """The kernel's process and those it started, parents first; empty when it does not run."""
        pid = getattr(self.manager.provisioner, "pid", None)
        if pid is None:
            return []
        with suppress(psutil.NoSuchProcess):
            kernel = psutil.Process(pid)
            return [kernel, *kernel.children(recursive=True)]
        return []

    def stop(self) -> None:
        """End the kernel, with all processes it started, at once; remove its private files."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._log_file.close()
        self._home.cleanup()
