"""Grids over seeds wherever they run, and the intervals drawn from them."""

import functools
import json
import math
import os
import threading
import time
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dnn_course.experiments import paired_difference, run_grid, summarize

GRID: dict[str, list[object]] = {"width": [30, 10], "rule": ["he", "glorot"]}
EXPECTED = [(w, r, s, w + 100 * len(r) + s) for w in (30, 10) for r in ("he", "glorot") for s in (3, 1, 2)]


def loss(width, rule, seed):
    return {"loss": width + 100 * len(rule) + seed}


def late_first(width, rule, seed):
    time.sleep(0.05 if seed == 3 else 0)  # so that runs end in another order than they started
    return {**loss(width, rule, seed), "where": f"{os.getpid()}-{threading.get_ident()}"}


def only_even(seed):
    if seed % 2:
        raise ArithmeticError(f"odd: {seed}")
    return {"loss": seed}


def refuses_to_travel(seed):
    class Odd(Exception):
        def __reduce__(self):
            raise TypeError("not to be pickled")

    raise Odd("stays here")


def tuples(table):
    return list(table[["width", "rule", "seed", "loss"]].itertuples(index=False, name=None))


def test_rows_come_in_the_order_of_the_grid_and_the_seeds():
    table = run_grid(loss, GRID, seeds=[3, 1, 2])
    assert list(table.columns) == ["width", "rule", "seed", "loss"]
    assert tuples(table) == EXPECTED


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_two_workers_give_the_same_table(backend):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        table = run_grid(late_first, GRID, seeds=[3, 1, 2])
    assert tuples(table) == EXPECTED
    here = f"{os.getpid()}-{threading.get_ident()}"
    assert here not in set(table["where"])


def test_n_jobs_leaves_this_process():
    table = run_grid(late_first, GRID, seeds=[3, 1, 2], n_jobs=2)
    assert tuples(table) == EXPECTED
    assert not table["where"].str.startswith(f"{os.getpid()}-").any()


def test_a_dask_cluster_gives_the_same_table():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, processes=True, threads_per_worker=1, dashboard_address=None, memory_limit=0
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        table = run_grid(late_first, GRID, seeds=[3, 1, 2])
    assert tuples(table) == EXPECTED
    assert 1 <= table["where"].nunique() <= 2
    assert not table["where"].str.startswith(f"{os.getpid()}-").any()


def test_a_list_of_settings():
    table = run_grid(loss, [{"width": 1, "rule": "a"}, {"width": 2, "rule": "bb"}], seeds=range(2))
    assert tuples(table) == [(1, "a", 0, 101), (1, "a", 1, 102), (2, "bb", 0, 202), (2, "bb", 1, 203)]


def test_seeds_alone():
    table = run_grid(lambda seed: {"twice": 2 * seed}, {}, seeds=np.arange(3))
    assert table.to_dict("list") == {"seed": [0, 1, 2], "twice": [0, 2, 4]}


@pytest.mark.parametrize("kind", [list, pd.DataFrame])
def test_a_run_of_several_rows(kind):
    def by_epoch(rate, seed):
        return kind([{"epoch": epoch, "loss": rate * epoch + seed} for epoch in range(3)])

    table = run_grid(by_epoch, {"rate": [1.0, 2.0]}, seeds=[0, 5])
    assert table["epoch"].tolist() == [0, 1, 2] * 4
    assert table.query("rate == 2 and seed == 5")["loss"].tolist() == [5, 7, 9]


def test_numbers_become_plain_python_numbers():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return np.float32(0.5).__array__(dtype)

    values = {
        "a": np.float32(0.5),
        "b": np.int64(3),
        "c": Tensor(),
        "d": True,
        "e": None,
        "f": "text",
        "g": math.nan,
    }
    row = run_grid(lambda seed: values, {}, seeds=[0]).astype(object).iloc[0]
    assert [type(row[name]) for name in "abcdf"] == [float, int, float, bool, str]
    assert (row["a"], row["c"]) == (0.5, 0.5)
    assert math.isnan(row["g"])


def test_failures_are_named_and_the_rest_is_kept():
    with pytest.warns(UserWarning, match="2 of 5 runs failed") as caught:
        table = run_grid(only_even, {}, seeds=range(5))
    assert table["seed"].tolist() == [0, 2, 4]
    assert "  seed=1: ArithmeticError: odd: 1\n  seed=3: ArithmeticError: odd: 3" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert [(f["settings"], f["seed"]) for f in table.attrs["failures"]] == [({}, 1), ({}, 3)]
    assert "in only_even" in table.attrs["failures"][0]["traceback"]


