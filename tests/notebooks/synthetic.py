"""Small chapters to try the harness on; they need no TensorFlow."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat.v4
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Notebook = dict[str, Any]


def figure_png(
    draw: Callable[[Axes], object], *, dpi: int = 200, size: tuple[float, float] = (6, 4)
) -> bytes:
    """Return the PNG of a figure that `draw` drew on one pair of axes."""
    figure = Figure(figsize=size, layout="constrained")
    draw(figure.subplots())
    file = io.BytesIO()
    figure.savefig(file, dpi=dpi)
    return file.getvalue()


def png_output(png: bytes) -> Notebook:
    data = {"image/png": base64.b64encode(png).decode()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def stream(name: str, text: str) -> Notebook:
    return {"output_type": "stream", "name": name, "text": text}


def markdown(source: str) -> Notebook:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *outputs: Notebook, **metadata: Any) -> Notebook:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source,
    }


def notebook(*cells: Notebook) -> Notebook:
    """Return a notebook of these cells, with ids."""
    numbered = [cell | {"id": f"cell-{index}"} for index, cell in enumerate(cells)]
    return {"cells": numbered, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def write(path: Path, content: Notebook) -> Path:
    """Write a notebook and return its path."""
    nbformat.validate(nbformat.from_dict(content))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
