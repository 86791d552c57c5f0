"""What the tests of grading share: an empty course, a sandbox or the reason why there is none, and a look around."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grading import sandbox
from grading.course import Course


@pytest.fixture(scope="session")
def empty_gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new gradebook's file; making one takes seconds."""
    folder = tmp_path_factory.mktemp("gradebook")
    with Course(folder).gradebook():
        pass
    return folder / "gradebook.db"


@pytest.fixture
def course(tmp_path: Path, empty_gradebook: Path) -> Course:
    (tmp_path / "course").mkdir()
    shutil.copy(empty_gradebook, tmp_path / "course")
    return Course(tmp_path / "course")


@pytest.fixture(scope="session")
def sandboxed() -> None:
    """Fail on Linux, and skip elsewhere, where there is no sandbox to try."""
    try:
        sandbox.confirm()
    except sandbox.SandboxError as error:
        if sys.platform.startswith("linux"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Confirm that a test left no process behind, and none of its kernels' folders."""
    before = set(psutil.Process().children(recursive=True))
    yield
    left = [process for process in psutil.Process().children(recursive=True) if process not in before]
    _, alive = psutil.wait_procs(left, timeout=3)
    assert not alive