def test_a_grid_without_failures_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_grid(loss, GRID, seeds=[0]).attrs["failures"] == []


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_when_every_run_fails_the_first_is_shown(n_jobs):
    with pytest.raises(RuntimeError, match=r"all 2 runs failed; the first, seed=0:(.|\n)*Odd: stays here"):
        run_grid(refuses_to_travel, {}, seeds=range(2), n_jobs=n_jobs)


def test_stopping_by_hand_stops():
    def stopped(seed):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_grid(stopped, {}, seeds=range(2))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (3.0, "must return a mapping, a list of mappings or a DataFrame"),
        ([], "with rows"),
        ({"loss": [1, 2]}, "column 'loss' must hold one number or text a row"),
        ({"model": object()}, "column 'model' must hold"),
        ({"seed": 1}, "columns that are settings already: seed"),
    ],
)
def test_what_a_run_must_return(result, message):
    with pytest.raises(RuntimeError, match=message):
        run_grid(lambda seed: result, {}, seeds=[0])


@pytest.mark.parametrize(
    ("grid", "seeds", "error", "message"),
    [
        ({"rule": "he"}, [0], TypeError, r"grid\['rule'\] must be a list of values; .* write \['he'\]"),
        ({"width": 10}, [0], TypeError, r"write \[10\]"),
        ({"width": []}, [0], ValueError, "the grid is empty"),
        ([], [0], ValueError, "the grid is empty"),
        ([{"a": 1}, {"b": 1}], [0], ValueError, "must name the same settings"),
        ({"seed": [1]}, [0], ValueError, "give the seeds as seeds="),
        ({}, 5, TypeError, r"such as range\(5\), not 5"),
        ({}, [], ValueError, "at least one"),
        ({}, [1, 2, 1], ValueError, "all different"),
    ],
)
def test_a_grid_that_makes_no_sense(grid, seeds, error, message):
    with pytest.raises(error, match=message):
        run_grid(loss, grid, seeds=seeds)


class TestResume:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "runs.jsonl"

    @pytest.fixture
    def counted(self):
        calls = []

        def run(rate, shape, seed):
            calls.append((rate, seed))
            if rate == 3 and len(calls) < 6:
                raise OSError("disk full")
            return [{"epoch": 0, "loss": rate / 3}, {"epoch": 1, "loss": math.nan}]

        run.calls = calls
        return run

    def grid(self, *rates):
        return {"rate": list(rates), "shape": [(3, 4)]}

    def test_only_what_is_missing_is_run(self, path, counted):
        first = run_grid(counted, self.grid(1.0, 2.0), seeds=[0, 1], resume=path)
        assert counted.calls == [(1.0, 0), (1.0, 1), (2.0, 0), (2.0, 1)]
        counted.calls.clear()
        second = run_grid(counted, self.grid(0.5, 1.0, 2.0), seeds=[0, 1], resume=path)
        assert counted.calls == [(0.5, 0), (0.5, 1)]
        kept = second[second["rate"] > 0.5].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, first, check_exact=True)

    def test_failed_runs_are_run_again(self, path, counted):
        with pytest.warns(UserWarning, match="disk full"):
            run_grid(counted, self.grid(1, 3), seeds=[0, 1], resume=path)
        counted.calls.extend([None] * 6)
        table = run_grid(counted, self.grid(1, 3), seeds=[0, 1], resume=path)
        assert table["rate"].tolist() == [1] * 4 + [3] * 4
        assert counted.calls[-2:] == [(3, 0), (3, 1)]
        assert counted.calls.count((1, 0)) == 1

    def test_a_run_cut_off_while_it_was_written_is_run_again(self, path, counted):
        whole = run_grid(counted, self.grid(1.0), seeds=[0, 1, 2], resume=path)
        path.write_bytes(path.read_bytes()[:-20])
        counted.calls.clear()
        table = run_grid(counted, self.grid(1.0), seeds=[0, 1, 2], resume=path)
        assert counted.calls == [(1.0, 2)]
        pd.testing.assert_frame_equal(table, whole)
        assert all(json.loads(line) for line in path.read_text().splitlines())

    def test_what_finished_before_an_interruption_is_kept(self, path):
        stop = [True]

        def run(seed):
            if seed == 2 and stop:
                raise KeyboardInterrupt
            return {"loss": seed}

        with pytest.raises(KeyboardInterrupt):
            run_grid(run, {}, seeds=range(4), resume=path)
        assert len(path.read_text().splitlines()) == 1 + 2
        stop.clear()
        assert run_grid(run, {}, seeds=range(4), resume=path)["loss"].tolist() == [0, 1, 2, 3]

    def test_another_run_is_refused(self, path):
        run_grid(lambda seed: {"loss": 1}, {}, seeds=[0], resume=path)
        with pytest.raises(ValueError, match=r"runs.jsonl was written by another version of this run; delete it"):
            run_grid(lambda seed: {"loss": 2}, {}, seeds=[0], resume=path)

    def test_a_damaged_file_is_refused(self, path, counted):
        run_grid(counted, self.grid(1.0), seeds=[0, 1], resume=path)
        header, _, last = path.read_text().splitlines()
        path.write_text(f"{header}\n[1, 2\n{last}\n")
        with pytest.raises(ValueError, match=r"runs.jsonl is damaged: delete it"):
            run_grid(counted, self.grid(1.0), seeds=[0, 1], resume=path)

    def test_settings_that_cannot_be_written_down(self, path):
        with pytest.raises(TypeError, match="settings of numbers, text and lists"):
            run_grid(lambda f, seed: {"loss": 1}, {"f": [abs]}, seeds=[0], resume=path)

    def test_a_run_without_source(self, path):
        run = functools.partial(loss, rule="he")
        for _ in range(2):
            assert run_grid(run, {"width": [1]}, seeds=[0], resume=path)["loss"].tolist() == [201]


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "rule": ["he"] * 4 + ["glorot"] * 4,
            "seed": [0, 1, 2, 3] * 2,
            "loss": [1.0, 2.0, 4.0, 5.0, 2.0, 3.5, 5.0, 6.5],
        }
    )


