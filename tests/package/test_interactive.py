"""Figures that answer: what is stored, what is refused, and that what is stored is what was measured."""

import base64
import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dnn_course import explore, interactive, summarize

RUNS = pd.DataFrame(
    {
        "rate": rate,
        "net": net,
        "flat": flat,
        "kind": kind,
        "epoch": epoch,
        "seed": seed,
        "loss": rate + epoch + seed / 3,
    }
    for rate in (0.1, 1.0)
    for net in ("tanh", "relu")
    for flat in (False, True)
    for kind in ("plain", "BN")
    for epoch in (1, 2, 3)
    for seed in range(5)
)
CHOOSE = {"rate": "learning rate", "net": "activation", "flat": "flat"}


@pytest.fixture
def shown(monkeypatch):
    """Call ``explore`` and return the bundle that it displays."""

    def show(table=RUNS, **options):
        figures = []
        monkeypatch.setattr(interactive, "display", figures.append)
        explore(table, **({"x": "epoch", "y": "loss", "by": "kind", "choose": CHOOSE} | options))
        return figures[0]._repr_mimebundle_()

    return show


def test_every_setting_is_stored_as_it_was_measured(shown):
    curves = shown()[interactive.VEGA_LITE]["data"]["values"]
    assert len(curves) == 2 * 2 * 2 * 2
    means = summarize(RUNS, by=["rate", "net", "flat", "kind", "epoch"], value="loss")
    for curve in curves:
        setting = {"rate": (0.1, 1.0)[curve["choice_1"]], "net": ("tanh", "relu")[curve["choice_2"]]}
        setting |= {"flat": (False, True)[curve["choice_3"]], "kind": curve["by"]}
        rows = means[(means[list(setting)] == pd.Series(setting)).all(axis=1)]
        assert curve["x"] == [1, 2, 3]
        for name, column in (("y", "mean"), ("low", "low"), ("high", "high")):
            np.testing.assert_allclose(curve[name], rows[column], rtol=5e-3)


def test_each_kind_of_choice_has_its_control(shown):
    specification = shown(start={"rate": 1.0, "flat": True})[interactive.VEGA_LITE]
    rate, net, flat = specification["params"]
    assert rate["bind"] == {"input": "range", "name": "learning rate", "min": 0, "max": 1, "step": 1}
    assert net["bind"] == {"input": "select", "name": "activation", "options": ["tanh", "relu"]}
    assert flat["bind"] == {"input": "checkbox", "name": "flat"}
    assert [parameter["value"] for parameter in (rate, net, flat)] == [1, "tanh", True]
    assert specification["usermeta"]["choice_1"] == ["0.1", "1"]


def test_the_picture_is_that_of_the_first_choice(shown):
    first, other = (shown(start={"rate": rate})["image/png"] for rate in (0.1, 1.0))
    assert first != other
    assert Image.open(io.BytesIO(base64.b64decode(first))).size[0] > 400


def test_without_seeds_there_is_no_interval(shown):
    specification = shown(RUNS[RUNS["seed"] == 0].drop(columns="seed"))[interactive.VEGA_LITE]
    assert set(specification["data"]["values"][0]) == {"by", "choice_1", "choice_2", "choice_3", "x", "y"}
    assert all(layer["mark"]["type"] != "area" for layer in specification["layer"])


def test_axes_hold_whatever_can_be_chosen(shown):
    for log in (False, True):
        specification = shown(log=log)[interactive.VEGA_LITE]
        low, high = specification["encoding"]["y"]["scale"]["domain"]
        values = [value for curve in specification["data"]["values"] for value in curve["y"]]
        assert low < min(values)
        assert high > max(values)


def test_data_are_stored_with_three_digits(shown):
    numbers = [n for curve in shown()[interactive.VEGA_LITE]["data"]["values"] for n in curve["y"] + curve["low"]]
    assert all(number == float(f"{number:.3g}") for number in numbers)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"x": "step"}, KeyError, "no column step"),
        ({"choose": {}}, ValueError, "choose is empty"),
        ({"start": {"rate": 3}}, ValueError, "rate=3, which is not among"),
        ({"start": {"depth": 3}}, ValueError, "start names"),
        ({"y": "below", "log": True}, ValueError, "not positive"),
        ({"by": "many"}, ValueError, "at most 6"),
    ],
)
def test_bad_input_is_named(shown, options, error, said):
    table = RUNS.assign(below=-1.0, many=np.arange(len(RUNS)) % 7)
    with pytest.raises(error, match=said):
        shown(table, **options)


def test_a_figure_that_is_too_large_is_refused(shown):
    table = pd.DataFrame({"x": np.arange(50_000), "y": np.linspace(0, 1, 50_000), "by": "a", "c": "b"})
    with pytest.raises(ValueError, match="more than 300,000: offer fewer"):
        shown(table, x="x", y="y", by="by", choose={"c": "c"})


def test_what_is_stored_is_json(shown):
    json.dumps(shown())
