"""Sources of claims, as links.

``dnn_course.check`` writes the source of a claim into a notebook's output as a key of the bibliography, for a
notebook has none. In the book the key becomes a link to its entry, labelled with authors and year.
"""

import html
import re

from docutils import nodes
from pybtex.database import Entry
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

SOURCE = re.compile(r'<span class="dc-claim-source" data-cite="([^"]*)">.*?</span>', re.DOTALL)


def author_year(entry: Entry) -> str:
    """Return a source's label as HTML, written as citations are: “He <em>et al.</em>, 2015”."""
    names = [
        html.escape(" ".join(map(str, [*who.rich_prelast_names, *who.rich_last_names])))
        for who in entry.persons["author"]
    ]
    authors = f"{names[0]} <em>et al.</em>" if len(names) > 2 else " and ".join(names)
    return f"{authors}, {entry.fields['year']}"


def link_claim_sources(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace every source of a claim in the outputs of a page; warn of a key that the bibliography lacks."""
    bibtex = app.env.get_domain("cite")
    citations = {citation.key: citation for citation in bibtex.citations}  # type: ignore[attr-defined]

    def link(match: re.Match[str]) -> str:
        key = html.unescape(match[1])
        if key not in citations:
            logger.warning("a claim cites %r, which is not in the bibliography", key, location=docname)
            return match[0]
        citation = citations[key]
        page = app.builder.get_relative_uri(docname, citation.bibliography_key.docname)
        address = f"{page}#{citation.citation_id}"
        return f'<a class="dc-claim-source" href="{address}">{author_year(citation.entry)}</a>'

    for output in doctree.findall(nodes.raw):
        if "dc-claim-source" in output.astext():
            output.replace_self(nodes.raw("", SOURCE.sub(link, output.astext()), format="html"))


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("doctree-resolved", link_claim_sources)
