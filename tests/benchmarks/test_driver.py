"""The driver's arithmetic and decisions. Nothing here is timed."""

import json
import sys

import numpy as np
import pytest

from benchmarks import report, run
from benchmarks.contenders import BEGINNER, CONTENDERS, FLOOR, JAX, OURS, PYTORCH, TUNED, Contender
from benchmarks.task import MAIN, TASKS, Images, Task, batches, rotated
from benchmarks.worker import ROOT, Worker, WorkerError, is_installed

SECONDS = {OURS: 1.0, BEGINNER: 4.0, TUNED: 2.0, PYTORCH: 2.0, JAX: 1.25, FLOOR: 0.625}


def measured(seconds, accuracy=0.95):
    rounds = [
        {"seconds": s, "loss": 0.2, "accuracy": accuracy, "val_accuracy": accuracy, "others_percent": 3.0}
        for s in seconds
    ]
    return {"first_epoch_seconds": 3.0, "rounds": rounds}


@pytest.fixture
def results():
    """Two rounds in which every target is met."""
    contenders = {name: measured([s, 2 * s]) for name, s in SECONDS.items()}
    for epoch in contenders[FLOOR]["rounds"]:
        del epoch["loss"], epoch["accuracy"], epoch["val_accuracy"]
    return {
        "date": "2026-01-31",
        "machine": {"processor": "A processor", "cores": 4, "threads": 2, "memory_gb": 7.6, "system": "A system"},
        "versions": {"python": "3.11.7", "numpy": "2.2.6"},
        "rounds": 2,
        "missing": [],
        "tasks": {MAIN.name: contenders},
        "grid": {"seconds": [3.0] + [0.5] * 19, "compilations": 1},
        "activations": {
            "date": "2026-02-01",
            "rounds": {
                name: [
                    {"seconds": s, "loss": 0.3, "others_percent": 4.0},
                    {"seconds": 3 * s, "loss": 0.3, "others_percent": 4.0},
                ]
                for name, s in {report.REFERENCE: 0.5, report.ELU: 0.75}.items()
            },
        },
    }


def decisions(results):
    return [target.met for target in report.targets(results)]


def test_a_ratio_is_formed_within_a_round():
    # The second round was ten times slower for both: the ratio of medians, or of sums, would be far from 2.
    slow, fast = measured([2, 20, 3])["rounds"], measured([1, 10, 1])["rounds"]
    assert report.paired_ratio(slow, fast) == report.Ratio(median=2, low=2, high=3)


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0, 2.0]), ([], [])])
def test_rounds_that_cannot_be_paired_are_refused(first, second):
    with pytest.raises(ValueError, match="paired by round"):
        report.paired_ratio(measured(first)["rounds"], measured(second)["rounds"])


def test_all_targets_are_met(results):
    assert decisions(results) == [True] * 6


@pytest.mark.parametrize(
    ("number", "name", "missed", "met"),
    [(0, BEGINNER, 3.49, 3.5), (1, PYTORCH, 1.79, 1.8), (2, JAX, 0.99, 1.0), (3, FLOOR, 1 / 1.71, 1 / 1.69)],
)
def test_each_target_has_its_limit(results, number, name, missed, met):
    for ratio, expected in [(missed, False), (met, True)]:
        for epoch, ours in zip(results["tasks"][MAIN.name][name]["rounds"], [1.0, 2.0], strict=True):
            epoch["seconds"] = ratio * ours
        assert decisions(results) == [*[True] * number, expected, *[True] * (5 - number)]


def test_a_second_compilation_misses_the_target(results):
    results["grid"]["compilations"] = 2
    assert decisions(results) == [True, True, True, True, False, True]


def test_a_slow_elu_misses_the_target(results):
    for epoch in results["activations"]["rounds"][report.ELU]:
        epoch["seconds"] *= 1.5
    assert decisions(results) == [True] * 5 + [False]