def test_summary_by_hand(table):
    summary = summarize(table, by="rule", value="loss")
    assert list(summary.columns) == ["rule", "mean", "low", "high", "n"]
    assert summary["rule"].tolist() == ["he", "glorot"]  # as they came
    assert summary["n"].tolist() == [4, 4]
    # he: mean 3, squares 4 + 1 + 1 + 4 = 10, s² = 10/3; t(0.975, 3) = 3.18245 from the printed tables.
    half = 3.18245 * math.sqrt(10 / 3) / 2
    he = summary.to_dict("records")[0]
    assert (he["mean"], he["low"], he["high"]) == pytest.approx((3, 3 - half, 3 + half), abs=1e-5)


def test_summary_against_scipy(table):
    for row in summarize(table, by=["rule"], value="loss").to_dict("records"):
        values = table.loc[table["rule"] == row["rule"], "loss"]
        interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert (row["low"], row["high"]) == pytest.approx(tuple(interval), rel=1e-12)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(1.0, 3.0, (2000, 5))
    table = pd.DataFrame({"trial": np.repeat(np.arange(2000), 5), "x": draws.ravel()})
    summary = summarize(table, by="trial", value="x")
    assert ((summary["low"] < 1) & (summary["high"] > 1)).mean() == pytest.approx(0.95, abs=0.015)


def test_the_order_of_rows_does_not_matter(table):
    shuffled = table.sample(frac=1, random_state=1)
    expected = summarize(table, by="rule", value="loss").set_index("rule")
    pd.testing.assert_frame_equal(
        summarize(shuffled, by="rule", value="loss").set_index("rule").loc[expected.index], expected
    )


def test_one_run_has_no_interval(table):
    summary = summarize(table.head(1), by="rule", value="loss")
    assert summary["mean"].item() == 1.0
    assert summary["n"].item() == 1
    assert summary[["low", "high"]].isna().all(axis=None)


def test_summary_of_everything():
    table = pd.DataFrame({"seed": [0, 1], "diverged": [True, False]})
    assert summarize(table, by=(), value="diverged")[["mean", "n"]].to_numpy().tolist() == [[0.5, 2]]


