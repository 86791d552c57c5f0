"""Whether two interactive figures hold the same data.

Their specifications are JSON with numbers of three significant digits. On another processor the fourth may come out
otherwise and tip the third over, so numbers may differ by two per cent of the larger, or by a thousandth of the
largest beside them where both are next to nothing. On a logarithmic axis nothing is next to nothing, and only the two
per cent count. All else must be the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

VEGA_LITE = "application/vnd.vegalite.v5+json"
RELATIVE = 0.02
OF_LARGEST = 1e-3


def differences(stored: Any, new: Any, where: str = "", of_largest: float = OF_LARGEST) -> Iterator[str]:
    """Yield a sentence for each place where the two differ."""
    if _is_logarithmic(stored):
        of_largest = 0
    if isinstance(stored, dict) and isinstance(new, dict):
        for key in {**stored, **new}:
            if key not in stored or key not in new:
                yield f"{where}.{key}: only {'stored' if key in stored else 'new'}"
            else:
                yield from differences(stored[key], new[key], f"{where}.{key}", of_largest)
    elif isinstance(stored, list) and isinstance(new, list):
        if len(stored) != len(new):
            yield f"{where}: {len(stored)} values stored, {len(new)} new"
            return
        largest = max((abs(value) for value in [*stored, *new] if _is_number(value)), default=0)
        for place, (before, after) in enumerate(zip(stored, new, strict=True)):
            if not (_is_number(before) and _is_number(after) and _close(before, after, of_largest * largest)):
                yield from differences(before, after, f"{where}[{place}]", of_largest)
    elif _is_number(stored) and _is_number(new):
        if not _close(stored, new, 0):
            yield f"{where}: {stored} stored, {new} new"
    elif stored != new or type(stored) is not type(new):
        yield f"{where}: {stored!r} stored, {new!r} new"


def _is_logarithmic(figure: Any) -> bool:
    return isinstance(figure, dict) and '"type": "log"' in json.dumps(figure.get("encoding"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _close(before: float, after: float, margin: float) -> bool:
    return abs(before - after) <= max(RELATIVE * max(abs(before), abs(after)), margin)
