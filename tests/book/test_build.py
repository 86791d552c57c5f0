"""Building the book: what fails, what is done again, and what the pages have of claims, tables and links."""

import nbformat
import pytest
from PIL import Image, ImageChops
from pybtex.database import parse_string

import dnn_course
from book._ext.course_book.claims import author_year
from book._ext.course_book.docstrings import rewrite
from book.logo import STATIC, favicon, svg
from tests.book.conftest import REPOSITORY, TOC
from tests.exercises import synthetic
from tools import book
from tools.book import ROOT, BookError
from tools.notebook import serialize


def test_claim_links_to_its_source_by_authors_and_year(built_book):
    page = built_book.page("chapters/chapter.html")
    link = '<a class="dc-claim-source" href="../book/bibliography.html#'
    assert link in page
    place = page.split(link)[1].split('"')[0]
    assert ">He <em>et al.</em>, 2015</a>" in page
    entry = built_book.page("book/bibliography.html").split(f'id="{place}"')[1]
    assert "Delving deep into rectifiers" in entry.split("</div>")[0]


def test_table_scrolls_in_a_frame_and_has_no_empty_header(built_book):
    page = built_book.page("chapters/chapter.html")
    assert '<div class="pst-scrollable-table-container"><table class="dataframe"><tr><td></td><th>loss' in page


def test_warning_fails_the_build_again_and_again_until_mended(small_book, capsys):
    small_book.write("book/index.md", "# A small book\n\n{cite:p}`nobody1900nothing`\n")
    for _ in range(2):
        with pytest.raises(BookError, match="warning above"):
            small_book.build()
        assert "nobody1900nothing" in capsys.readouterr().err
    small_book.write("book/index.md", "# A small book\n\n{cite:p}`he2015delving`\n")
    assert (small_book.build() / "book" / "index.html").is_file()


def test_claim_with_an_unknown_source_fails_the_build(small_book, capsys):
    small_book.write_chapter(key="nobody1900nothing")
    with pytest.raises(BookError):
        small_book.build()
    assert "a claim cites 'nobody1900nothing'" in capsys.readouterr().err


def test_nothing_is_done_where_nothing_changed(small_book, capsys):
    page = small_book.build() / "book" / "index.html"
    made = page.stat().st_mtime_ns
    capsys.readouterr()
    small_book.build()
    assert page.stat().st_mtime_ns == made
    assert capsys.readouterr().out == "The book is up to date.\n"


@pytest.mark.parametrize("changed", ["book/index.md", "book/_static/course.css", "_config.yml", "dnn_course/a.py"])
def test_a_change_of_any_source_is_noticed(small_book, changed):
    before = book.fingerprint(small_book.folder, "", solutions=False)
    path = small_book.folder / changed
    small_book.write(changed, (path.read_text(encoding="utf-8") if path.exists() else "") + "\n")
    assert book.fingerprint(small_book.folder, "", solutions=False) != before


def test_assignments_are_pages_without_solutions_unless_asked(small_book):
    name = synthetic.NAME
    small_book.write("_toc.yml", TOC + f"      - file: book/handouts/{name}\n")
    (small_book.folder / "exercises" / "source" / name).mkdir(parents=True)
    small_book.write(f"exercises/source/{name}/{name}.ipynb", serialize(synthetic.source()).decode())
    small_book.write("book/index.md", "# A small book\n\n```{include} handouts/table.md\n```\n")
    page, notebook = f"book/handouts/{name}.html", f"_sources/book/handouts/{name}.ipynb"

    small_book.build()
    assert "add up" in small_book.page(page).lower()
    assert not [secret for secret in synthetic.SECRETS if secret in small_book.page(page) + small_book.page(notebook)]
    assert "12 points" in small_book.page("book/index.html")

    small_book.build(solutions=True)
    assert all(secret in small_book.page(notebook) for secret in synthetic.SECRETS)


def test_what_tools_leave_behind_is_no_change(small_book):
    before = book.fingerprint(small_book.folder, "", solutions=False)
    small_book.write("book/node_modules/a.js", "")
    small_book.write("chapters/.ipynb_checkpoints/chapter.ipynb", "")
    assert book.fingerprint(small_book.folder, "", solutions=False) == before


