"""What is handed out: nothing that a student should find out, and all that a student needs."""

from __future__ import annotations

import copy
import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_output

from grading import assignment, release
from grading.course import Course
from grading.release import ReleaseError
from tests.exercises import synthetic
from tests.exercises.synthetic import NAME, SECRETS, cell, hand_in, source
from tools.environment import ROOT


@pytest.fixture(scope="module")
def handed_out(empty_gradebook: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the zip of an assignment that is stored with outputs, as by an author who forgot to clear them."""
    stored = source()
    for each in stored.cells:
        if each.cell_type == "code":
            text, picture = new_output("stream", text="output of the model"), {"image/png": "a picture"}
            each.outputs, each.execution_count = [text, new_output("display_data", picture)], 7
            each.metadata["execution"] = {"shell.execute_reply": "at some time"}
    stored.metadata["author"] = {"note": "secret_number"}
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(empty_gradebook, folder)
    hand_in(Course(folder), "ada", stored)
    return release.release(NAME, Course(folder), stored)


def texts(archive: Path) -> dict[str, str]:
    with zipfile.ZipFile(archive) as file:
        return {name: file.read(name).decode("utf-8", "replace") for name in file.namelist()}


def test_nothing_leaks(handed_out: Path):
    found = texts(handed_out)
    for secret in (*SECRETS, "output of the model", "a picture", "SOLUTION", "HIDDEN", "at some time"):
        own = {name: text for name, text in found.items() if not name.startswith(f"{NAME}/dnn_course/")}
        assert not [name for name, text in own.items() if secret in text], secret
    notebook = json.loads(found[f"{NAME}/{NAME}.ipynb"])
    code = [each for each in notebook["cells"] if each["cell_type"] == "code"]
    assert not any(each["outputs"] or each["execution_count"] for each in code)
    assert {key for each in notebook["cells"] for key in each["metadata"]} == {"nbgrader"}
    sources = {each["id"]: "".join(each["source"]) for each in notebook["cells"]}
    assert sources["double"] == f"def double(x):\n    {assignment.STUB}"
    assert sources["why"] == assignment.TEXT_STUB
    assert sources["test-double"] == 'assert double(2) == 4, "Twice 2 is 4."'


def test_nothing_of_this_years_class_or_of_other_assignments_is_in_it(handed_out: Path):
    names = texts(handed_out)
    assert not [name for name in names if re.search(r"ada|gradebook|source|\.db|__pycache__|tests?/|grading", name)]


def test_the_zip_is_the_same_whenever_it_is_made(handed_out: Path, course: Course):
    left_over = course.folder / "release" / NAME / "left over.txt"
    left_over.parent.mkdir(parents=True)
    left_over.touch()
    assert release.release(NAME, course, source()).read_bytes() == handed_out.read_bytes()


def test_it_holds_what_its_readme_promises(handed_out: Path):
    found = texts(handed_out)
    readme = found[f"{NAME}/README.md"]
    assert readme.startswith("# Assignment 42: sums\n")
    assert f"jupyter lab {NAME}.ipynb" in readme
    assert "pip install -r requirements.txt" in readme
    for promised in set(re.findall(r"`([\w.]+)`|(dnn_course)", readme)):
        name = "".join(promised)
        assert name == f"{NAME}.zip" or any(each.startswith(f"{NAME}/{name}") for each in found), name
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "dnn_course").rglob("*") if path.is_file()}
    expected = {f"{NAME}/{name}" for name in package if "__pycache__" not in name}
    assert {name for name in found if "/dnn_course/" in name} == expected
    assert f"{NAME}/dnn_course/data/mnist.npz" in found
    with zipfile.ZipFile(handed_out) as file:
        assert file.read(f"{NAME}/dnn_course/data/mnist.npz") == (ROOT / "dnn_course/data/mnist.npz").read_bytes()
    folder = handed_out.with_suffix("")
    unpacked = {path.relative_to(folder.parent).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert unpacked == set(found)


def test_its_requirements_are_the_locks_exact_versions(handed_out: Path):
    lines = texts(handed_out)[f"{NAME}/requirements.txt"].split()
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    locked = {re.sub(r"\[.*?\]", "", line.split(" ")[0]) for line in lock if "==" in line}
    assert set(lines) <= locked
    named = {line.split("==")[0] for line in lines}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.search(r"^dependencies = \[(.*?)\]", project, re.DOTALL | re.MULTILINE)
    assert needed is not None
    assert set(re.findall(r'"([\w-]+)', needed[1])) <= named


def test_the_readme_is_for_the_pythons_that_the_course_is_for():
    versions = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert f"Python {versions[0]} to {versions[-1]}" in release._README


@pytest.mark.parametrize(
    ("where", "text", "reason"),
    [
        ("part-1", "### BEGIN SOLUTION\nx\n### END SOLUTION", "Solution region detected in a non-solution cell"),
        ("setup", "### BEGIN SOLUTION\nx = 1", "setup does not have as many BEGIN SOLUTION as END SOLUTION"),
        ("test-double", "### BEGIN HIDEN TESTS\nx\n### END HIDDEN TESTS", "test_double does not have as many BEGIN H"),
        ("part-1", "x\n### END HIDDEN TESTS", "cell 3 does not have as many BEGIN HIDDEN TESTS as END"),
    ],
)
def test_a_marker_in_the_wrong_place_is_refused(course: Course, where: str, text: str, reason: str):
    leaking = source()
    next(each for each in leaking.cells if each.id == where).source = text
    with pytest.raises(ReleaseError, match=reason):
        release.release(NAME, course, leaking)
    assert not (course.folder / "release").exists()


def test_two_cells_of_one_name_are_refused(course: Course):
    twice = source()
    twice.cells.append(copy.deepcopy(cell(twice, "double")))
    with pytest.raises(ReleaseError, match=r"[Dd]uplicate|failed to validate"):
        release.release(NAME, course, twice)


def test_outputs_and_markers_in_metadata_are_found():
    notebook = synthetic.untouched()
    release.confirm_nothing_leaks(notebook)
    with_output = copy.deepcopy(notebook)
    cell(with_output, "double").outputs = [new_output("stream", text="42")]
    with pytest.raises(ReleaseError, match="double still has outputs"):
        release.confirm_nothing_leaks(with_output)
    in_metadata = copy.deepcopy(notebook)
    in_metadata.cells[0].metadata["old"] = "### BEGIN SOLUTION"
    with pytest.raises(ReleaseError, match="cell 1 still holds"):
        release.confirm_nothing_leaks(in_metadata)


def test_the_command_says_what_it_made(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    synthetic.use(monkeypatch, tmp_path / "source")
    assert release.main(["42"], course) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{NAME}: 20 points, 8 of them by hand.\n")
    archive = course.folder / "release" / f"{NAME}.zip"
    assert f"To hand out: {archive} (" in said
    assert archive.exists()
    with course.gradebook() as book:
        assert book.find_assignment(NAME).max_score == 20


def test_what_cannot_be_released_is_said_with_the_reason(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    synthetic.use(monkeypatch, tmp_path / "source")
    assert release.main([], course) == 2
    asked = "Nothing was released: say which assignment, as in ASSIGNMENT=02. There are:\n"
    assert capsys.readouterr().err == f"{asked}  {NAME}\n"
    assert release.main(["7"], course) == 2
    assert capsys.readouterr().err == f"Nothing was released: no such assignment: 7. There are:\n  {NAME}\n"
    monkeypatch.setattr(release, "_PACKAGES", ("numpy", "nonesuch"))
    assert release.main(["42"], course) == 2
    assert capsys.readouterr().err == "Nothing was released: requirements.txt does not name nonesuch\n"


def test_an_assignment_that_lost_cells_is_not_released_over_submissions(course: Course):
    course.register(NAME, source())
    course.save(NAME, "ada", assignment.grading_template(source()))
    changed = source()
    changed.cells.append(new_code_cell("x", id="x", metadata=synthetic.locked("x")))
    with pytest.raises(ReleaseError, match="Give the changed assignment a new name, or remove these submissions"):
        release.release(NAME, course, changed)


@pytest.mark.parametrize(("wanted", "found"), [("2", "02_b"), ("02", "02_b"), ("02_b", "02_b"), ("20", "20_c")])
def test_an_assignment_is_selected_by_number_or_name(tmp_path: Path, wanted: str, found: str):
    for name in ("01_a", "02_b", "20_c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.ipynb").touch()
    (tmp_path / "02_b" / "draft.ipynb").touch()
    (tmp_path / "03_empty").mkdir()
    assert assignment.names(tmp_path) == ["01_a", "02_b", "20_c"]
    assert assignment.select(wanted, tmp_path) == found


@pytest.mark.parametrize("wanted", ["", "3", "0", "b", "2_b", "../02_b", "020"])
def test_another_selection_is_answered_with_those_there_are(tmp_path: Path, wanted: str):
    (tmp_path / "02_b").mkdir()
    (tmp_path / "02_b" / "02_b.ipynb").touch()
    with pytest.raises(LookupError, match=r"There are:\n  02_b"):
        assignment.select(wanted, tmp_path)
