"""Figures that answer: the reader chooses the setting, the figure shows what came of it.

Everything is computed beforehand and stored in the output as a Vega-Lite specification, so the figure needs neither
a server nor a running kernel. JupyterLab draws it as it is; the book draws it with its own copy of Vega; on paper,
and wherever neither is at hand, the picture of the first choice stands in its place.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

from dnn_course.experiments import summarize
from dnn_course.figures import learning_curves
from dnn_course.style import COLORS

VEGA_LITE = "application/vnd.vegalite.v5+json"
LARGEST = 300_000
"""Bytes that a figure's specification may have: what a phone with a slow connection loads in two seconds."""

_SHAPES = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross"]
_DASHES = [[1, 0], [6, 2], [2, 2], [6, 2, 2, 2], [10, 3], [3, 1, 1, 1]]
_MOST_MARKS, _MOST_TICKS = 25, 12


@dataclass(frozen=True)
class _Choice:
    """A part of the setting: its name in the figure, its column, its control's words, its values, which is first."""

    name: str
    column: str
    words: str
    values: Sequence[Any]
    first: int

    @property
    def kind(self) -> str:
        if all(isinstance(value, (bool, np.bool_)) for value in self.values):
            return "checkbox"
        return "select" if any(isinstance(value, str) for value in self.values) else "range"

    def told(self) -> list[str]:
        """The values as a reader sees them."""
        if self.kind == "checkbox":
            return ["yes" if value else "no" for value in self.values]
        return [str(value) if self.kind == "select" else f"{value:g}" for value in self.values]

    def control(self) -> dict[str, Any]:
        """The parameter that the reader sets. A slider has even steps, so it is over the numbers of the values."""
        bind: dict[str, Any] = {"input": self.kind, "name": self.words}
        value: Any = self.first
        if self.kind == "range":
            bind |= {"min": 0, "max": len(self.values) - 1, "step": 1}
        elif self.kind == "select":
            bind |= {"options": self.told()}
            value = self.told()[self.first]
        else:
            value = bool(self.values[self.first])
        return {"name": self.name, "value": value, "bind": bind}

    def place(self) -> str:
        """Vega's expression for the number of the value that is chosen."""
        if self.kind == "range":
            return self.name
        values = self.told() if self.kind == "select" else [bool(value) for value in self.values]
        return f"indexof({json.dumps(values)}, {self.name})"

    def sentence(self) -> str:
        """Vega's expression for what is chosen, in words."""
        return f"{json.dumps(self.words + ': ')} + {json.dumps(self.told())}[{self.place()}]"


def explore(
    table: pd.DataFrame,
    *,
    x: str,
    y: str,
    by: str,
    choose: Mapping[str, str],
    start: Mapping[str, Any] | None = None,
    log: bool = False,
    **labels: str,
) -> None:
    """Show curves for one setting at a time, with a control for each part of the setting.

    A column of numbers is chosen from with a slider, one of True and False with a box to tick, any other from a list.
    The axes stay as they are, so that what moves is the result.

    Args:
        table: tidy, with columns ``x``, ``y``, ``by``, those of ``choose``, and one row a seed; without seeds one row
            each. Every mean over several seeds has its 95 % interval.
        x: column along the horizontal axis.
        y: column to show, rounded to three significant digits.
        by: column that tells the curves apart, six at most.
        choose: the columns that the reader chooses from, each with the words that its control bears.
        start: the first choice, where it is not to be the first value of a column. The static picture shows it.
        log: whether ``y`` is on a logarithmic scale.
        labels: ``xlabel`` and ``ylabel``, where the column names would not do.

    Raises:
        KeyError: if a column is missing.
        ValueError: if ``choose`` is empty, ``start`` names what is not in the table, ``y`` is not positive on a
            logarithmic scale, there are more than six curves, or the figure would have more than 300 kB.

    >>> runs = pd.DataFrame({"rate": [0.1, 0.1, 1.0, 1.0], "net": "a", "epoch": [1, 2, 1, 2], "loss": [2.0, 1, 3, 4]})
    >>> explore(runs, x="epoch", y="loss", by="net", choose={"rate": "learning rate"})
    explore loss by learning rate
    """
    _check(table, x, y, by, choose, log=log)
    choices = [
        _choice(f"choice_{number}", table, column, words, start or {})
        for number, (column, words) in enumerate(choose.items(), 1)
    ]
    if unknown := set(start or {}) - set(choose):
        raise ValueError(f"start names {sorted(unknown)}, but the reader chooses {list(choose)}")
    means = summarize(table, by=[*choose, by, x], value=y)
    axes: dict[str, dict[str, Any]] = {n: {"title": labels.get(f"{n}label", c)} for n, c in (("x", x), ("y", y))}
    if pd.api.types.is_integer_dtype(table[x]) and means[x].nunique() <= _MOST_TICKS:
        axes["x"]["axis"] = {"values": sorted(set(means[x].tolist())), "format": "d"}  # there is no epoch 1.5
    axes["x"]["scale"] = {"domain": [_rounded(means[x].min()), _rounded(means[x].max())], "nice": False, "zero": False}
    axes["y"]["scale"] = {"domain": _ends(means, log=log), "type": "log" if log else "linear", "nice": False}
    if log:
        axes["y"]["axis"] = {"format": ".0e"}
    specification = _specification(means.rename(columns={x: "x", by: "by"}), choices, axes)
    size = len(json.dumps(specification, separators=(",", ":")).encode())
    if size > LARGEST:
        raise ValueError(f"the figure would have {size:,} bytes, more than {LARGEST:,}: offer fewer choices or points")
    for choice in choices:
        table = table[table[choice.column] == choice.values[choice.first]]
    learning_curves(table, x=x, y=y, by=by, xlabel=axes["x"]["title"], ylabel=axes["y"]["title"])
    plt.gca().set(xlim=axes["x"]["scale"]["domain"], yscale=axes["y"]["scale"]["type"])
    plt.ylim(axes["y"]["scale"]["domain"])
    words = f"explore {y} by {', '.join(choose.values())}"
    display(_Figure({VEGA_LITE: specification, "image/png": _picture(), "text/plain": words}))  # type: ignore[no-untyped-call]


