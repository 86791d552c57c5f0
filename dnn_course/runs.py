"""One run of an experiment: called safely, its result made into rows, and remembered in a file."""

from __future__ import annotations

import hashlib
import inspect
import json
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Settings = dict[str, Any]
Row = dict[str, Any]


def attempt(
    index: int, run: Callable[..., Any], settings: Settings, seed: int
) -> tuple[int, list[Row], tuple[str, str] | None]:
    """The index, the rows of ``run(**settings, seed=seed)``, and its error as a line and a traceback.

    Errors travel as text, because not every exception survives the way back from another process.
    """
    try:
        return index, rows_of(run(**settings, seed=seed), taken={*settings, "seed"}), None
    except Exception as error:
        return index, [], (f"{type(error).__name__}: {error}", traceback.format_exc())


def rows_of(result: Any, *, taken: set[str]) -> list[Row]:
    """What a run returned as rows of plain Python scalars; ``taken`` are the columns it must not return."""
    if isinstance(result, pd.DataFrame):
        result = result.to_dict("records")
    rows = [result] if isinstance(result, Mapping) else result
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise TypeError(f"a run must return a mapping, a list of mappings or a DataFrame, with rows; got {result!r}")
    if clash := sorted(taken.intersection(*rows[:1])):
        raise ValueError(f"a run returned columns that are settings already: {', '.join(clash)}")
    return [{name: _scalar(name, value) for name, value in row.items()} for row in rows]


def _scalar(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    array = np.asarray(value)
    if array.ndim or array.dtype == object:
        raise TypeError(f"column {name!r} must hold one number or text a row, not {value!r}; return a row for each")
    return array.item()


def key(settings: Settings, seed: int) -> str:
    """A text that is the same for the same settings and seed, in this session and the next."""
    try:
        return json.dumps([settings, seed], sort_keys=True)
    except TypeError as error:
        raise TypeError(f"resume= needs settings of numbers, text and lists of them: {error}") from error


class Record:
    """Finished runs in a file of JSON lines; the first line says which ``run`` it belongs to."""

    def __init__(self, path: Path, run: Callable[..., Any]) -> None:
        try:
            source = inspect.getsource(run)
        except (OSError, TypeError):
            source = repr(type(run))  # a partial, or a function typed into a bare prompt, has none
        header = json.dumps({"run": hashlib.sha256(source.encode()).hexdigest()})
        self.path = path
        self.rows: dict[str, list[Row]] = {}
        # What follows the last line end was being written when the process stopped.
        lines = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []
        if lines and lines[0] != header:
            raise ValueError(
                f"{path} was written by another version of this run; delete it or resume from another file"
            )
        try:
            for line in lines[1:]:
                settings, seed, rows = json.loads(line)
                self.rows[key(settings, seed)] = rows
        except ValueError as error:
            raise ValueError(f"{path} is damaged: delete it to run everything again ({error})") from error
        path.write_text("".join(f"{line}\n" for line in lines or [header]), "utf-8")

    def append(self, task: tuple[Settings, int], rows: list[Row]) -> None:
        """Write down a finished run."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([*task, rows]) + "\n")
