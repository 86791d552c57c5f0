"""Grading a class: right marks, whatever is among it, whenever it is stopped, and however often it is run."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader.server_extensions import formgrader

from grading import assignment, execution, grade, sandbox
from grading.course import Course
from grading.grade import Grader
from tests.exercises import synthetic
from tests.exercises.synthetic import FULL, NAME, NONE, SECRETS, SHORT, answered, cell, hand_in, source, untouched
from tools import notebook as stored
from tools.environment import ROOT

pytestmark = pytest.mark.usefixtures("nothing_left")
needs_sandbox = pytest.mark.usefixtures("sandboxed")

WRONG_TOTAL = "def total(numbers):\n    return 3"


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "GRACE_SECONDS", 1.0)


def grader(course: Course, changed: NotebookNode | None = None, **options: Any) -> Grader:
    return Grader(NAME, course, source=changed or source(), limits=SHORT, **options)


def points(course: Course) -> dict[str, dict[str, float]]:
    """Return what the tests gave each student."""
    found = {}
    for folder in sorted(course.submitted.iterdir()):
        marks = course.marks(NAME, folder.name)
        assert marks is not None
        found[folder.name] = {name: score for name, score in marks["parts"].items() if name != "why"}
    return found


def everything(course: Course) -> dict[str, tuple[int, bytes]]:
    """Return what the files of the course say, and when each was written."""
    files = [path for path in course.folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def page(course: Course, student: str) -> str:
    return (course.feedback / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")


BROKEN: Mapping[str, bytes | None] = {
    "b_empty": b"",
    "b_junk": b"\x00\xff" * 50,
    "b_deep": b"[" * 100_000,
    "b_other": b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    "b_odd": b'{"cells": [{"cell_type": "code", "metadata": [], "source": 5}]}',
    "b_missing": None,
    "b_name": None,
}
HOSTILE = {
    "h_ends": "import os\nos._exit(0)",
    "h_forges": "session = get_ipython().kernel.session\nsession.key = b'x'\nprint('x', flush=True)",
    "h_surrogate": "print('\ud83d')",
    "h_shows": "from IPython.display import display\ndisplay({'text/plain': 5, 'image/png': '\"><script>'}, raw=True)",
}


@pytest.fixture(scope="module")
def graded(sandboxed: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, list[grade.Result]]:
    """A class of all kinds, graded two at a time. None of these tests changes it."""
    course = Course(tmp_path_factory.mktemp("class"))
    hand_in(course, "a_reference", source())
    hand_in(course, "a_right", answered())
    hand_in(course, "a_partly", answered(total=WRONG_TOTAL))
    hand_in(course, "a_untouched", untouched())
    for student, content in BROKEN.items():
        hand_in(course, student, content or b"")
        if content is None:
            (course.submitted / student / NAME / f"{NAME}.ipynb").unlink()
    if os.fsencode("\udcff") == b"\xff":  # a name that is no text, as a foreign zip may hold
        (course.submitted / "b_name" / NAME / "\udcff.ipynb").write_bytes(b"")
    for student, hostile in HOSTILE.items():
        hand_in(course, student, answered(total=f"{synthetic.RIGHT['total']}\n\n{hostile}"))
    script = "*My answer* $a<b$ <script>alert(1)</script><img src=x onerror=alert(1)> [link](javascript:alert(1))"
    loud = "\nimport inspect\nfrom IPython.display import display, HTML\nprint('<script>alert(2)</script>')\n"
    loud += "display(HTML('<script>alert(3)</script>'))"
    tells = "def total(numbers):\n    print(inspect.getsource(inspect.currentframe().f_back))\n    return sum(numbers)"
    hand_in(course, "s_scripts", answered(why=script, double=synthetic.RIGHT["double"] + loud, total=tells))
    return course, grader(course).grade_all(2)


def test_every_student_gets_the_marks_deserved(graded: tuple[Course, list[grade.Result]]):
    course, results = graded
    first_alone = FULL | {"test_total": 0}
    expected = {
        "a_partly": first_alone,
        "a_reference": FULL,
        "a_right": FULL,
        "a_untouched": NONE,
        **dict.fromkeys(BROKEN, NONE),
        "h_ends": first_alone,
        "h_forges": NONE,
        "h_shows": FULL,
        "h_surrogate": FULL,
        "s_scripts": FULL,
    }
    assert points(course) == expected
    assert sorted(result.student for result in results) == sorted(expected)
    by_hand = course.table().set_index("student")["waits for a hand"]
    assert (by_hand["a_right"], by_hand["a_untouched"]) == (8, 0)


def test_what_was_noticed_is_on_the_page_and_in_the_report(graded: tuple[Course, list[grade.Result]]):
    course, results = graded
    report = grade.report(grader(course), results)
    for student, remark in {
        "b_empty": "the file is empty",
        "b_junk": "the file cannot be read as a notebook",
        "b_deep": "the file cannot be read as a notebook",
        "b_other": "not one cell of this assignment",
        "b_odd": "not one cell of this assignment",
        "b_missing": "called 42_sums.ipynb in the folder",
        "h_ends": "total: the kernel ended",
        "h_forges": "no test can be trusted",
    }.items():
        assert remark in "; ".join(grader(course).remarks(student))
        assert remark.split(":")[0] in page(course, student)
        assert student in report
    assert grader(course).remarks("a_right") == []
    assert "What the grader noticed" not in page(course, "a_right")


def test_feedback_has_no_hidden_test_and_no_script_of_a_submissions(graded: tuple[Course, list[grade.Result]]):
    course, _ = graded
    for student in points(course):
        html = page(course, student)
        for secret in ("secret_number", "HIDDEN", "total([])"):  # but what a failed one says may help
            assert secret not in html, student
        for running in ("<script>alert", "<img src=x", 'onerror="alert', 'href="javascript', '"><script>'):
            assert running not in html, student
    own = page(course, "s_scripts")
    assert "<em>My answer</em>" in own
    assert "$a&lt;b$" in own
    assert "&lt;script&gt;alert(2)" in own  # as text
    assert "Twice 2 is 4" in own
    assert "assert total([1, 2]) == 3" in own


def test_nbgraders_formgrader_shows_what_was_graded_and_runs_none_of_it(graded: tuple[Course, list[grade.Result]]):
    course, _ = graded
    config = course.config()
    templates = Path(formgrader.__file__).parent / "templates"
    config.HTMLExporter.update(template_name="formgrade", extra_template_basedirs=[str(templates)])
    resources = {"index": 0, "total": 1, "base_url": ""}
    for student in points(course):
        content = (course.autograded / student / NAME / f"{NAME}.ipynb").read_bytes()
        html, _ = HTMLExporter(config=config).from_notebook_node(stored.parse(content), resources)
        for running in ("<script>alert", "<img src=x", 'onerror="alert', 'href="javascript', '"><script>'):
            assert running not in html, student
    with course.gradebook() as book:
        assert book.find_assignment(NAME).max_score == 20
        assert len(book.assignment_submissions(NAME)) == len(points(course))


def test_a_second_run_grades_nothing_and_changes_no_file(graded: tuple[Course, list[grade.Result]]):
    course, _ = graded
    again = grader(course)
    before = everything(course)
    assert again.waiting() == []
    assert again.grade_all(2) == []
    after = everything(course)
    book = str(course.folder / "gradebook.db")
    before.pop(book)
    after.pop(book)
    assert after == before


@needs_sandbox
def test_only_what_changed_is_graded_again_and_marks_by_hand_stay(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    synthetic.use(monkeypatch, tmp_path / "source")
    monkeypatch.setattr(grade, "DEFAULT", SHORT)
    for student in ("ada", "ben"):
        hand_in(course, student, answered(total=WRONG_TOTAL))
    assert grade.main(["42", "--jobs", "2"], course) == 0
    said = capsys.readouterr().out
    assert "2 graded in" in said
    assert "ada        4 of 20" in said
    assert rows(course)["ben"] == {"points": "4.0", "of": "20.0", "waits for a hand": "8.0"}

    with course.gradebook() as book:
        given = book.find_grade("why", NAME, NAME, "ben")
        given.manual_score, given.needs_manual_grade = 7, False
        book.find_comment("why", NAME, NAME, "ben").manual_comment = "Nearly all of it."
        extra = book.find_grade("test_total", NAME, NAME, "ben")
        extra.manual_score = 2
        book.db.commit()
    assert grade.main([NAME], course) == 0
    assert "0 graded in" in capsys.readouterr().out
    assert rows(course)["ben"] == {"points": "13.0", "of": "20.0", "waits for a hand": "0.0"}
    assert "Nearly all of it." in page(course, "ben")
    assert "(Score: 7.0 / 8.0)" in page(course, "ben").replace("\n", " ")

    untouched_files = {path: content for path, content in everything(course).items() if "/ada/" in path}
    hand_in(course, "ben", answered())
    assert grade.main(["42"], course) == 0
    assert "1 graded in" in capsys.readouterr().out
    assert {path: content for path, content in everything(course).items() if "/ada/" in path} == untouched_files
    marks = course.marks(NAME, "ben")
    assert marks is not None
    assert marks["parts"]["why"] == 7
    assert marks["parts"]["test_total"] == 2  # a mark given by hand goes before the tests'
    assert marks["points"] == 13
    assert "Nearly all of it." in page(course, "ben")
    with course.gradebook() as book:
        assert book.find_grade("why", NAME, NAME, "ben").needs_manual_grade  # for the answer may be another


def rows(course: Course) -> dict[str, dict[str, str]]:
    with (course.folder / "grades.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert {row.pop("assignment") for row in found} == {NAME}
    return {row.pop("student"): row for row in found}


@needs_sandbox
def test_a_changed_test_or_limit_is_reason_to_grade_again(course: Course):
    hand_in(course, "ada", answered(total=WRONG_TOTAL))
    grader(course).grade_all(1)
    changed = source()
    cell(changed, "test_total").source = "assert total([1, 2]) == 3\n### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS"
    assert grader(course, changed).waiting() == ["ada"]
    grader(course, changed).grade_all(1)
    assert points(course) == {"ada": FULL}
    slower = Grader(NAME, course, source=changed, limits=replace(SHORT, cell_seconds=7))
    assert slower.waiting() == ["ada"]
    # The solution is none of the submission's business.
    cell(changed, "total").source = cell(changed, "total").source.replace("math.fsum", "sum")
    assert grader(course, changed).waiting() == []


@needs_sandbox
def test_an_assignment_whose_cells_came_or_went_is_not_graded(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    synthetic.use(monkeypatch, tmp_path / "source")
    hand_in(course, "ada", untouched())
    grader(course).grade_all(1)
    changed = source()
    cell(changed, "test_total").metadata.nbgrader.grade_id = "test_sum"
    (tmp_path / "source" / NAME / f"{NAME}.ipynb").write_bytes(stored.serialize(changed))
    assert grade.main(["42"], course) == 2
    said = capsys.readouterr().err
    assert said.startswith("Nothing was graded: ")
    assert "Cannot add or remove cells" in said
    assert points(course) == {"ada": NONE}


@needs_sandbox
def test_a_kernel_that_did_not_start_is_tried_again(course: Course, monkeypatch: pytest.MonkeyPatch):
    hand_in(course, "ada", answered())
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "command", lambda *args, **kwargs: ["false"])
        grader(course).grade_all(1)
    assert points(course) == {"ada": NONE}
    assert "the kernel did not start" in page(course, "ada")
    assert grader(course).waiting() == ["ada"]
    grader(course).grade_all(1)
    assert points(course) == {"ada": FULL}


def refuse(program: str = "bwrap") -> None:
    raise sandbox.SandboxError("bubblewrap is missing. WITHOUT_SANDBOX=yes")


def test_without_a_sandbox_nothing_is_graded_unless_asked_for(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    synthetic.use(monkeypatch, tmp_path / "source")
    monkeypatch.setattr(sandbox, "confirm", refuse)
    hand_in(course, "ada", answered(total=WRONG_TOTAL))
    hand_in(course, "ben", answered(total="import subprocess\nsubprocess.Popen(['sleep', '986.125'])"))
    assert grade.main(["42"], course) == 2
    assert capsys.readouterr().err == "Nothing was graded: bubblewrap is missing. WITHOUT_SANDBOX=yes\n"
    assert not course.autograded.exists()
    assert grade.main(["42", "--without-sandbox", "--jobs", "1"], course) == 0
    assert points(course) == {student: FULL | {"test_total": 0} for student in ("ada", "ben")}
    assert not [each for each in psutil.process_iter(["cmdline"]) if "986.125" in (each.info["cmdline"] or [])]


def test_nothing_handed_in_and_unknown_assignments_are_said(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    synthetic.use(monkeypatch, tmp_path / "source")
    monkeypatch.setattr(sandbox, "confirm", lambda: None)
    assert grade.main(["42"], course) == 2
    assert capsys.readouterr().err.startswith(f"Nothing was handed in: there is no {course.submitted}/<student>/{NAME}")
    assert grade.main(["43"], course) == 2
    assert capsys.readouterr().err == f"Nothing was graded: no such assignment: 43. There are:\n  {NAME}\n"
    assert grade.main([], course) == 2
    assert "say which assignment, as in ASSIGNMENT=02" in capsys.readouterr().err


INTERRUPTED_RUN = """
import sys
from pathlib import Path
import pytest
from grading import grade
from grading.course import Course
from tests.exercises import synthetic

