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


def figure_png(draw: Callable[[Axes], object], *, dpi: int = 200, size: tuple[float, float] = (6, 4)) -> bytes:
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


def clean_chapter() -> Notebook:
    """Return a chapter that keeps every rule."""
    questions = "\n\n".join(f"**{n}.** Why?\n\n- **a.** This.\n- **b.** That." for n in range(1, 5))
    closing = {"What to remember": "Text.", "Check your understanding": questions}
    closing |= {"Further reading": "Text.", "Assignment": "Text."}
    content = notebook(
        markdown("# Vanishing gradients\n\nWhy do deep networks {cite:p}`he2015delving,glorot2010` not learn?"),
        code("import math\nimport dnn_course as dc"),
        markdown("## Thirty layers\n\n**Predict.** How far does the signal come?\n\n```\n# not a title\n```"),
        code(
            'dc.check("It dies", 1e-9, below=1e-4, source="glorot2010")',
            stream("stdout", "see https://x.org/tmp/y"),
        ),
        code(
            "%matplotlib inline\ndc.figures.signal_by_depth(depth)",
            png_output(figure_png(lambda axes: axes.plot([1, 2]), dpi=20)),
            mystnb={
                "image": {"alt": "He's line stays near 1; Glorot's falls straight to 3e-5 at layer 30."},
                "figure": {"caption": "The signal by depth, 5 seeds.", "name": "fig-depth"},
            },
        ),
        *(markdown(f"## {title}\n\n{text}") for title, text in closing.items()),
    )
    executed(content)
    return content


def executed(content: Notebook) -> None:
    """Give the code cells the counts of an execution."""
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(cells, start=1):
        cell["execution_count"] = count
