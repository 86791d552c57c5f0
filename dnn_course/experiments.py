"""A grid of settings times seeds, to one tidy table; means with their 95 % intervals.

One seed is an anecdote. :func:`run_grid` runs a function for every setting and every seed, :func:`summarize`
says how far the mean can be trusted, and :func:`paired_difference` compares two settings seed by seed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy.special import stdtrit

from dnn_course.runs import Record, Row, Settings, attempt, key
from dnn_course.runtime import progress

_CONFIDENCE = 0.95


def run_grid(
    run: Callable[..., Any],
    grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]],
    *,
    seeds: Iterable[int],
    n_jobs: int | None = None,
    resume: str | Path | None = None,
) -> pd.DataFrame:
    """Call ``run(**settings, seed=seed)`` for every setting and seed, and gather the results in a table.

    The runs go through joblib: inside ``joblib.parallel_config(backend="dask")`` they run on that cluster,
    and nothing else changes. The order of rows is that of ``grid`` and ``seeds``, wherever the runs took
    place.

    Args:
        run: returns a mapping from column to number or text (one row), or a list of these or a DataFrame
            (several rows, one a layer or an epoch, say).
        grid: the values of each setting, to be combined in every way, the last varying fastest; or a list of
            settings, one mapping each. ``{}`` for seeds alone.
        seeds: distinct integers. Every setting meets each of them, so that settings can be compared in pairs.
        n_jobs: runs at a time, as in joblib: by default one, or what ``joblib.parallel_config`` says.
        resume: a file of JSON lines that keeps each run as it ends. Called again, only what is not in it is
            run. It is bound to the source of ``run``, but cannot see what ``run`` calls: delete it when that
            changes.

    Returns:
        A row for each result: the settings, ``seed``, then the columns that ``run`` returned. Runs that
        raised are left out and a warning names them; ``table.attrs["failures"]`` has the settings, seed and
        traceback of each.

    Raises:
        TypeError: if ``grid`` or ``seeds`` make no sense, or ``resume`` cannot hold such settings.
        ValueError: if ``grid`` or ``seeds`` are empty, a seed comes twice, or ``resume`` is damaged or was
            written by another ``run``.
        RuntimeError: if every run failed, with the traceback of the first.

    >>> run_grid(lambda width, seed: {"loss": width + seed}, {"width": [10, 20]}, seeds=range(2))
       width  seed  loss
    0     10     0    10
    1     10     1    11
    2     20     0    20
    3     20     1    21
    """
    tasks = list(product(_expand(grid), _distinct(seeds)))
    record = None if resume is None else Record(Path(resume), run)
    results: dict[int, list[Row]] = {}
    if record:
        results = {i: record.rows[known] for i, task in enumerate(tasks) if (known := key(*task)) in record.rows}
    failures: dict[int, tuple[str, str]] = {}
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    waiting = [i for i in range(len(tasks)) if i not in results]
    attempts = parallel(joblib.delayed(attempt)(i, run, *tasks[i]) for i in waiting)
    for i, rows, error in progress(attempts, total=len(waiting), desc=getattr(run, "__name__", "runs")):
        if error:
            failures[i] = error
        else:
            results[i] = rows
            if record:
                record.append(tasks[i], rows)
    if not results:
        first = min(failures)
        raise RuntimeError(f"all {len(tasks)} runs failed; the first, {_label(*tasks[first])}:\n{failures[first][1]}")
    table = pd.DataFrame([{**tasks[i][0], "seed": tasks[i][1], **row} for i in sorted(results) for row in results[i]])
    table.attrs["failures"] = [
        {"settings": tasks[i][0], "seed": tasks[i][1], "traceback": failures[i][1]} for i in sorted(failures)
    ]
    if failures:
        lines = [f"  {_label(*tasks[i])}: {failures[i][0]}" for i in sorted(failures)]
        head = f"{len(failures)} of {len(tasks)} runs failed and are left out of the table:"
        warnings.warn("\n".join([head, *lines]), stacklevel=2)
    return table


def _expand(grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]]) -> list[Settings]:
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise TypeError(f"grid[{name!r}] must be a list of values; for this one alone write [{values!r}]")
        settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    else:
        settings = [dict(each) for each in grid]
    if not settings:
        raise ValueError("the grid is empty: a setting has no values")
    if any(each.keys() != settings[0].keys() for each in settings):
        raise ValueError("every mapping of the list must name the same settings, or the table would have holes")
    if "seed" in settings[0]:
        raise ValueError('"seed" is no setting of the grid: give the seeds as seeds=')
    return settings


def _distinct(seeds: Iterable[int]) -> list[int]:
    if not isinstance(seeds, Iterable):
        raise TypeError(f"seeds must be several integers, such as range(5), not {seeds!r}")
    numbers = [int(seed) for seed in seeds]
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"seeds must be at least one and all different, got {numbers}")
    return numbers


def _label(settings: Settings, seed: int) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in {**settings, "seed": seed}.items())


def summarize(table: pd.DataFrame, *, by: str | Sequence[str], value: str) -> pd.DataFrame:
    r"""Mean of a column over seeds with its 95 % interval, :math:`\bar x \pm t_{0.975,\,n-1}\, s / \sqrt{n}`.

    Args:
        table: as :func:`run_grid` returns it.
        by: the columns that tell the means apart; ``()`` for one mean of all.
        value: the column of numbers to average.

    Returns:
        A row for each group, in order of first appearance: the columns ``by``, ``mean``, ``low`` and ``high``
        (the ends of the interval; NaN for one run alone, which says nothing about its spread), and ``n``.

    Raises:
        KeyError: if a column is not in the table.
        TypeError: if the column ``value`` does not hold numbers.
        ValueError: if the table is empty, a column of ``by`` is called like one of the summary's own, a value is
            not finite, or a group has several rows of one seed: they are not independent, and would make the
            interval too narrow.

    >>> table = pd.DataFrame({"rule": ["he", "he", "he"], "seed": [0, 1, 2], "loss": [1.0, 2.0, 3.0]})
    >>> summarize(table, by="rule", value="loss").round(3)
      rule  mean    low   high  n
    0   he   2.0 -0.484  4.484  3
    """
    names = [by] if isinstance(by, str) else list(by)
    _check_values(table, names, value)
    everything = pd.Series(0, index=table.index)  # so that no column at all is one group too
    columns = [everything, *(table[name] for name in names)]
    groups = table[value].astype(float).groupby(columns, sort=False, dropna=False, observed=True)
    summary = groups.agg(mean="mean", spread="std", n="count").reset_index()
    quantile = stdtrit(summary["n"] - 1, (1 + _CONFIDENCE) / 2)
    half = quantile * summary["spread"] / np.sqrt(summary["n"])
    summary = summary.assign(low=summary["mean"] - half, high=summary["mean"] + half)
    return summary[[*names, "mean", "low", "high", "n"]]


def _check_values(table: pd.DataFrame, by: list[str], value: str) -> None:
    if missing := [name for name in [*by, value] if name not in table]:
        raise KeyError(f"the table has no {missing}, but {list(table)}")
    if table.empty:
        raise ValueError("the table is empty")
    if taken := {"mean", "low", "high", "n"}.intersection(by):
        raise ValueError(f"the summary has columns mean, low, high and n of its own: rename {sorted(taken)}")
    if not pd.api.types.is_numeric_dtype(table[value]):
        raise TypeError(f"column {value!r} does not hold numbers but {table[value].iloc[0]!r}")
    seeded = "seed" in table
    identity = list(dict.fromkeys([*by, "seed"] if seeded else by))
    if not (finite := np.isfinite(table[value])).all():
        where = table.loc[~finite, identity].drop_duplicates().to_dict("records")
        raise ValueError(
            f"{value!r} is not finite for {where[:5]}{' and more' * (len(where) > 5)}. A run that diverges "
            "is a result: count those runs and report them, then average the others"
        )
    if seeded and table.duplicated(identity).any():
        raise ValueError(
            f"{value!r} has several rows for one seed and the same {by}. Add the column that tells them "
            "apart to by=, or keep one row a seed"
        )


def paired_difference(
    table: pd.DataFrame, column: str, *, between: tuple[Any, Any], value: str, by: str | Sequence[str] = ()
) -> pd.DataFrame:
    """Mean over seeds of ``value`` at the first setting minus at the second, with its 95 % interval.

    Two runs of one seed share a part of their luck, and their difference varies less for it. Where the
    interval holds zero, the noise exceeds the effect.

    Args:
        table: as :func:`run_grid` returns it.
        column: the column that holds the two settings.
        between: the two settings, ``(first, second)``. Seeds that only one of them has are left out.
        value: the column of numbers to compare.
        by: the columns that tell several comparisons apart, such as the epoch.

    Returns:
        What :func:`summarize` returns, for the differences.

    Raises:
        KeyError: if a column is not in the table, ``seed`` among them.
        ValueError: if a setting is not in the table or the two share no seed; otherwise as :func:`summarize`.

    >>> table = pd.DataFrame({"rule": ["he", "he", "glorot", "glorot"], "seed": [0, 1, 0, 1], "loss": [3, 5, 1, 2]})
    >>> paired_difference(table, "rule", between=("he", "glorot"), value="loss").round(2)
       mean   low  high  n
    0   2.5 -3.85  8.85  2
    """
    names = [by] if isinstance(by, str) else list(by)
    sides = [table[[held == setting for held in table[column]]] for setting in between]
    if any(side.empty for side in sides):
        raise ValueError(f"{between!r} are not both in {column!r}, which has {table[column].unique().tolist()}")
    _check_values(pd.concat(sides), [column, *names, "seed"], value)
    first, second = (side.set_index([*names, "seed"])[value] for side in sides)
    difference = (first - second).dropna()
    if difference.empty:
        raise ValueError(f"no seed was run with both {column}={between[0]!r} and {column}={between[1]!r}")
    return summarize(difference.reset_index(), by=names, value=value)