folder = Path(sys.argv[1])
with pytest.MonkeyPatch.context() as patch:
    synthetic.use(patch, folder / "source")
    print("ready", flush=True)
    sys.exit(grade.main(["42", "--jobs", "2"], Course(folder)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process alone")
@needs_sandbox
def test_interrupted_at_any_moment_and_run_again_the_marks_are_the_same(course: Course):
    expected = {}
    for number in range(5):
        wrong, student = number % 2 == 1, f"student_{number}"
        pause = "\nimport time\ntime.sleep(0.3)"
        total = WRONG_TOTAL if wrong else synthetic.RIGHT["total"]
        hand_in(course, student, answered(total=total + pause))
        expected[student] = FULL | {"test_total": 0} if wrong else FULL
    codes, graded_before = [], []
    for delay in (0.2, 1.5, 3.5, None):
        started = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED_RUN, str(course.folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert started.stdout is not None
        started.stdout.readline()
        children = []
        if delay is not None:
            time.sleep(delay)
            children = psutil.Process(started.pid).children(recursive=True)
            started.send_signal(signal.SIGINT)
        _, said = started.communicate(timeout=90)
        codes.append(started.returncode)
        assert not psutil.wait_procs(children, timeout=5)[1]
        assert started.returncode in (0, grade.INTERRUPTED), said
        if started.returncode:
            assert "Interrupted. What was graded is kept" in said
            assert "Traceback" not in said
        for path in course.folder.rglob("*.tmp"):
            pytest.fail(f"{path} was left")
        shutil.rmtree(course.folder / "source")
        graded_before.append(len(list(course.autograded.rglob("graded.json"))))
    assert codes[-1] == 0
    assert grade.INTERRUPTED in codes[:2]
    assert graded_before == sorted(graded_before)  # what was graded is kept
    assert points(course) == expected
    assert len(rows(course)) == len(expected)
    record = json.loads((course.autograded / "student_0" / NAME / "graded.json").read_text())
    assert record["remarks"] == []


def test_the_secrets_of_the_synthetic_assignment_are_in_its_source():
    # Else the tests above would look for nothing.
    text = json.dumps(assignment.grading_template(source()))
    assert all(secret in json.dumps(source()) for secret in SECRETS)
    assert "secret_number" in text
    assert "total([])" in text
