"""Hand out an assignment: ``python -m grading.release 02`` makes a folder and a zip with all that a student needs."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.nbgraderformat import ValidationError

from grading import assignment
from grading.course import Course
from tools import notebook as stored
from tools.environment import ROOT

# What a student installs: the course's package needs the first, the notebooks the rest.
_PACKAGES = ("joblib", "keras", "matplotlib", "numpy", "pandas", "scipy", "tensorflow", "tqdm", "ipython",
             "ipywidgets", "jupyterlab", "tensorboard", "optuna", "scikit-learn")  # fmt: skip
_FORBIDDEN = re.compile("BEGIN SOLUTION|END SOLUTION|BEGIN HIDDEN|END HIDDEN")
_README = """\
# {title}

Open `{name}.ipynb`, and hand in that one file. Its name must stay as it is.

**On your own computer** (Python 3.10 to 3.13):

    pip install -r requirements.txt
    jupyter lab {name}.ipynb

**In Google Colab**: open https://colab.research.google.com, upload `{name}.ipynb`, then upload `{name}.zip` to the
folder symbol on the left, and run this in a new cell at the top, once in each session:

    !unzip -oq {name}.zip && cp -r {name}/dnn_course .

The folder `dnn_course` is the course's package, with the images inside; it must lie beside the notebook. You need not
look into it, but you may.
"""


class ReleaseError(Exception):
    """The assignment cannot be handed out; the message says why."""


def release(name: str, course: Course, source: NotebookNode | None = None) -> Path:
    """Make ``release/NAME/`` and ``release/NAME.zip``, and tell the gradebook of the assignment.

    The zip is the same, byte for byte, whenever it is made of the same files.

    Returns:
        The zip.

    Raises:
        ReleaseError: if the student's version still holds an answer, or cells came or went after submissions.
    """
    source = assignment.source(name) if source is None else source
    confirm_markers_match(source)
    try:
        student = assignment.student_version(source)
    except (RuntimeError, ValidationError) as error:
        raise ReleaseError(str(error)) from error
    confirm_nothing_leaks(student)
    try:
        course.register(name, source)
    except RuntimeError as error:
        raise ReleaseError(f"{error}. Give the changed assignment a new name, or remove these submissions.") from error
    folder = course.folder / "release" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / f"{name}.ipynb").write_bytes(stored.serialize(student))
    title = student.cells[0].source.splitlines()[0].lstrip("# ")
    (folder / "README.md").write_text(_README.format(name=name, title=title), encoding="utf-8")
    (folder / "requirements.txt").write_text("\n".join(_pinned()) + "\n", encoding="utf-8")
    shutil.copytree(ROOT / "dnn_course", folder / "dnn_course", ignore=shutil.ignore_patterns("__pycache__"))
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            # The date of the file would be the machine's.
            entry = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), (2020, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            file.writestr(entry, path.read_bytes())
    return archive


def confirm_markers_match(source: NotebookNode) -> None:
    """Return if every marked region has both its ends: what stands before a lone end would be handed out.

    Raises:
        ReleaseError: otherwise; the message names the cell.
    """
    for number, cell in enumerate(source.cells, start=1):
        for what in ("SOLUTION", "HIDDEN TESTS"):
            if cell.source.count(f"BEGIN {what}") != cell.source.count(f"END {what}"):
                label = assignment.grade_id(cell) or f"cell {number}"
                raise ReleaseError(f"{label} does not have as many BEGIN {what} as END {what}")


def confirm_nothing_leaks(student: NotebookNode) -> None:
    """Return if nothing in a student's version is an answer, a hidden test or an output.

    Raises:
        ReleaseError: otherwise; the message names the cell.
    """
    for number, cell in enumerate(student.cells, start=1):
        label = assignment.grade_id(cell) or f"cell {number}"
        if cell.get("outputs") or cell.get("execution_count"):
            raise ReleaseError(f"{label} still has outputs")
        if _FORBIDDEN.search(str(cell)):
            raise ReleaseError(f"{label} still holds a part of the solution or of the hidden tests")


def _pinned() -> Iterator[str]:
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for package in _PACKAGES:
        found = re.search(rf"^{package}(\[[\w,]+\])?==([\w.]+)", lock, re.MULTILINE)
        if found is None:
            raise ReleaseError(f"requirements.txt does not name {package}")
        yield f"{package}=={found[2]}"


def main(argv: Sequence[str], course: Course | None = None) -> int:
    """Release one assignment, and say where it is."""
    parser = argparse.ArgumentParser("tools release", description="Make the student's version of an assignment.")
    parser.add_argument("assignment", nargs="?", default="", help="a number (02) or name")
    try:
        name = assignment.select(parser.parse_args(argv).assignment)
        archive = release(name, course or Course())
    except (LookupError, ReleaseError) as error:
        print(f"Nothing was released: {error}", file=sys.stderr)
        return 2
    marks = assignment.marks(assignment.source(name))
    by_hand = sum(mark.points for mark in marks if mark.by_hand)
    total = sum(mark.points for mark in marks)
    print(f"{name}: {total} points, {by_hand} of them by hand.")
    print(f"Folder: {archive.with_suffix('')}\nTo hand out: {archive} ({archive.stat().st_size / 1e6:.0f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
