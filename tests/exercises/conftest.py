"""What the tests of grading share: an empty course, a sandbox or the reason why there is none, and a look around."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grading import sandbox
from grading.course import Course


@pytest.fixture
def course(tmp_path: Path) -> Course:
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
