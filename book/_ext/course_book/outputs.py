"""Outputs of notebooks and lists of sources, in HTML that screen readers understand and phones can show."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)


def mend_table(match: re.Match[str]) -> str:
    """Put a table of pandas in a frame to scroll in; make its empty headers, which head nothing, cells."""
    table = match[0].replace("<th></th>", "<td></td>").replace(' border="1"', "")
    return f'<div class="pst-scrollable-table-container">{table}</div>'


def mend_outputs(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Mend every table in the outputs of a page."""
    for output in doctree.findall(nodes.raw):
        if output["format"] == "html" and 'class="dataframe"' in output.astext():
            output.replace_self(nodes.raw("", TABLE.sub(mend_table, output.astext()), format="html"))


def mend_roles(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Make the entries of the bibliography items of their list; their stock role is withdrawn from ARIA."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("doctree-resolved", mend_outputs)
    app.connect("html-page-context", mend_roles)