def test_settings_may_be_tuples_and_missing():
    table = pd.DataFrame({"hidden": [(100,), (100,), (50, 50), None], "seed": [0, 1, 0, 0], "loss": [1, 3, 5, 7]})
    summary = summarize(table, by="hidden", value="loss")
    assert summary["hidden"].tolist()[:2] == [(100,), (50, 50)]
    assert summary["hidden"].isna().tolist() == [False, False, True]
    assert summary["mean"].tolist() == [2, 5, 7]


def test_several_rows_of_one_seed_are_refused(table):
    with pytest.raises(ValueError, match=r"several rows for one seed and the same \['rule'\]"):
        summarize(pd.concat([table, table]), by="rule", value="loss")
    with pytest.raises(ValueError, match="several rows for one seed"):
        summarize(table, by=(), value="loss")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_diverged_runs_are_named(table, bad):
    table.loc[5, "loss"] = bad
    with pytest.raises(ValueError, match=r"not finite for \[{'rule': 'glorot', 'seed': 1}\]. A run that diverges"):
        summarize(table, by="rule", value="loss")


def test_summary_of_what_is_not_there(table):
    with pytest.raises(KeyError, match="no \\['width'\\], but \\['rule', 'seed', 'loss'\\]"):
        summarize(table, by="width", value="loss")
    with pytest.raises(ValueError, match="the table is empty"):
        summarize(table.head(0), by="rule", value="loss")
    with pytest.raises(TypeError, match="column 'rule' does not hold numbers but 'he'"):
        summarize(table, by="seed", value="rule")


def test_paired_difference_against_scipy(table):
    difference = paired_difference(table, "rule", between=("glorot", "he"), value="loss")
    he, glorot = (table.loc[table["rule"] == rule, "loss"].to_numpy() for rule in ("he", "glorot"))
    interval = stats.ttest_rel(glorot, he).confidence_interval(0.95)
    assert difference["mean"].item() == pytest.approx(1.25)
    assert difference[["low", "high"]].iloc[0].tolist() == pytest.approx(list(interval), rel=1e-12)
    # Each mean is uncertain by nearly 3; the difference by less than 0.5.
    assert difference["high"].item() - difference["low"].item() < 1


def test_paired_difference_pairs_by_seed_and_group(table):
    epochs = pd.concat([table.assign(epoch=e, loss=table["loss"] * (1 + e)) for e in (0, 1)])
    difference = paired_difference(
        epochs.sample(frac=1, random_state=0), "rule", between=("glorot", "he"), value="loss", by="epoch"
    )
    assert difference.set_index("epoch")["mean"].to_dict() == pytest.approx({0: 1.25, 1: 2.5})


def test_paired_difference_uses_the_seeds_that_both_have(table):
    difference = paired_difference(table.drop(index=[0, 7]), "rule", between=("glorot", "he"), value="loss")
    assert difference["n"].item() == 2
    assert difference["mean"].item() == pytest.approx(1.25)


def test_paired_difference_ignores_settings_it_does_not_compare(table):
    other = pd.DataFrame({"rule": ["none"], "seed": [0], "loss": [math.nan]})
    difference = paired_difference(
        pd.concat([table, other], ignore_index=True), "rule", between=("glorot", "he"), value="loss"
    )
    assert difference["n"].item() == 4


def test_paired_difference_refuses_what_it_cannot_pair(table):
    with pytest.raises(ValueError, match=r"are not both in 'rule', which has \['he', 'glorot'\]"):
        paired_difference(table, "rule", between=("he", "lecun"), value="loss")
    with pytest.raises(ValueError, match="no seed was run with both rule='he' and rule='glorot'"):
        paired_difference(table.drop(index=[2, 3, 4, 5]), "rule", between=("he", "glorot"), value="loss")
    with pytest.raises(ValueError, match="several rows for one seed"):
        paired_difference(pd.concat([table, table]), "rule", between=("he", "glorot"), value="loss")
    with pytest.raises(KeyError, match="no \\['seed'\\]"):
        paired_difference(table.drop(columns="seed"), "rule", between=("he", "glorot"), value="loss")


@pytest.mark.parametrize("column", ["mean", "low", "high", "n"])
def test_a_column_named_like_the_summarys_own_is_refused(column):
    table = pd.DataFrame({column: [50, 100], "seed": [0, 0], "loss": [1.0, 2.0]})
    with pytest.raises(ValueError, match=f"columns mean, low, high and n of its own: rename .'{column}'"):
        summarize(table, by=column, value="loss")
