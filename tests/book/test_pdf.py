"""The book on paper: printed from a small book, sound and broken."""

import pytest
from pypdf import PdfReader

from tests.book.conftest import SmallBook
from tools import book, pdf
from tools.book import BookError

SECOND = """\
# Second page

(there)=
## A place

Of {math}`\\phi` and its like.

```{figure} _static/logo.svg
:alt: The logo.
:name: fig-logo

A drawing.
```

<details><summary>Answer</summary>

Forty-two.

</details>
"""
INDEX = "# A small book\n\nSee {numref}`fig-logo`, [a place](#there) and [the second page](second).\n"
TOC = "format: jb-book\nroot: book/index\nchapters:\n  - file: book/second\n"


BROKEN = """
```{raw} html
<p><a href="#no-such-place">there</a></p>
<p><img src="gone.png" alt=""></p>
<p style="width: 900px">wide</p>
```

A character of nobody: \U000f1234.
"""


@pytest.fixture(scope="module")
def paper_book(tmp_path_factory):
    """A small book of two pages, to print."""
    small_book = SmallBook(tmp_path_factory.mktemp("paper"))
    small_book.write("_toc.yml", TOC)
    small_book.write("book/index.md", INDEX)
    book.install_web_assets(book.ROOT / "book")
    (small_book.folder / "book" / "node_modules").symlink_to(book.ROOT / "book" / "node_modules")
    return small_book


def printed(small_book, text):
    """Print the book with ``text`` as its second page."""
    small_book.write("book/second.md", text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "WEB_ASSETS", {"mathjax": book.WEB_ASSETS["mathjax"]})
        patch.setattr(book, "install_web_assets", lambda folder: None)
        patch.setattr(book, "write_handouts", lambda root, solutions: None)
        return pdf.build(small_book.folder)


@pytest.fixture(scope="module")
def reader(paper_book):
    return PdfReader(printed(paper_book, SECOND))


def test_all_of_it_is_there(reader):
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert "A small book" in text
    assert "A drawing." in text
    assert "Forty-two." in text  # folded on a screen
    assert len(reader.pages) == 2  # each page of the book begins one of paper


def test_bookmarks_are_the_headings(reader):
    def titles(bookmarks):
        for bookmark in bookmarks:
            yield from titles(bookmark) if isinstance(bookmark, list) else [bookmark.title]

    assert list(titles(reader.outline)) == ["A small book", "Second page", "A place"]


def test_links_within_the_book_lead_to_their_place(reader):
    links = [note.get_object() for page in reader.pages for note in page.get("/Annots", [])]
    assert len(links) == 3
    assert all("/Dest" in link for link in links)


def test_what_paper_would_show_broken_is_refused(reader, paper_book):
    with pytest.raises(BookError) as problem:
        printed(paper_book, SECOND + BROKEN)
    for told in (
        "book/second: #no-such-place",
        "gone.png",
        "does not fit on paper: p by ",
        "no font has a glyph for '\\U000f1234'",
    ):
        assert told in str(problem.value)
    assert len(str(problem.value).splitlines()) == 5
    assert not (paper_book.folder / "_build" / pdf.NAME).exists()
