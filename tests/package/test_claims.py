"""What a claim shows where it holds, and what it says where it does not."""

import math
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from dnn_course.claims import ClaimError, check


@pytest.fixture
def notebook():
    """Display as in a notebook, where an object is shown in every form that it has."""
    assert not InteractiveShell.initialized()
    InteractiveShell.instance()
    yield lambda cell: _displayed(cell)
    InteractiveShell.clear_instance()


def _displayed(cell):
    with capture_output() as captured:
        cell()
    assert captured.stdout == captured.stderr == ""
    return [output.data for output in captured.outputs]


def text_of(capsys, *args, **options):
    check(*args, **options)
    return capsys.readouterr().out


def test_a_claim_is_one_line_of_text(capsys):
    text = text_of(capsys, "He's survives", 0.6123, above=0.2, below=2, source="he2015delving")
    assert text == "✓ holds: He's survives | measured 0.61 | expected between 0.2 and 2 | he2015delving\n"


def test_without_a_source(capsys):
    assert text_of(capsys, "a", 3, below=4.5) == "✓ holds: a | measured 3 | expected below 4.5\n"


def test_a_claim_echoes_nothing():
    assert check("a", 1, above=0) is None


def test_a_claim_in_a_notebook_has_both_forms(notebook):
    (data,) = notebook(lambda: check("He's survives", 0.6123, above=0.2, below=2, source="he2015delving"))
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"] == "✓ holds: He's survives | measured 0.61 | expected between 0.2 and 2 | he2015delving"
    assert re.sub(r' style="[^"]*"', "", data["text/html"]) == (
        '<div class="dc-claim"><span class="dc-claim-mark">✓ holds</span> '
        '<span class="dc-claim-statement">He&#x27;s survives</span> '
        '<span class="dc-claim-numbers">measured 0.61 · expected between 0.2 and 2</span> '
        '<span class="dc-claim-source" data-cite="he2015delving">he2015delving</span></div>'
    )


def test_every_claim_of_a_cell_is_shown(notebook):
    def cell():
        check("first", 1, above=0)
        check("second", 2, above=0)

    assert [data["text/plain"].split(" | ")[0] for data in notebook(cell)] == ["✓ holds: first", "✓ holds: second"]


def test_html_is_escaped(notebook):
    hostile = '<script>alert("&")</script>'
    (data,) = notebook(lambda: check(hostile, 1, above=0, source='x" onclick="y'))
    assert "<script" not in data["text/html"]

    found = {}
    texts = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found[dict(attrs)["class"] or ""] = dict(attrs)

        def handle_data(self, data):
            texts.append(data)

    Reader().feed(data["text/html"])
    assert hostile in "".join(texts)
    assert found["dc-claim-source"] == {"class": "dc-claim-source", "data-cite": 'x" onclick="y'}


def test_no_source_no_link(notebook):
    (data,) = notebook(lambda: check("a", 1, above=0))
    assert "data-cite" not in data["text/html"]


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        (0.8512, "0.85"),
        (37_978, "38000"),
        (3.314e-5, "3.3e-5"),
        (0.10004, "0.1"),
        (1.2345e12, "1.2e12"),
        (-0.0, "0"),
        (0, "0"),
        (-0.01234, "-0.012"),
        (np.float32(0.1), "0.1"),
        (np.array(7.0), "7"),
        (np.int64(12), "12"),
    ],
)
def test_numbers_are_shown_to_two_digits(capsys, measured, shown):
    assert f"| measured {shown} |" in text_of(capsys, "a", measured, above=-1e30)


@pytest.mark.parametrize(
    ("measured", "bounds", "shown"),
    [
        (0.9991, {"below": 1}, "0.999"),
        (0.97512, {"above": 0.975}, "0.98"),
        (0.97412, {"above": 0.974}, "0.9741"),
        (37_978, {"above": 37_977, "below": 37_979}, "37978"),
    ],
)
def test_rounding_never_seems_to_break_the_claim(capsys, measured, bounds, shown):
    assert f"| measured {shown} |" in text_of(capsys, "a", measured, **bounds)


@pytest.mark.parametrize(
    ("measured", "bounds", "shown"),
    [
        (1, {"above": 0.1135}, "above 0.1135"),
        (0, {"below": 2e-4}, "below 0.0002"),
        (0, {"below": 1e-12}, "below 1e-12"),
        (1, {"above": np.float32(0.1), "below": np.int32(5)}, "between 0.1 and 5"),
        (0, {"above": -1e-9, "below": 0.5}, "between -1e-9 and 0.5"),
        (0, {"below": 2e7}, "below 2e7"),
    ],
)
def test_bounds_are_shown_as_written(capsys, measured, bounds, shown):
    assert f"| expected {shown}\n" in text_of(capsys, "a", measured, **bounds)


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, lambda v: np.array([v]), lambda v: pd.DataFrame({"x": v})])
def test_of_many_values_the_range_is_shown(capsys, kind):
    assert "| measured 0.64 to 0.76 |" in text_of(capsys, "a", kind([0.7, 0.6412, 0.7599]), above=0.6, below=0.8)


def test_of_equal_values_one_is_shown(capsys):
    assert "| measured 0.6 |" in text_of(capsys, "a", [0.6, 0.6001], above=0.5)


def test_a_tensor_is_a_number(capsys):
    tf = pytest.importorskip("tensorflow")
    assert "| measured 2.5 |" in text_of(capsys, "a", tf.constant(2.5), above=0)


@pytest.mark.parametrize(
    ("measured", "bounds"),
    [(1.0, {"above": 1.0}), (1.0, {"below": 1.0}), (0.5, {"above": 1}), (3, {"above": 1, "below": 2})],
)
def test_a_claim_that_does_not_hold_stops(capsys, measured, bounds):
    with pytest.raises(ClaimError, match=r'^"He wins" does not hold: measured \S+, expected (above|below|between) '):
        check("He wins", measured, **bounds)
    assert capsys.readouterr().out == ""


def test_a_claim_error_is_an_assertion():
    assert issubclass(ClaimError, AssertionError)


def test_one_value_of_many_is_enough_to_stop():
    with pytest.raises(
        ClaimError, match=r"does not hold for 2 of 4 values: measured 0\.123457 to 0\.3, expected above 0\.5"
    ):
        check("a", [0.9, 0.3, 0.12345678, 0.8], above=0.5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, [1.0, math.nan], np.float32("-inf")])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=r"measured is not finite: .*count such runs"):
        check("a", bad, above=0)


@pytest.mark.parametrize("bad", ["0.5", None, True, np.array([True]), 1j, object(), {"a": 1}, [0.5, None]])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(TypeError, match="measured must be a number or an array of numbers"):
        check("a", bad, above=0)


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="measured is empty"):
        check("a", [], above=0)


@pytest.mark.parametrize(
    ("bounds", "error", "message"),
    [
        ({}, ValueError, "give above=, below= or both"),
        ({"above": 2, "below": 1}, ValueError, "no number is above 2 and below 1: exchange"),
        ({"above": 1, "below": 1}, ValueError, "no number is above 1 and below 1"),
        ({"above": math.nan}, ValueError, "above is not finite"),
        ({"below": math.inf}, ValueError, "below is not finite"),
        ({"below": "1"}, TypeError, "below must be a number"),
    ],
)
def test_bounds_that_cannot_decide_are_refused(bounds, error, message):
    with pytest.raises(error, match=message):
        check("a", 1.5, **bounds)


def test_the_statement_comes_first():
    with pytest.raises(TypeError, match=r"the statement must be a text, not 0\.5"):
        check(0.5, "He wins", above=0)
