"""Docstrings of the package: citations written as in chapters, and the short names that a chapter uses."""

import re
import sys
from typing import Any

from sphinx.application import Sphinx

MYST_ROLE = re.compile(r"\{(cite(:[a-z]+)?)\}(?=`)")
SHORT_NAME = re.compile(r"`~?dnn_course\.(\w+)`")


def link_short_name(match: re.Match[str]) -> str:
    """Let ``dnn_course.fit`` lead to ``dnn_course.training.fit``, where the page describes it."""
    module = getattr(getattr(sys.modules["dnn_course"], match[1], None), "__module__", None)
    return f"`dc.{match[1]} <{module}.{match[1]}>`" if module else match[0]


def rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make a docstring what autodoc reads: reStructuredText, with references to where things are defined."""
    lines[:] = [SHORT_NAME.sub(link_short_name, MYST_ROLE.sub(r":\1:", line)) for line in lines]


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", rewrite)
