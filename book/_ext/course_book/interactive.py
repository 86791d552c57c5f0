"""Figures that answer: what a notebook stores of them becomes a script that its page loads when it is needed.

The page holds the picture of the first choice, as for any figure. ``explore.js`` puts the figure in its place.
The data is in a script, not in JSON, for a page opened from a file may load the one and not the other.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

VEGA_LITE = "application/vnd.vegalite.v5+json"
KNOWN = {VEGA_LITE, "image/png", "image/svg+xml", "text/html", "text/latex", "text/markdown", "text/plain"}


def figures(notebook: Path) -> Iterator[tuple[str, Any]]:
    """Yield each figure of a notebook that answers: its name and its specification. Warn of what no page can show."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            if unknown := set(data) - KNOWN:
                logger.warning("an output is stored as %s, which the book cannot show", ", ".join(sorted(unknown)))
            if VEGA_LITE in data:
                name = cell["metadata"].get("mystnb", {}).get("figure", {}).get("name")
                if name and "image/png" in data:
                    yield name, data[VEGA_LITE]
                else:
                    logger.warning("%s: an interactive figure needs a name and a picture", notebook.name)


def write_figures(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Write the scripts of a page's figures, and have the page load the one that draws them."""
    source = Path(app.env.doc2path(pagename)) if doctree is not None else Path()
    if source.suffix != ".ipynb":
        return
    folder = Path(app.outdir) / "_static" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for name, specification in figures(source):
        names.append(name)
        text = json.dumps(specification, separators=(",", ":"), ensure_ascii=False)
        (folder / f"{name}.js").write_text(f"dcFigures[{json.dumps(name)}]({text});\n", encoding="utf-8")
    if names:
        attributes: dict[str, Any] = {"loading_method": "defer", "data-figures": " ".join(names)}
        app.add_js_file("explore.js", **attributes)


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("html-page-context", write_figures)
