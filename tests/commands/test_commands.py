"""The commands themselves: their list, their faces, and how they end."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import commands, environment
from tools.steps import SetupError

ROOT = environment.ROOT
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.fixture
def made(monkeypatch):
    """The environment is as it should be, and we are inside."""
    monkeypatch.setattr(commands, "enter", lambda: None)


def substitute(monkeypatch, name, run):
    monkeypatch.setitem(commands.COMMANDS, name, ("", run))


def test_help_lists_what_the_makefile_offers():
    targets = re.search(r"^COMMANDS := (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    assert targets == ["help", *commands.COMMANDS]
    listed = re.findall(r"^  ([\w-]+) +\S", commands.describe(), re.MULTILINE)
    assert listed == list(commands.COMMANDS)


@pytest.fixture(autouse=True)
def not_inside_make(monkeypatch):
    """A make that runs these tests must not speak to the makes that they run."""
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed; python -m tools does without")
@pytest.mark.parametrize(
    ("goals", "command"),
    [
        ([], "-m tools help"),
        (["book"], "-m tools book"),
        (["execute"], "-m tools execute"),
        (["execute", "CHAPTERS=01 02"], "-m tools execute 01 02"),
        (["test", "CHAPTERS=01", "PYTHON=python3.12"], "python3.12 -m tools test"),
        (["release", "ASSIGNMENT=02"], "-m tools release 02"),
        (["grade", "ASSIGNMENT=02", "JOBS=3", "WITHOUT_SANDBOX=yes"], "-m tools grade 02 --jobs 3 --without-sandbox"),
        (["grade", "ASSIGNMENT=02", "WITHOUT_SANDBOX=no"], "-m tools grade 02"),
        (["test-grading"], "-m tools test-grading"),
    ],
)
def test_make_passes_each_command_on(goals, command):
    shown = subprocess.check_output(["make", "--dry-run", *goals], cwd=ROOT, text=True)
    assert " ".join(shown.split()).endswith(command)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed; python -m tools does without")
@pytest.mark.parametrize(("works", "chosen"), [(True, ".venv/bin/python"), (False, "python3")])
def test_make_keeps_the_python_of_a_working_environment(tmp_path, works, chosen):
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {0 if works else 1}\n")
    python.chmod(0o755)
    shown = subprocess.check_output(["make", "--dry-run", "book"], cwd=tmp_path, text=True)
    assert shown.split()[0] == chosen


def test_no_command_is_help(capsys):
    assert commands.main([]) == 0
    assert capsys.readouterr().out.strip() == commands.describe()


def test_unknown_command_is_refused_with_the_list(capsys):
    assert commands.main(["boook"]) == 2
    assert commands.describe() in capsys.readouterr().err


def test_only_execute_takes_arguments(made, monkeypatch, capsys):
    given = []
    substitute(monkeypatch, "execute", lambda arguments: given.extend(arguments) or 0)
    assert commands.main(["execute", "01", "02"]) == 0
    assert given == ["01", "02"]
    assert commands.main(["test", "tests/package"]) == 2
    assert "tests/package" in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 1, 5])
def test_exit_code_is_the_commands_own(made, monkeypatch, code):
    substitute(monkeypatch, "bench", lambda arguments: code)
    assert commands.main(["bench"]) == code


def test_failed_setup_is_a_message_and_not_a_traceback(monkeypatch, capsys):
    def fail():
        raise SetupError("The package index could not be reached.")

    monkeypatch.setattr(commands, "enter", fail)
    assert commands.main(["book"]) == 1
    assert capsys.readouterr().err == "The package index could not be reached.\n"


def test_ctrl_c_ends_with_130_and_no_traceback(made, monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    substitute(monkeypatch, "bench", interrupted)
    assert commands.main(["bench"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_lock_works_without_the_locked_environment(monkeypatch):
    monkeypatch.setattr(commands, "enter", lambda: pytest.fail("lock went into .venv"))
    substitute(monkeypatch, "lock", lambda arguments: 0)
    assert commands.main(["lock"]) == 0


def test_lint_runs_every_linter_and_names_what_failed(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(commands.subprocess, "call", lambda command, cwd: ran.append(command) or "mypy" in command)
    assert commands.lint() == 1
    assert ran == list(commands.LINTERS.values())
    assert capsys.readouterr().out == "lint: types failed\n"


def test_nothing_is_tested_before_lint_passes(monkeypatch):
    monkeypatch.setattr(commands, "lint", lambda: 1)
    monkeypatch.setattr(commands.subprocess, "call", lambda *a, **k: pytest.fail("pytest was started"))
    assert commands.test([]) == 1


def test_commands_run_in_the_environment_whatever_the_shell_says(monkeypatch):
    """A path or an encoding of the user's shell must not change what a chapter prints."""
    entered = {}

    def replace(program, command, variables):
        entered.update(program=program, command=command, variables=variables)
        raise SystemExit

    monkeypatch.setattr(environment, "prepare", lambda: False)
    monkeypatch.setattr(environment, "inside", lambda: False)
    monkeypatch.setattr(os, "execve", replace)
    monkeypatch.setattr(commands.subprocess, "call", lambda command, env: replace(command[0], command, env))
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    monkeypatch.setattr(sys, "argv", ["tools", "execute", "02"])
    with pytest.raises(SystemExit):
        commands.enter()
    assert entered["program"] == str(environment.python(environment.VENV))
    assert entered["command"][1:] == ["-m", "tools", "execute", "02"]
    assert "PYTHONPATH" not in entered["variables"]
    assert entered["variables"]["PYTHONUTF8"] == "1"


