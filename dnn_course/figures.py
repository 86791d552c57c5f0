"""Every picture of the course: one function a kind of picture, given tables or arrays.

Each function makes one figure and leaves it current, so ``matplotlib.pyplot.gca()`` can add to it. Lines
differ in colour, in dash and in marker, so no picture depends on colour alone. Bands and bars are 95 %
intervals over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from dnn_course.experiments import summarize
from dnn_course.style import COLORS as COLORS
from dnn_course.style import DASHES, GREY, MARKERS, ink_on


def learning_curves(
    table: pd.DataFrame, *, y: str, by: str, x: str = "epoch", levels: Mapping[str, float] | None = None, **labels: str
) -> None:
    """How a quantity changes during training, one line a setting: the mean over seeds with its 95 % interval.

    Args:
        table: tidy, with columns ``x``, ``y``, ``by`` and one row a seed.
        y: column to show, e.g. ``"val_accuracy"``.
        by: column that tells the lines apart.
        x: column along the horizontal axis.
        levels: values to mark with a dotted horizontal line, by name, e.g. ``{"chance": 0.11}``.
        labels: ``xlabel``, ``ylabel``, ``title`` of the axes, where the column names would not do.

    Raises:
        KeyError: if a column is missing.

    >>> runs = pd.DataFrame({"epoch": [1, 1, 2, 2], "seed": [0, 1, 0, 1], "net": "a", "loss": [2.0, 2.2, 1.0, 1.1]})
    >>> learning_curves(runs, y="loss", by="net")
    """
    ax = _axes(table, x, y, by)
    for (name, style), (_, part) in zip(_styles(table[by]), table.groupby(by, sort=False), strict=True):
        _mean_line(ax, summarize(part, by=x, value=y), x, style, str(name))
    for name, value in (levels or {}).items():
        ax.axhline(value, color=GREY, linestyle=":", linewidth=1.2, label=name)
    ax.locator_params(axis="x", integer=pd.api.types.is_integer_dtype(table[x]))  # there is no epoch 1.5
    _finish(ax, by, **({"xlabel": x, "ylabel": y} | labels))


def signal_by_depth(
    table: pd.DataFrame, *, value: str, by: str, theory: Mapping[Any, ArrayLike] | None = None, **labels: str
) -> None:
    """A positive signal layer by layer on a log scale: the geometric mean over seeds with its 95 % interval.

    Args:
        table: tidy, with columns ``layer``, ``value``, ``by`` and one row a seed.
        value: column of positive numbers, e.g. ``"gradient_std"``.
        by: column that tells the lines apart.
        theory: for some of the settings, what theory expects at layers 1, 2, …: a thin grey line.
        labels: ``xlabel``, ``ylabel``, ``title`` of the axes, where the column names would not do.

    Raises:
        KeyError: if a column is missing.
        ValueError: if a value is not positive.

    >>> runs = pd.DataFrame({"layer": [1, 1, 2, 2], "seed": [0, 1, 0, 1], "init": "he", "std": [1.0, 1.1, 0.9, 1.0]})
    >>> signal_by_depth(runs, value="std", by="init", theory={"he": [1, 1]})
    """
    ax = _axes(table, "layer", value, by)
    if not (table[value] > 0).all():
        raise ValueError(f"{value} has values that are not positive: they have no place on a log scale")
    logs = table.assign(**{value: np.log10(table[value])})
    for (name, style), (_, part) in zip(_styles(table[by]), logs.groupby(by, sort=False), strict=True):
        summary = summarize(part, by="layer", value=value)
        summary[["mean", "low", "high"]] = 10.0 ** summary[["mean", "low", "high"]]
        _mean_line(ax, summary, "layer", style, str(name))
    for number, line in enumerate((theory or {}).values()):
        expected = np.asarray(line, dtype=float)
        label = "_theory again" if number else "theory"  # a leading underscore keeps it out of the legend
        ax.plot(np.arange(1, len(expected) + 1), expected, color=GREY, linewidth=1, zorder=1, label=label)
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _finish(ax, by, **({"xlabel": "layer", "ylabel": value} | labels))


def layer_histograms(panels: Mapping[str, Mapping[str, ArrayLike]], *, xlabel: str, bins: int = 60) -> None:
    """The distribution of a quantity in each layer, one panel a setting, all on the same axes.

    Layers run from light to dark, from the input upwards. Each curve is a density on a log scale: its area is 1,
    whatever the layer's size, and thin tails can be seen beside a high peak.

    Args:
        panels: for each setting its arrays by layer, e.g. ``{"Glorot": signals.arrays("gradient")}``.
        xlabel: what is distributed, with its unit where it has one.
        bins: number of bins over the common range, which holds the middle 99 % of the widest layer.

    Raises:
        ValueError: if there is nothing to show, or a value is not finite.

    >>> rng = np.random.default_rng(0)
    >>> layers = {"hidden_1": rng.normal(size=500), "hidden_2": rng.normal(size=500) / 2}
    >>> layer_histograms({"start": layers}, xlabel="activation")
    """
    arrays = {title: {name: np.ravel(a) for name, a in layers.items()} for title, layers in panels.items()}
    everything = [a for layers in arrays.values() for a in layers.values()]
    if not everything:
        raise ValueError("layer_histograms has nothing to show: give at least one panel with one layer")
    if not all(np.isfinite(a).all() for a in everything):
        raise ValueError("layer_histograms needs finite values, and some are infinite or NaN")
    low, high = min(np.quantile(a, 0.005) for a in everything), max(np.quantile(a, 0.995) for a in everything)
    edges = np.linspace(low, high, bins + 1)
    fig, row = plt.subplots(len(arrays), 1, sharex=True, squeeze=False, figsize=(5.0, 1.2 + 1.7 * len(arrays)))
    for ax, (title, layers) in zip(row[:, 0], arrays.items(), strict=True):
        shades = plt.get_cmap("viridis_r")(np.linspace(0.12, 1, len(layers)))
        for (name, values), shade, dash in zip(layers.items(), shades, cycle(DASHES[:4]), strict=False):
            density = np.histogram(values, edges)[0] / (len(values) * (edges[1] - edges[0]))
            seen = np.where(density > 0, density, np.nan)
            ax.plot((edges[:-1] + edges[1:]) / 2, seen, color=shade, linestyle=dash, linewidth=1.4, label=name)
        ax.set(title=title, ylabel="density", yscale="log")
    row[-1, 0].xaxis.set_major_locator(MaxNLocator(5))
    row[-1, 0].ticklabel_format(axis="x", scilimits=(-2, 3), useMathText=True)
    row[-1, 0].set_xlabel(xlabel)
    handles, names = row[0, 0].get_legend_handles_labels()
    fig.legend(handles, [name.replace("_", " ") for name in names], loc="outside right upper")


def intervals(
    table: pd.DataFrame, *, value: str, by: str, theory: Mapping[Any, float] | None = None, **labels: str
) -> None:
    """A quantity for several settings side by side: every seed as a dot, the mean with its 95 % interval beside it.

    Args:
        table: tidy, with columns ``value`` and ``by`` and one row a seed.
        value: column to show.
        by: column of the settings, drawn from top to bottom as they first appear.
        theory: for some of the settings, the expected value: an open diamond.
        labels: ``xlabel``, ``ylabel``, ``title`` of the axes, where the column names would not do.

    Raises:
        KeyError: if a column is missing.

    >>> runs = pd.DataFrame({"init": ["he", "he", "glorot", "glorot"], "accuracy": [0.95, 0.96, 0.94, 0.96]})
    >>> intervals(runs, value="accuracy", by="init")
    """
    names = list(dict.fromkeys(table[by]))
    ax = _axes(table, value, by, figsize=(5.0, 0.9 + 0.42 * len(names)))
    for place, name in enumerate(names):
        values = table.loc[table[by] == name, value].to_numpy(dtype=float)
        mean, low, high = summarize(table[table[by] == name], by=by, value=value)[["mean", "low", "high"]].to_numpy()[0]
        ax.plot(values, np.full(len(values), place + 0.22), "|", color="#888888", markersize=6)
        ax.errorbar(mean, place, xerr=[[mean - low], [high - mean]], fmt="o", color=COLORS[0], capsize=3)
    if theory:
        places = [names.index(name) for name in theory]
        ax.plot(list(theory.values()), places, "D", mfc="none", color=COLORS[1], markersize=7, label="theory")
        ax.legend()
    ax.set_yticks(range(len(names)), [str(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set(**({"xlabel": value} | labels))


def heat_map(
    table: pd.DataFrame,
    *,
    value: str,
    x: str,
    y: str,
    by: str | None = None,
    digits: int = 1,
    limits: tuple[float, float] | None = None,
    **labels: str,
) -> None:
    """A quantity over two settings: for each pair a field that tells the mean over seeds by number and by colour.

    The colour is that of the number as printed, so what is rounded away is rounded away on every computer.

    Args:
        table: tidy, with columns ``value``, ``x``, ``y`` and one row a seed.
        value: column to show.
        x: column of the settings along the horizontal axis, in the order in which they first appear.
        y: column of the settings along the vertical axis, the first at the bottom.
        by: column of a third setting, one panel each: side by side where ten columns hold them, else stacked.
        digits: decimal places of the numbers.
        limits: values at the two ends of the colours; by default the smallest and the largest shown.
        labels: ``xlabel``, ``ylabel`` of the axes, ``label`` of the colours, where the column names would not do.

    Raises:
        KeyError: if a column is missing.

    >>> runs = pd.DataFrame({"rate": [0.1, 0.1, 1.0, 1.0], "scale": [1, 2, 1, 2], "accuracy": [0.9, 0.8, 0.7, 0.1]})
    >>> heat_map(runs, value="accuracy", x="rate", y="scale", limits=(0, 1))
    """
    _require(table, value, x, y, *([] if by is None else [by]))
    across, up = (list(dict.fromkeys(table[column])) for column in (x, y))
    parts = [("", table)] if by is None else [(str(name), part) for name, part in table.groupby(by, sort=False)]
    means = [summarize(part, by=[x, y], value=value).pivot(index=y, columns=x, values="mean") for _, part in parts]
    grids = [mean.reindex(index=up, columns=across).to_numpy(dtype=float).round(digits) + 0.0 for mean in means]
    low, high = limits or (np.nanmin(grids), np.nanmax(grids))
    rows, columns = (1, len(parts)) if len(parts) * len(across) <= 10 else (len(parts), 1)
    size = (5.0, 1.2 + rows * (0.3 + 0.36 * len(up)))
    fig, panels = plt.subplots(rows, columns, sharex=True, sharey=True, squeeze=False, figsize=size)
    for ax, (title, _), grid in zip(panels.flat, parts, grids, strict=True):
        image = ax.imshow(grid, cmap="viridis", vmin=low, vmax=high, origin="lower", aspect="auto")
        for row, column in np.argwhere(np.isfinite(grid)):  # a pair that was not run stays white
            ink = ink_on(image.to_rgba(mean := grid[row, column]))
            ax.text(column, row, f"{mean:.{digits}f}", ha="center", va="center", color=ink)
        ax.set_xticks(range(len(across)), map(str, across))
        ax.set_yticks(range(len(up)), map(str, up))
        ax.set(title=title, frame_on=False)
        ax.tick_params(length=0, grid_alpha=0)
    fig.supxlabel(labels.get("xlabel", x), fontsize="medium")
    fig.supylabel(labels.get("ylabel", y), fontsize="medium")
    fig.colorbar(image, ax=panels, label=labels.get("label", value), aspect=12 * rows, pad=0.02)


def _require(table: pd.DataFrame, *columns: str) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        raise KeyError(f"no column {', '.join(missing)} in the table; it has {', '.join(map(str, table.columns))}")


def _axes(table: pd.DataFrame, *columns: str, figsize: tuple[float, float] | None = None) -> Axes:
    _require(table, *columns)
    return plt.subplots(figsize=figsize)[1]


def _styles(settings: pd.Series) -> Sequence[tuple[Any, dict[str, Any]]]:
    """A look for each setting, in the order of first appearance."""
    names = list(dict.fromkeys(settings))
    colors = COLORS if len(names) <= len(COLORS) else plt.get_cmap("viridis")(np.linspace(0, 0.92, len(names)))
    return [
        (name, {"color": color, "marker": marker, "linestyle": dash})
        for name, color, marker, dash in zip(names, cycle(colors), cycle(MARKERS), cycle(DASHES), strict=False)
    ]


def _mean_line(ax: Axes, summary: pd.DataFrame, x: str, style: dict[str, Any], label: str) -> None:
    ax.plot(summary[x], summary["mean"], label=label, markevery=max(1, len(summary) // 10), **style)
    if (summary["n"] > 1).any():
        ax.fill_between(summary[x], summary["low"], summary["high"], color=style["color"], alpha=0.18, linewidth=0)


def _finish(ax: Axes, by: str, **labels: str) -> None:
    ax.set(**labels)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(title=by, title_fontsize=9)
