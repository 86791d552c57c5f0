"""The lock answers to pyproject.toml, is the same everywhere, and names no place to download from."""

import re
from collections import defaultdict

import pytest
import tomli
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.environment import ROOT

LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = PROJECT["dependencies"] + [name for extra in PROJECT["optional-dependencies"].values() for name in extra]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
SYSTEMS = {
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macOS": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
}


def locked(python, system):
    """Return the locked version of each package on a Python and a system."""
    here = default_environment() | {"python_version": python, "python_full_version": f"{python}.5"} | SYSTEMS[system]
    versions = defaultdict(list)
    for line in re.findall(r"^[A-Za-z0-9][^\\\n]*", LOCK, re.MULTILINE):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(here):
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            versions[canonicalize_name(requirement.name)].append(pin.version)
    return versions, here


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_direct_dependency_is_locked_within_its_bounds(python, system):
    versions, here = locked(python, system)
    for requirement in map(Requirement, DIRECT):
        if requirement.marker is None or requirement.marker.evaluate(here):
            (version,) = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), requirement


def test_versions_are_the_same_on_every_python_and_system():
    everywhere = defaultdict(set)
    for python in PYTHONS:
        for system in SYSTEMS:
            for name, versions in locked(python, system)[0].items():
                everywhere[name].update(versions)
    assert {name: found for name, found in everywhere.items() if len(found) > 1} == {}


def test_every_package_has_a_hash():
    packages = re.findall(r"^\S+==.*(?:\n +--hash=.*)*", LOCK, re.MULTILINE)
    assert len(packages) > 100
    assert [package for package in packages if "--hash=sha256:" not in package] == []


def test_no_registry_is_named():
    assert re.findall(r"https?://\S+|file:\S+|--(?:extra-)?index-url|--find-links", LOCK) == []


def test_lock_says_how_it_is_made():
    assert "make lock" in LOCK.splitlines()[1]


def test_supported_pythons_are_the_same_everywhere_they_are_named():
    assert PROJECT["requires-python"] == ">=3.10,<3.14"
    runner = (ROOT / "tools" / "__main__.py").read_text(encoding="utf-8")
    assert f"supported = {list(reversed(PYTHONS))}".replace("'", '"') in runner
    named = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert named == PYTHONS
