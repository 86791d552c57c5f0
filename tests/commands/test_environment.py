"""How the environment is made, recognised and mended: with a made-up pip, and once for real."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import setuptools

from tools import environment
from tools.steps import SetupError

LOCK = "numpy==2.2.6 \\\n    --hash=sha256:00\ncoverage[toml]==7.16.2\nruff==0.17.6 ; sys_platform == 'linux'\n"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of nothing but a lock and a pyproject.toml."""
    (tmp_path / "requirements.txt").write_text(LOCK)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "dnn-course"\n')
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "LOCKER", tmp_path / ".venv-lock")
    return tmp_path


@pytest.fixture
def done(checkout, monkeypatch):
    """The steps taken, in order. They make what `venv` would make, and do nothing else."""
    taken = []

    def take(what, command, log, *, packages=0):
        taken.append(what)
        if "uninstall" in command:
            assert command[command.index("--yes") + 1 :] == ["ruff"]
        if what == "make .venv":
            assert command[1:4] == ["-m", "venv", "--clear"]
            venv = Path(command[-1])
            shutil.rmtree(venv, ignore_errors=True)
            environment.python(venv).parent.mkdir(parents=True)
            environment.python(venv).touch()
            (venv / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).parent}\n")

    monkeypatch.setattr(environment, "step", take)
    return taken


ALL = [
    "make .venv",
    "install the packages",
    "install the course's own package",
    "confirm that the packages fit together",
]


def test_made_from_nothing_then_left_alone(done):
    assert environment.prepare()
    assert done == ALL
    assert not environment.prepare()
    assert done == ALL


def test_sound_environment_costs_milliseconds(done):
    environment.prepare()
    started = time.perf_counter()
    for _ in range(20):
        environment.prepare()
    assert (time.perf_counter() - started) / 20 < 0.02


def test_changed_pyproject_installs_the_package_alone(done, checkout):
    environment.prepare()
    (checkout / "pyproject.toml").write_text('[project]\nname = "dnn-course"\nversion = "2"\n')
    assert environment.prepare()
    assert done[len(ALL) :] == ALL[2:]


def test_changed_lock_installs_what_differs_and_removes_what_is_gone(done, checkout):
    environment.prepare()
    (checkout / "requirements.txt").write_text(LOCK.replace("ruff==0.17.6 ; sys_platform == 'linux'\n", ""))
    assert environment.prepare()
    assert done[len(ALL) :] == [ALL[1], "remove packages no longer needed", *ALL[2:]]


@pytest.mark.parametrize(
    "harm",
    [
        lambda venv: (venv / "complete.json").unlink(),
        lambda venv: (venv / "complete.json").write_text('{"python": "cpy'),
        lambda venv: (venv / "pyvenv.cfg").unlink(),
        lambda venv: (venv / "pyvenv.cfg").write_text("home = /gone/with/the/upgrade\n"),
        lambda venv: environment.python(venv).unlink(),
    ],
    ids=["stopped", "stamp cut short", "no configuration", "Python removed", "no interpreter"],
)
def test_half_made_environment_is_made_anew(done, harm):
    environment.prepare()
    harm(environment.VENV)
    assert environment.prepare()
    assert done == ALL + ALL
    assert not environment.prepare()


@pytest.mark.parametrize("key", ["python", "place"])
def test_environment_of_another_python_or_place_is_made_anew(done, key):
    environment.prepare()
    stamp = environment.wanted()
    stamp[key] = "another"
    environment.stamp_file().write_text(json.dumps(stamp))
    assert environment.prepare()
    assert done == ALL + ALL


def test_failure_while_packages_change_is_mended_by_the_next_run(done, checkout, monkeypatch):
    environment.prepare()
    (checkout / "requirements.txt").write_text(LOCK + "six==1.17.0\n")
    take = environment.step

    def fail(what, command, log, *, packages=0):
        if what == "install the packages":
            raise SetupError("no network")
        take(what, command, log, packages=packages)

    with monkeypatch.context() as without_network:
        without_network.setattr(environment, "step", fail)
        with pytest.raises(SetupError, match="no network"):
            environment.prepare()
        assert environment.found() == {}
    done.clear()
    assert environment.prepare()
    assert done == ALL


def test_missing_venv_module_names_the_fix(checkout, monkeypatch):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"apt install python3\.\d+-venv"):
        environment.prepare()


@pytest.mark.skipif(os.name == "nt", reason="there, an environment's interpreter is no link")
def test_base_interpreter_is_never_the_environments_own(checkout, monkeypatch, tmp_path):
    real = tmp_path / "python-for-real"
    real.touch()
    own = environment.python(environment.VENV)
    own.parent.mkdir(parents=True)
    own.symlink_to(real)
    monkeypatch.setattr(sys, "_base_executable", str(own), raising=False)
    assert environment.base() == real.resolve()


def test_for_real(checkout, monkeypatch):
    """A real venv and a real pip, the package and its build included; only the lock's packages are lent."""
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(environment, "install_lock", lambda log: lend_setuptools())

    def lend_setuptools():
        site = next((environment.VENV / "lib").glob("*/site-packages"), environment.VENV / "Lib" / "site-packages")
        (site / "lent.pth").write_text(str(Path(setuptools.__file__).parent.parent))

    (checkout / "dnn_course").mkdir()
    (checkout / "dnn_course" / "__init__.py").write_text("ANSWER = 42\n")
    (checkout / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "dnn-course"\nversion = "0.1.0"\n[tool.setuptools]\npackages = ["dnn_course"]\n'
    )
    assert environment.prepare()
    answer = subprocess.check_output(
        [str(environment.python(environment.VENV)), "-c", "import dnn_course; print(dnn_course.ANSWER)"],
        cwd=checkout.parent,
    )
    assert int(answer) == 42
    assert not environment.prepare()