def tell_unsupported(python, *arguments):
    done = subprocess.run([*python, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "the course needs Python 3.10 to 3.13" in done.stderr
    return done.stderr


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 9), (3, 14)])
def test_unsupported_python_is_told_what_is_needed(version):
    pretend = (
        "import runpy, sys; sys.argv = ['tools', 'execute', '02'];"
        f"sys.version_info = {(*version, 0)}; runpy.run_module('tools', run_name='__main__', alter_sys=False)"
    )
    said = tell_unsupported([sys.executable], "-c", pretend)
    assert f"This is Python {version[0]}.{version[1]} ({sys.executable})" in said
    wanted = "py -3.12 -m tools execute 02" if os.name == "nt" else r"make execute PYTHON=python3\.1\d "
    assert re.search(wanted, said)


def old_pythons():
    """Pythons on this machine that the course does not support, wherever pyenv or the system put them."""
    places = [*Path.home().glob(".pyenv/versions/*/bin"), Path("/usr/bin"), Path("/usr/local/bin")]
    names = ["python2.7", *(f"python3.{minor}" for minor in range(4, 10))]
    return {name: str(place / name) for place in places for name in names if (place / name).exists()}


@pytest.mark.parametrize("python", old_pythons().values(), ids=old_pythons())
def test_a_real_old_python_can_read_the_message(python):
    tell_unsupported([python], "-m", "tools", "book")


@pytest.mark.skipif(os.name == "nt", reason="a console's Ctrl-C cannot be sent to one process on Windows")
def test_serve_shows_the_book_until_ctrl_c(tmp_path):
    (tmp_path / "_build" / "html").mkdir(parents=True)
    (tmp_path / "_build" / "html" / "index.html").write_text("the book")
    serve = (
        "import pathlib, sys; from tools import commands; commands.run_main_of = lambda module, arguments: 0;"
        f"commands.ROOT = pathlib.Path({str(tmp_path)!r}); sys.exit(commands.serve([]))"
    )
    read = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
    with subprocess.Popen(
        [sys.executable, "-c", serve], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        address = re.search(r"http://localhost:\d+/", server.stdout.readline())[0]
        assert subprocess.check_output([sys.executable, "-c", read, address], text=True).strip() == "the book"
        time.sleep(0.1)
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=10)
    assert server.returncode == 0
    assert "Traceback" not in errors
