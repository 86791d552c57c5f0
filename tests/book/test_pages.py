"""Every page of the book, in a browser: served and opened from a file, light and dark, wide and on a phone."""

import inspect

import pytest
import yaml

import dnn_course
from tests.book.browser import PHONE, faults_of_page, opened
from tests.book.links import broken_links
from tools.book import ROOT

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
WRITTEN = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
PAGES = [f"{page}.html" for page in [*WRITTEN, "genindex", "py-modindex", "search"]]
FIRST_PAGE = "index.html"  # leads on to the landing page


def test_these_are_all_pages(html):
    built = {path.relative_to(html).as_posix() for path in html.rglob("*.html") if "_static" not in path.parts}
    assert built == {*PAGES, FIRST_PAGE}


@pytest.mark.parametrize("path", PAGES)
def test_page_served_light_and_wide(browser, site, path):
    assert not faults_of_page(browser, site, path, theme="light", width=1440)


@pytest.mark.parametrize("path", PAGES)
def test_page_from_a_file_dark_and_on_a_phone(browser, html, path):
    assert not faults_of_page(browser, f"{html.as_uri()}/", path, theme="dark", width=PHONE)


def test_links_lead_somewhere(html):
    assert not list(broken_links(html))


def test_every_claim_has_its_source_linked(html):
    chapters = [(html / f"{page}.html").read_text(encoding="utf-8") for page in WRITTEN if "chapters" in page]
    assert all('class="dc-claim"' in chapter for chapter in chapters)
    assert all('<span class="dc-claim-source"' not in chapter for chapter in chapters)


def test_everything_public_is_in_the_reference(html):
    page = (html / "book" / "api.html").read_text(encoding="utf-8")
    for name in dnn_course.__all__:
        thing = getattr(dnn_course, name)
        place = f"module-{thing.__name__}" if inspect.ismodule(thing) else f"{thing.__module__}.{name}"
        assert f'id="{place}"' in page, name


@pytest.mark.parametrize("served_or_file", ["served", "file"])
def test_search_finds_a_term(browser, html, site, served_or_file):
    base = site if served_or_file == "served" else f"{html.as_uri()}/"
    with opened(browser, base, "search.html?q=orthogonal", theme="light", width=1440) as (page, faults):
        page.wait_for_selector("#search-results li a >> text=Glossary", timeout=10_000)
        page.wait_for_load_state("networkidle")
        assert not faults


def test_first_page_leads_to_the_landing_page(browser, html):
    with opened(browser, f"{html.as_uri()}/", FIRST_PAGE, theme="light", width=1440) as (page, faults):
        page.wait_for_url("**/book/index.html", timeout=10_000)
        assert not faults


def test_reader_can_choose_the_theme(browser, site):
    with opened(browser, site, "book/index.html", theme="light", width=1440) as (page, faults):
        seen = set()
        for _ in range(3):
            seen.add(page.get_attribute("html", "data-theme"))
            page.click(".theme-switch-button")
        assert seen == {"light", "dark"}
        assert not faults