def test_without_a_repository_no_page_leads_out(built_book):
    for name in ("book/index.html", "chapters/chapter.html"):
        assert not any(host in built_book.page(name) for host in ("github.com", "mybinder", "colab.research"))
    assert [cell["cell_type"] for cell in built_book.notebook()["cells"]] == ["markdown", "code", "code"]


def test_with_a_repository_pages_can_be_edited_and_opened_elsewhere(published_book):
    page = published_book.page("chapters/chapter.html")
    for link in (
        f"{REPOSITORY}/edit/main/chapters/chapter.ipynb",
        "https://mybinder.org/v2/gh/someone/some-course/main?urlpath=lab/tree/chapters/chapter.ipynb",
        "https://colab.research.google.com/github/someone/some-course/blob/gh-pages/_sources/chapters/chapter.ipynb",
    ):
        assert f'href="{link}"' in page
    assert "colab.research" not in published_book.page("book/index.html")


def test_with_a_repository_the_published_notebook_first_installs_the_package(published_book):
    notebook = published_book.notebook()
    nbformat.validate(notebook)
    first = notebook.cells[0]
    assert f'%pip install --quiet "dnn-course @ git+{REPOSITORY}"' in first.source
    assert first.source.index("import dnn_course") < first.source.index("%pip")
    assert notebook.cells[1].source == "# A chapter"


@pytest.mark.parametrize("wrong", ["http://example.org", "https://github.com/someone", "git@github.com:a/b.git"])
def test_address_that_is_no_repository_is_refused(small_book, wrong, capsys):
    with pytest.raises(BookError):
        small_book.build(wrong)
    assert "https://github.com/owner/name" in capsys.readouterr().err


def test_page_to_open_is_printed_last(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("COURSE_REPOSITORY", REPOSITORY)
    asked = []
    monkeypatch.setattr(book, "build", lambda *where, **how: asked.append((*where, how)) or tmp_path / "index.html")
    for value, solutions in {"": False, "0": False, "1": True}.items():
        monkeypatch.setenv("SOLUTIONS", value)
        assert book.main([]) == 0
        assert asked.pop() == (ROOT, REPOSITORY, {"solutions": solutions})
    assert capsys.readouterr().out.splitlines()[-1] == f"Open the book: {tmp_path.as_uri()}/index.html"


def test_problem_is_told_without_a_traceback(monkeypatch, capsys):
    def fail(*where, **how):
        raise BookError("No network.")

    monkeypatch.setattr(book, "build", fail)
    assert book.main([]) == 1
    assert capsys.readouterr().err == "No network.\n"


def test_label_names_authors_and_year():
    entries = parse_string(
        """
        @misc{one, author = {van der Berg, Anna}, year = 2001}
        @misc{two, author = {Anna Å and B & C, Dan}, year = 2002}
        @misc{three, author = {Anna A and Dan B and Eve C}, year = 2003}
        """,
        "bibtex",
    ).entries
    assert author_year(entries["one"]) == "van der Berg, 2001"
    assert author_year(entries["two"]) == "Å and B &amp; C, 2002"
    assert author_year(entries["three"]) == "A <em>et al.</em>, 2003"


def test_docstrings_cite_as_chapters_do_and_use_short_names():
    lines = ["He {cite:p}`he2015delving`, {cite}`a`; see :func:`dnn_course.fit` and :mod:`dnn_course.data`."]
    rewrite(None, "function", "name", None, None, lines)
    where = dnn_course.fit.__module__
    assert lines == [
        f"He :cite:p:`he2015delving`, :cite:`a`; see :func:`dc.fit <{where}.fit>` and :mod:`dnn_course.data`."
    ]


def test_logo_and_favicon_are_what_the_script_draws():
    assert (STATIC / "logo.svg").read_text(encoding="utf-8") == svg()
    with Image.open(STATIC / "favicon.png") as stored:
        drawn = favicon()
        assert stored.mode == drawn.mode
        assert stored.size == drawn.size
        assert max(high for _, high in ImageChops.difference(stored, drawn).getextrema()) <= 4
