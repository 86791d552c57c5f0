"""Installing the scripts of the pages: once, whole, checked against hashes, and with a clear word where it fails."""

import json
import shutil
import subprocess
import sys

import pytest

from tools import book
from tools.book import ROOT, BookError

NPM = """
import pathlib, sys
pathlib.Path("calls").open("a").write(" ".join(sys.argv[1:]) + "\\n")
here = pathlib.Path("node_modules")
if here.exists():
    import shutil; shutil.rmtree(here)
here.mkdir()
error = pathlib.Path("error")
if error.exists():
    sys.exit(error.read_text())
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a lock, where a stand-in for npm installs nothing and fails if there is a file ``error``."""
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "npm.py").write_text(NPM)
    monkeypatch.setattr(book, "npm", lambda: [sys.executable, str(tmp_path / "npm.py")])
    return tmp_path


def calls(folder):
    return (folder / "calls").read_text().splitlines()


def test_assets_are_installed_once_and_without_scripts(folder):
    book.install_web_assets(folder)
    book.install_web_assets(folder)
    assert len(calls(folder)) == 1
    assert calls(folder)[0].startswith("ci --ignore-scripts")


def test_another_lock_installs_again(folder):
    book.install_web_assets(folder)
    (folder / "package-lock.json").write_text('{"name": "another"}')
    book.install_web_assets(folder)
    assert len(calls(folder)) == 2


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("npm error code ENOTFOUND", "Is there a network"),
        ("npm error code EINTEGRITY", "EINTEGRITY"),
    ],
)
def test_failure_is_explained_and_the_next_run_recovers(folder, error, told):
    (folder / "error").write_text(error)
    with pytest.raises(BookError, match=told):
        book.install_web_assets(folder)
    with pytest.raises(BookError, match=told):
        book.install_web_assets(folder)
    (folder / "error").unlink()
    book.install_web_assets(folder)
    assert len(calls(folder)) == 3


def test_only_the_files_used_are_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(book, "WEB_ASSETS", {"package": ["a.js", "fonts/*.woff"]})
    source = tmp_path / "book" / "node_modules" / "package"
    for name in ("a.js", "b.js", "fonts/x.woff", "fonts/x.ttf"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    target = tmp_path / "assets"
    book.copy_web_assets(tmp_path / "book", target)
    copied = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert copied == {"package/a.js", "package/fonts/x.woff"}
    (source / "a.js").unlink()
    with pytest.raises(BookError, match=r"package has no a\.js"):
        book.copy_web_assets(tmp_path / "book", target)


def test_npm_of_the_package_runs_where_the_machine_has_none(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    result = subprocess.run([*book.npm(), "--version"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.split(".")[0].isdigit()


def test_npm_of_the_machine_is_preferred(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/here/{name}")
    assert book.npm() == ["/here/npm"]


def test_every_locked_package_has_a_hash_and_no_host():
    packages = json.loads((ROOT / "book" / "package-lock.json").read_text())["packages"]
    locked = {name: package for name, package in packages.items() if name}
    assert {name.removeprefix("node_modules/") for name in locked} >= set(book.WEB_ASSETS)
    assert all(package["integrity"].startswith("sha512-") for package in locked.values())
    assert not any("resolved" in package for package in locked.values())