@dataclass(frozen=True, repr=False)
class _Figure:
    """What a reader sees: the figure that answers, or its picture, or, in a terminal, a few words."""

    bundle: dict[str, Any]

    def __repr__(self) -> str:
        return str(self.bundle["text/plain"])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self.bundle


def _check(table: pd.DataFrame, x: str, y: str, by: str, choose: Mapping[str, str], *, log: bool) -> None:
    if missing := [column for column in (x, y, by, *choose) if column not in table]:
        raise KeyError(f"no column {', '.join(missing)} in the table; it has {', '.join(map(str, table.columns))}")
    if not choose:
        raise ValueError("choose is empty: where nothing is to be chosen, figures.learning_curves shows as much")
    if (curves := table[by].nunique()) > len(_SHAPES):
        raise ValueError(f"{by!r} has {curves} curves, more than can be told apart: at most {len(_SHAPES)}")
    if log and not (table[y] > 0).all():
        raise ValueError(f"{y!r} has values that are not positive: they have no place on a logarithmic scale")


def _choice(name: str, table: pd.DataFrame, column: str, words: str, start: Mapping[str, Any]) -> _Choice:
    values = list(dict.fromkeys(table[column]))
    value = start.get(column, values[0])
    if value not in values:
        raise ValueError(f"start has {column}={value!r}, which is not among {values}")
    return _Choice(name, column, words, values, values.index(value))


def _ends(means: pd.DataFrame, *, log: bool) -> list[float]:
    """Where the vertical axis begins and ends, so that it holds whatever can be chosen."""
    values = np.log10(means[["mean"]]) if log else means[["mean", "low", "high"]]
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.04 * (high - low) or 0.5
    ends = np.array([low - margin, high + margin])
    return [_rounded(end) for end in (10.0**ends if log else ends)]


def _rounded(value: float) -> float:
    return float(f"{value:.3g}") + 0.0


def _specification(means: pd.DataFrame, choices: Sequence[_Choice], axes: Mapping[str, Any]) -> dict[str, Any]:
    """The figure in Vega-Lite's terms. Each curve is stored in one piece, and unfolded when it is chosen."""
    parts = {"x": "x", "y": "mean"}
    if intervals := bool((means["n"] > 1).any()):
        parts |= {"low": "low", "high": "high"}
    curves = []
    for setting, part in means.groupby([*(choice.column for choice in choices), "by"], sort=False):
        curve: dict[str, Any] = {"by": str(setting[-1])}
        for choice, value in zip(choices, setting[:-1], strict=True):
            curve[choice.name] = choice.values.index(value)
        curves.append(curve | {name: [_rounded(value) for value in part[column]] for name, column in parts.items()})

    names = list(dict.fromkeys(curve["by"] for curve in curves))

    def look(channel: str, values: Sequence[Any]) -> dict[str, Any]:
        scale = {"domain": names, "range": values[: len(names)]}
        return {channel: {"field": "by", "type": "nominal", "title": None, "scale": scale}}

    up = axes["y"] | {"type": "quantitative"}
    layers: list[dict[str, Any]] = [{"mark": {"type": "line", "clip": True}, "encoding": look("strokeDash", _DASHES)}]
    if means["x"].nunique() <= _MOST_MARKS:
        mark = {"type": "point", "filled": True, "size": 40, "clip": True}
        layers.append({"mark": mark, "encoding": look("shape", _SHAPES)})
    if intervals:
        band = {"y": up | {"field": "low"}, "y2": {"field": "high"}}
        layers.insert(0, {"mark": {"type": "area", "opacity": 0.18, "clip": True}, "encoding": band})
    color = look("color", COLORS)
    color["color"]["legend"] = {"orient": "top", "symbolOpacity": 1}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 420,
        "height": 260,
        "title": {
            "text": {"expr": " + ', ' + ".join(choice.sentence() for choice in choices)},
            "anchor": "start",
            "fontWeight": "normal",
        },
        "params": [choice.control() for choice in choices],
        "usermeta": {choice.name: choice.told() for choice in choices},  # what a slider's places stand for
        "data": {"values": curves},
        "transform": [
            {"filter": " && ".join(f"datum.{choice.name} == {choice.place()}" for choice in choices)},
            {"flatten": list(parts)},
        ],
        "encoding": {
            "x": axes["x"] | {"field": "x", "type": "quantitative"},
            "y": up | {"field": "y"},
            **color,
        },
        "layer": layers,
    }


def _picture() -> str:
    """The current figure, in the form in which a notebook stores pictures; it is closed."""
    png = io.BytesIO()
    plt.savefig(png, format="png")
    plt.close()
    return base64.b64encode(png.getvalue()).decode()
