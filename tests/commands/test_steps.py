"""A step of the set-up: one process at a time, explained when it fails, ended when it is stopped."""

import subprocess
import sys
import threading
import time

import pytest

from tools import steps
from tools.steps import SetupError


def test_one_command_at_a_time(tmp_path, capsys):
    """The second waits, says so, and begins when the first has ended."""
    order = []

    def second():
        with steps.alone(tmp_path / ".venv"):
            order.append("second")

    with steps.alone(tmp_path / ".venv"):
        other = threading.Thread(target=second)
        other.start()
        time.sleep(0.5)
        order.append("first")
    other.join(timeout=10)
    assert order == ["first", "second"]
    assert "waiting" in capsys.readouterr().out


def failing_step(tmp_path, output):
    with (tmp_path / "log").open("w", encoding="utf-8") as log, pytest.raises(SetupError) as problem:
        steps.step("install the packages", [sys.executable, "-c", f"print({output!r}); raise SystemExit(1)"], log)
    assert output in (tmp_path / "log").read_text(encoding="utf-8")
    return str(problem.value)


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("Retrying after connection broken by 'NewConnectionError('Failed')': /simple/six/", "Is there a network?"),
        ("connection broken by 'ProxyError('Cannot connect to proxy.')'", "HTTPS_PROXY"),
        ("ERROR: No matching distribution found for six", "Can it be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "not the file"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full"),
        ("PermissionError: [WinError 5] Access is denied: python.exe", "in use"),
    ],
)
def test_failed_step_says_what_is_wrong_and_what_to_do(tmp_path, output, hint):
    message = failing_step(tmp_path, output)
    assert message.startswith("Could not install the packages. ")
    assert hint in message
    assert "run the same command again" in message
    assert str(tmp_path / "log") in message


def test_failed_step_of_unknown_cause_shows_the_end_of_its_output(tmp_path):
    message = failing_step(tmp_path, "first\nsecond\nthird\nfourth\nfifth\nlast")
    assert "  last" in message
    assert "  first" not in message


def test_interrupted_step_leaves_nothing_running(tmp_path, monkeypatch):
    processes = []
    start = subprocess.Popen

    def remember(*arguments, **options):
        processes.append(start(*arguments, **options))
        return processes[-1]

    class Interrupted:
        name = str(tmp_path / "log")

        def write(self, line):
            raise KeyboardInterrupt

    monkeypatch.setattr(steps.subprocess, "Popen", remember)
    forever = "import time; print('started', flush=True); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        steps.step("wait", [sys.executable, "-c", forever], Interrupted())
    assert processes[0].returncode not in (None, 0)
