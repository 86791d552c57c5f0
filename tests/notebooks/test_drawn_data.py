"""The data of interactive figures is compared: what rounding moves passes, what a reader would see does not."""

import pytest

from dnn_course import interactive
from tests.notebooks import drawn_data

FIGURE = {"width": 420, "data": {"values": [{"by": "plain", "y": [0.5, 1e-9, 100.0]}]}, "clip": True}


def changed(*, width=420, by="plain", y=(0.5, 1e-9, 100.0), **more):
    return {"width": width, "data": {"values": [{"by": by, "y": list(y)}]}, "clip": True, **more}


def test_the_same_figure_has_no_differences():
    assert not list(drawn_data.differences(FIGURE, changed()))


@pytest.mark.parametrize("y", [(0.505, 1e-9, 100), (0.5, 0.05, 100), (0.5, 0, 99)])
def test_what_rounding_moves_passes(y):
    assert not list(drawn_data.differences(FIGURE, changed(y=y)))


def test_on_a_logarithmic_axis_a_small_number_counts_as_much_as_a_large_one():
    axis = {"encoding": {"y": {"scale": {"type": "log"}}}}
    stored, new = (changed(y=(0.5, small, 100.0), **axis) for small in (1e-9, 2e-9))
    assert list(drawn_data.differences(stored, new)) == [".data.values[0].y[1]: 1e-09 stored, 2e-09 new"]


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (changed(y=(0.7, 1e-9, 100.0)), "0.5 stored, 0.7 new"),
        (changed(y=(0.5, 1e-9, 90.0)), "100.0 stored, 90.0 new"),
        (changed(y=(0.5, 1e-9)), "3 values stored, 2 new"),
        (changed(by="BN"), "'plain' stored, 'BN' new"),
        (changed(width=500), "420 stored, 500 new"),
        (changed(height=3), "height: only new"),
        ({"width": 420, "clip": True}, "data: only stored"),
        (changed() | {"clip": 1}, "True stored, 1 new"),
    ],
)
def test_what_a_reader_would_see_is_found(new, said):
    found = list(drawn_data.differences(FIGURE, new))
    assert len(found) == 1
    assert said in found[0]


def test_it_is_what_the_package_stores():
    assert drawn_data.VEGA_LITE == interactive.VEGA_LITE
