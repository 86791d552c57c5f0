"""A small book with everything of the real one but its text, and the fixtures to build it."""

import shutil

import nbformat
import pytest

from tests.book.browser import served
from tools import book
from tools.book import ROOT
from tools.chromium import chromium

REPOSITORY = "https://github.com/someone/some-course"
CLAIM = (
    '<div class="dc-claim"><span class="dc-claim-mark">✓ holds</span> '
    '<span class="dc-claim-source" data-cite="{key}">{key}</span></div>'
)
TABLE = '<table border="1" class="dataframe"><tr><th></th><th>loss</th></tr><tr><th>0</th><td>1.5</td></tr></table>'
TOC = """\
format: jb-book
root: book/index
parts:
  - caption: Pages
    chapters:
      - file: chapters/chapter
      - file: book/bibliography
"""


def shown(html):
    """Return a code cell that shows ``html``."""
    output = nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "a row"})
    return nbformat.v4.new_code_cell("show()", outputs=[output], execution_count=1)


class SmallBook:
    """A book of three pages in a folder of its own; ``build()`` makes it, or raises."""

    def __init__(self, folder):
        self.folder = folder
        for part in ("_config.yml", "book/_ext", "book/_static", "book/_templates", "book/references.bib"):
            source, target = ROOT / part, folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, target)
        self.write("_toc.yml", TOC)
        self.write("book/index.md", "# A small book\n\nText.\n")
        self.write("book/bibliography.md", "# Bibliography\n\n```{bibliography}\n:all:\n:style: plain\n```\n")
        self.write_chapter(key="he2015delving")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def write_chapter(self, *, key):
        cells = [nbformat.v4.new_markdown_cell("# A chapter"), shown(CLAIM.format(key=key)), shown(TABLE)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        self.write("chapters/chapter.ipynb", nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=kernel)))

    def build(self, repository="", *, solutions=False):
        """Build without web assets, which would have to be installed first."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(book, "WEB_ASSETS", {})
            patch.setattr(book, "install_web_assets", lambda folder: None)
            return book.build(self.folder, repository, solutions=solutions).parent

    def page(self, name):
        return (self.folder / "_build" / "html" / name).read_text(encoding="utf-8")

    def notebook(self):
        """Return the notebook that the built page offers for download."""
        return nbformat.reads(self.page("_sources/chapters/chapter.ipynb"), as_version=4)


@pytest.fixture
def small_book(tmp_path):
    """A small book, to change and to build."""
    return SmallBook(tmp_path)


@pytest.fixture(scope="module")
def built_book(tmp_path_factory):
    """A small book, built for no repository; tests only look at it."""
    small_book = SmallBook(tmp_path_factory.mktemp("built"))
    small_book.build()
    return small_book


@pytest.fixture(scope="module")
def published_book(tmp_path_factory):
    """A small book, built for a repository; tests only look at it."""
    small_book = SmallBook(tmp_path_factory.mktemp("published"))
    small_book.build(REPOSITORY)
    return small_book


@pytest.fixture(scope="module")
def html():
    """The folder of the real book, built."""
    return book.build(ROOT).parent


@pytest.fixture(scope="module")
def site(html):
    """The address at which the real book is served."""
    with served(html) as base:
        yield base


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    # Not for the whole session: while it runs, its event loop would be in the way of the notebooks' tests.
    with chromium() as browser:
        yield browser
