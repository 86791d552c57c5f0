"""A sentence of the book that is checked when the chapter runs."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from IPython.display import display
from numpy.typing import ArrayLike


class ClaimError(AssertionError):
    """A sentence of the book does not hold."""


def check(
    statement: str,
    measured: ArrayLike,
    *,
    above: float | None = None,
    below: float | None = None,
    source: str | None = None,
) -> None:
    """Show a statement beside the number it rests on; stop if the number says otherwise.

    Measured numbers are shown to two significant digits, which is what holds from one computer to the next, and
    to more only where two would seem to break the bounds. A number that is mere rounding noise has no digit that
    holds: round it before it comes here.

    Args:
        statement: the sentence, as plain text.
        measured: a finite number, or an array of them: then each must hold, and the row shows their range.
        above: what ``measured`` must exceed.
        below: what ``measured`` must stay under. With ``above`` too it must lie between the two.
        source: key of the published result in the bibliography.

    Raises:
        ClaimError: if ``measured`` is not within the bounds.
        TypeError: if ``measured`` or a bound is not a number, or ``statement`` not a text.
        ValueError: if ``measured`` is empty or not finite, or the bounds are missing, not finite or leave no room.

    >>> check("He's signal survives 30 layers", 0.6123, above=0.2, below=2, source="he2015delving")
    ✓ holds: He's signal survives 30 layers | measured 0.61 | expected between 0.2 and 2 | he2015delving
    >>> check("Every seed learns", [0.912, 0.9345], above=0.9)
    ✓ holds: Every seed learns | measured 0.91 to 0.93 | expected above 0.9
    >>> check("Glorot's signal survives", 3.31e-5, above=0.2)
    Traceback (most recent call last):
    dnn_course.claims.ClaimError: "Glorot's signal survives" does not hold: measured 3.31e-05, expected above 0.2
    """
    if not isinstance(statement, str):
        raise TypeError(f"the statement must be a text, not {statement!r}")
    values = _finite_numbers("measured", measured)
    low, high = _bounds(above, below)
    expected = _expected(above, below)
    wrong = values[~((values > low) & (values < high))]
    if wrong.size:
        which = f" for {wrong.size} of {values.size} values" if values.size > 1 else ""
        extremes = " to ".join(f"{value:.6g}" for value in dict.fromkeys((wrong.min(), wrong.max())))
        raise ClaimError(f'"{statement}" does not hold{which}: measured {extremes}, expected {expected}')
    shown = " to ".join(dict.fromkeys(_shown(value, low, high) for value in (values.min(), values.max())))
    display(_Row(statement, f"measured {shown}", f"expected {expected}", source))  # type: ignore[no-untyped-call]


class _Row:
    """What a reader sees of a claim that holds, as HTML in a notebook and as a line of text elsewhere."""

    def __init__(self, statement: str, measured: str, expected: str, source: str | None) -> None:
        self._statement, self._measured, self._expected, self._source = statement, measured, expected, source

    def __repr__(self) -> str:
        parts = (f"✓ holds: {self._statement}", self._measured, self._expected, self._source)
        return " | ".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        # The styles say the little that makes the row readable where the book's style sheet is not: JupyterLab.
        spans = [
            '<span class="dc-claim-mark" style="font-weight: bold">✓ holds</span>',
            f'<span class="dc-claim-statement">{escape(self._statement)}</span>',
            f'<span class="dc-claim-numbers">{escape(self._measured)} · {escape(self._expected)}</span>',
        ]
        if self._source:
            key = escape(self._source)
            spans.append(f'<span class="dc-claim-source" data-cite="{key}">{key}</span>')
        style = "border-left: 3px solid #2e8b57; padding: 0.2em 0.8em"
        return f'<div class="dc-claim" style="{style}">{" ".join(spans)}</div>'


def _finite_numbers(name: str, value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    numbers = np.asarray(value)
    # True is 1 to NumPy, but a verdict is no measurement: the reader would learn nothing from it.
    if numbers.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a number or an array of numbers, not {value!r}")
    if not numbers.size:
        raise ValueError(f"{name} is empty: there is nothing to check")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} is not finite: {value!r}. If a run diverged, claim that: count such runs")
    return numbers.astype(np.float64).ravel()


def _bounds(above: float | None, below: float | None) -> tuple[float, float]:
    if above is None and below is None:
        raise ValueError("give above=, below= or both: without a bound a claim cannot fail")
    low = -np.inf if above is None else _finite_numbers("above", above).item()
    high = np.inf if below is None else _finite_numbers("below", below).item()
    if low >= high:
        raise ValueError(f"no number is above {above} and below {below}: exchange the bounds or widen them")
    return low, high


def _expected(above: float | None, below: float | None) -> str:
    low, high = (None if bound is None else _number(float(bound), digits=6) for bound in (above, below))
    if low is None or high is None:
        return f"below {high}" if low is None else f"above {low}"
    return f"between {low} and {high}"


def _shown(value: float, low: float, high: float) -> str:
    # "measured 1, expected below 1" would look broken, so 0.999 keeps its third digit there.
    texts = (_number(value, digits=digits) for digits in range(2, 18))
    return next(text for text in texts if low < float(text) < high)


def _number(value: float, *, digits: int) -> str:
    """The number to so many significant digits, without trailing zeros: 0.85, 38000, 3.3e-5, and never -0."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        text = np.format_float_positional(value, precision=digits, unique=False, fractional=False, trim="-")
        return "0" if value == 0 else text
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
