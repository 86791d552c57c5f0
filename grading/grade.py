"""Grade what a class handed in: ``python -m grading.grade 02``.

Submissions run in sandboxes, several at a time; marks are written one by one. Each is written with a record of
what it was made from, last of all, so that an interrupted run is simply run again: what has its record is not
run twice, the rest is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbgrader import utils
from tabulate import tabulate
from tqdm import tqdm

from grading import assignment, execution, feedback, sandbox, submission
from grading.course import Course
from grading.limits import DEFAULT, Limits
from tools import notebook as stored
from tools.environment import ROOT

INTERRUPTED = 130
_RECORD = "graded.json"
_RULES = 1  # raised when grading itself changes what a submission gets


@dataclass
class Result:
    """What one submission came to."""

    student: str
    notebook: NotebookNode
    made_from: str
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Grader:
    """Grades one assignment of one course."""

    def __init__(
        self,
        name: str,
        course: Course,
        *,
        source: NotebookNode | None = None,
        limits: Limits = DEFAULT,
        sandboxed: bool = True,
    ) -> None:
        self.name, self.course, self.limits, self.sandboxed = name, course, limits, sandboxed
        self.source = assignment.source(name) if source is None else source
        self.template = assignment.grading_template(self.source)
        self.released = assignment.student_version(self.source)
        self._slots: SimpleQueue[int] = SimpleQueue()

    def students(self) -> list[str]:
        """Return who has a folder for this assignment."""
        return sorted(path.parent.name for path in self.course.submitted.glob(f"*/{self.name}") if path.is_dir())

    def waiting(self) -> list[str]:
        """Return whose submission is new or changed, or was made for other tests or limits."""
        return [student for student in self.students() if self._recorded(student) != self._made_from(student)]

    def grade_all(self, jobs: int) -> list[Result]:
        """Grade what waits, `jobs` at a time, and return the results in the order in which they came.

        Stopped with Ctrl-C it keeps what is graded; the next call goes on.
        """
        self.course.register(self.name, self.source)
        waiting = self.waiting()
        for slot in range(jobs):
            self._slots.put(slot)
        results: list[Result] = []
        with (
            tqdm(total=len(waiting), desc=self.name, disable=None, leave=False, unit="submission") as bar,
            ThreadPoolExecutor(jobs) as pool,
        ):
            pending: set[Future[Result]] = {pool.submit(self.run, student) for student in waiting}
            try:
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        self.save(future.result())
                        results.append(future.result())
                        bar.update()
            except BaseException:
                for future in pending:
                    future.cancel()
                execution.stop_all()
                raise
        self.refresh(sorted(set(self.students()) - set(waiting)))
        return results

    def run(self, student: str) -> Result:
        """Run one submission. Whatever it is, there is a result: at worst the assignment as handed out, and why."""
        made_from = self._made_from(student)
        remarks: list[str] = []
        try:
            path = submission.find(self.course.submitted / student / self.name, self.name)
            handed_in = submission.read(path)
            notebook, remarks = submission.merge(self.template, handed_in)
            remarks += submission.changed_tests(self.template, self.released, handed_in)
        except submission.NotASubmission as error:
            notebook = assignment.grading_template(self.source)
            for cell in notebook.cells:
                if cell.cell_type == "code" and utils.is_grade(cell):
                    cell.outputs = [new_output("error", ename="NotGraded", evalue=str(error), traceback=[str(error)])]
            return Result(student, notebook, made_from, [str(error)])
        slot = self._slots.get()
        try:
            ran = execution.run(notebook, self.limits, slot=slot, sandboxed=self.sandboxed)
        finally:
            self._slots.put(slot)
        if not ran.started:
            made_from = ""  # so that the next call tries again
        return Result(student, ran.notebook, made_from, remarks + ran.remarks, ran.seconds)

    def save(self, result: Result) -> None:
        """Write marks, graded notebook and feedback; the record that all is there comes last."""
        folder = self._folder(result.student)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _RECORD).unlink(missing_ok=True)
        if result.remarks:
            lines = "\n".join(f"- {remark}" for remark in result.remarks)
            result.notebook.cells.insert(0, new_markdown_cell(f"**What the grader noticed**\n\n{lines}"))
        self.course.save(self.name, result.student, result.notebook)
        stored.replace(folder / f"{self.name}.ipynb", stored.serialize(result.notebook))
        record = {"made_from": result.made_from, "seconds": round(result.seconds, 1), "remarks": result.remarks}
        self._give_feedback(result.student, result.notebook, record)

    def refresh(self, students: Sequence[str]) -> None:
        """Write feedback anew where marks have been given by hand since."""
        for student in students:
            record = self._record(student)
            if record and record.get("marks") != self.course.marks(self.name, student):
                content = (self._folder(student) / f"{self.name}.ipynb").read_bytes()
                self._give_feedback(student, stored.parse(content), record)

    def _give_feedback(self, student: str, graded: NotebookNode, record: dict[str, Any]) -> None:
        feedback.write(self.course, self.name, student, graded)
        record["marks"] = self.course.marks(self.name, student)
        stored.replace(self._folder(student) / _RECORD, (json.dumps(record, indent=2) + "\n").encode())

    def remarks(self, student: str) -> list[str]:
        """Return what was noticed when a submission was graded."""
        return [str(remark) for remark in self._record(student).get("remarks", [])]

    def _folder(self, student: str) -> Path:
        return self.course.autograded / student / self.name

    def _record(self, student: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads((self._folder(student) / _RECORD).read_text())
        except (OSError, ValueError):
            return {}
        return record

    def _recorded(self, student: str) -> str:
        return str(self._record(student).get("made_from", "")) if self.course.marks(self.name, student) else ""

    def _made_from(self, student: str) -> str:
        parts = hashlib.sha256(json.dumps([_RULES, asdict(self.limits), self.template], sort_keys=True).encode())
        for path in sorted((self.course.submitted / student / self.name).glob("*.ipynb")):
            parts.update(os.fsencode(path.name))
            with suppress(OSError):  # a file that cannot be read has its result too
                if path.is_file() and path.stat().st_size <= submission.LARGEST_BYTES:
                    parts.update(path.read_bytes())
        return parts.hexdigest()


def report(grader: Grader, results: Sequence[Result]) -> str:
    """Return the table that is printed at the end: a line for each student."""
    fresh = {result.student for result in results}
    rows = []
    for student in grader.students():
        marks = grader.course.marks(grader.name, student)
        if marks:
            by_hand = f"{marks['waits for a hand']:g}" if marks["waits for a hand"] else ""
            points = f"{marks['points']:g} of {marks['of']:g}"
            said = "; ".join(grader.remarks(student))
            rows.append([student, points, by_hand, "now" if student in fresh else "before", said])
    return tabulate(
        rows,
        ["student", "points", "to be graded by hand", "graded", "remarks"],
        maxcolwidths=[24, None, None, None, 60],
    )


def main(argv: Sequence[str], course: Course | None = None) -> int:
    """Grade one assignment and print the marks."""
    course = course or Course()
    parser = argparse.ArgumentParser("tools grade", description="Grade an assignment in sandboxes.")
    parser.add_argument("assignment", nargs="?", default="", help="a number (02) or name")
    parser.add_argument("--jobs", type=int, default=max(1, os.cpu_count() or 1), help="submissions at a time")
    parser.add_argument("--without-sandbox", action="store_true", help="run strangers' programs unprotected")
    options = parser.parse_args(argv)
    try:
        name = assignment.select(options.assignment)
        if not options.without_sandbox:
            sandbox.confirm()
    except (LookupError, sandbox.SandboxError) as error:
        print(f"Nothing was graded: {error}", file=sys.stderr)
        return 2
    grader = Grader(name, course, sandboxed=not options.without_sandbox)
    if not grader.students():
        print(f"Nothing was handed in: there is no {course.submitted}/<student>/{name}/{name}.ipynb", file=sys.stderr)
        return 2
    started = time.monotonic()
    try:
        results = grader.grade_all(max(1, options.jobs))
    except RuntimeError as error:
        print(f"Nothing was graded: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. What was graded is kept; run the same command again to go on.", file=sys.stderr)
        return INTERRUPTED
    course.table().to_csv(course.folder / "grades.csv", index=False)
    print(report(grader, results))
    place = course.folder.relative_to(ROOT) if course.folder.is_relative_to(ROOT) else course.folder
    unchanged = len(grader.students()) - len(results)
    print(f"\n{len(results)} graded in {time.monotonic() - started:.0f} s, {unchanged} unchanged.")
    print(f"Marks: {place}/grades.csv   Feedback: {place}/feedback/   By hand: make formgrader")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