def test_the_activations_have_a_table_of_ratios_to_relu(results):
    results["activations"]["rounds"][report.ELU][1]["seconds"] = 6.0
    page = report.tables(results)
    (row,) = [line for line in page.splitlines() if line.startswith(f"| {report.ELU} ")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [report.ELU, "3.38", "2.75", "1.50 – 4.00"]
    assert "2026-02-01, 2 rounds; other programs used 4 %" in page


def test_a_missing_peer_is_reported_and_not_decided(results):
    del results["tasks"][MAIN.name][PYTORCH]
    results["missing"] = [PYTORCH]
    assert decisions(results) == [True, None, True, True, True, True]
    lines = report.tables(results).splitlines()
    assert [line for line in lines if PYTORCH in line and "not installed" in line]
    assert [line for line in lines if PYTORCH in line and "not measured" in line]


def test_the_driver_asks_the_peers_interpreter_what_it_has():
    assert is_installed("numpy", sys.executable)
    assert not is_installed("no_such_package", sys.executable)


def test_every_missing_peer_is_named_and_the_others_run(monkeypatch):
    started = []

    class Recorder:
        def __init__(self, contender, python, folder):
            started.append((contender.name, python))
            self.versions = {"library": "1.0"}

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(run, "is_installed", lambda package, python: python == "peers" and package != "torch")
    monkeypatch.setattr(run, "Worker", Recorder)
    monkeypatch.setattr(run, "save_images", lambda folder: None)
    monkeypatch.setattr(run, "run_grid", lambda: {"seconds": [1.0], "compilations": 1})
    monkeypatch.setattr(run, "run_activations", lambda rounds: {"rounds": rounds})
    results = run.measure([], 1, "peers")
    assert results["missing"] == [PYTORCH]
    assert dict(started) == {name: "peers" if name == JAX else sys.executable for name in SECONDS if name != PYTORCH}
    assert results["versions"]["library"] == "1.0"
    assert results["activations"] == {"rounds": 1}


@pytest.mark.parametrize(("accuracy", "complaint"), [(0.11, "did not learn"), (0.91, "something else"),
                                                     (float("nan"), "did not learn")])  # fmt: skip
def test_a_contender_that_does_other_work_is_found(results, accuracy, complaint):
    assert report.unfair(results) == []
    for epoch in results["tasks"][MAIN.name][JAX]["rounds"]:
        epoch["val_accuracy"] = accuracy
    (found,) = report.unfair(results)
    assert complaint in found
    assert JAX in found


def test_the_table_has_the_ratio_and_its_spread(results):
    results["tasks"][MAIN.name][BEGINNER]["rounds"][1]["seconds"] = 10.0
    (row,) = [line for line in report.tables(results).splitlines() if line.startswith(f"| {BEGINNER} ")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        BEGINNER, "7.00", "4.50", "4.00 – 5.00", "3.0", "0.950",
    ]  # fmt: skip


def test_a_busy_machine_is_told(results):
    assert "used 3 % of the processors" in report.tables(results)


def test_only_what_stands_between_the_markers_is_rewritten():
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    once = report.rewrite(page, "new")
    assert once == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    assert report.rewrite(once, "new") == once


@pytest.mark.parametrize(
    "page",
    ["", report.BEGIN, report.END + report.BEGIN, 2 * (report.BEGIN + report.END), report.BEGIN + 2 * report.END],
)
def test_a_page_without_its_markers_is_left_alone(page):
    with pytest.raises(ValueError, match="once each"):
        report.rewrite(page, "new")


def test_the_readme_has_its_markers():
    assert "new" in report.rewrite(run.README.read_text(encoding="utf-8"), "new")


def test_every_contender_starts_as_often_as_any_other():
    names = [c.name for c in CONTENDERS]
    orders = [rotated(names, number) for number in range(len(names))]
    assert [order[0] for order in orders] == names
    assert all(sorted(order) == sorted(names) for order in orders)


@pytest.fixture
def stored(monkeypatch, tmp_path, results):
    """The command, with a measurement that takes no time; returns the folder it writes to."""
    (tmp_path / "README.md").write_text(report.BEGIN + report.END, encoding="utf-8")
    monkeypatch.setattr(run, "README", tmp_path / "README.md")
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(run, "measure", lambda tasks, rounds, peers: results | {"rounds": rounds})
    return tmp_path


def test_the_command_prints_and_stores(stored, capsys):
    assert run.main(["--rounds", "3"]) == 0
    assert json.loads((stored / "results.json").read_text(encoding="utf-8"))["rounds"] == 3
    assert capsys.readouterr().out.strip() in (stored / "README.md").read_text(encoding="utf-8")


def test_a_missed_target_is_stored_and_fails(stored, results):
    results["grid"]["compilations"] = 20
    assert run.main([]) == 1
    assert "missed" in (stored / "README.md").read_text(encoding="utf-8")


def test_an_unfair_comparison_is_not_stored(stored, results, capsys):
    for epoch in results["tasks"][MAIN.name][TUNED]["rounds"]:
        epoch["accuracy"] = 0.1
    assert run.main([]) == 1
    assert "did not learn" in capsys.readouterr().err
    assert not (stored / "results.json").exists()


def test_a_quick_run_stores_nothing(stored):
    assert run.main(["--quick"]) == 0
    assert not (stored / "results.json").exists()


def test_the_activations_alone_leave_the_other_results(stored, results, monkeypatch):
    (stored / "results.json").write_text(json.dumps(results), encoding="utf-8")
    fresh = {"date": "2026-03-03", "rounds": results["activations"]["rounds"]}
    monkeypatch.setattr(run, "run_activations", lambda rounds: fresh)
    assert run.main(["--activations", "--rounds", "2"]) == 0
    assert json.loads((stored / "results.json").read_text(encoding="utf-8")) == results | {"activations": fresh}
    assert "2026-03-03" in (stored / "README.md").read_text(encoding="utf-8")


def test_an_interpreter_that_does_not_exist_is_named(capsys):
    assert run.main(["--peers", "no/such/python"]) == 2
    assert "no/such/python" in capsys.readouterr().err


def test_a_worker_that_dies_says_why(tmp_path):
    with pytest.raises(WorkerError, match=r"(?s)the floor failed.*FileNotFoundError"):
        Worker(Contender("the floor", "benchmarks.contenders.numpy_floor"), sys.executable, tmp_path)


def test_a_worker_answers_over_its_pipe(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 784), dtype=np.float32), np.zeros(40, np.int32)
    Images(x, y, x, y).save(tmp_path)
    floor = next(c for c in CONTENDERS if c.name == FLOOR)
    with Worker(floor, sys.executable, tmp_path) as worker:
        assert worker.versions == {"numpy": np.__version__}
        assert worker.run(0, Task("small", (5,), 20))["seconds"] > 0
        assert set(worker.run(1)) == {"seconds"}
    assert worker.process.returncode is not None


def test_every_task_divides_the_images_into_whole_batches():
    for task in TASKS:
        order = batches(55_000, task.batch_size, seed=1)
        assert order.shape[1] == task.batch_size
        assert np.array_equal(np.sort(order, axis=None), np.arange(55_000))


def test_the_weights_are_hes():
    weights = MAIN.initial_weights()
    assert [w.shape for w in weights] == [(784, 300), (300, 100), (100, 10)]
    assert weights[0].std() == pytest.approx((2 / 784) ** 0.5, rel=0.01)


def test_the_contenders_are_modules():
    for contender in CONTENDERS:
        assert (ROOT / contender.module.replace(".", "/")).with_suffix(".py").is_file()
