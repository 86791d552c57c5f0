"""Figures that answer, in a browser: by keyboard, in both themes, on paper, and when something is missing."""

import re

import pytest

from tests.book.browser import PHONE, axe_findings, opened
from tools.book import ROOT

CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))
LARGEST_FIGURE, LARGEST_LIBRARY = 300_000, 1_500_000  # bytes


def names_of(html, chapter):
    page = (html / "chapters" / f"{chapter}.html").read_text(encoding="utf-8")
    return re.search(r'data-figures="([^"]*)"', page)[1].split()


def drawn(page, name):
    """Bring a figure near, and wait until it has taken the place of its picture."""
    page.locator(f"#{name}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{name}.dc-drawn .dc-controls :is(input, select)", timeout=20_000)
    return page.locator(f"#{name}")


def lines(figure):
    return figure.locator("svg .mark-line path").evaluate_all("paths => paths.map((path) => path.getAttribute('d'))")


def set_by_keyboard(page, control):
    """Change a control as someone without a mouse does: one key, and back where the first did nothing."""
    before = control.evaluate("control => control.value")
    control.focus()
    if control.get_attribute("type") == "checkbox":
        page.keyboard.press("Space")
        return
    page.keyboard.press("ArrowRight")
    if control.evaluate("control => control.value") == before:
        page.keyboard.press("ArrowLeft")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_control_answers_to_the_keyboard(browser, site, html, chapter):
    """Each changes the curves: the last first, for what it shapes may be chosen by one before it."""
    with opened(browser, site, f"chapters/{chapter}.html", theme="light", width=1440) as (page, faults):
        for name in names_of(html, chapter):
            figure = drawn(page, name)
            seen = lines(figure)
            assert seen
            for control in reversed(figure.locator(".dc-controls :is(input, select)").all()):
                set_by_keyboard(page, control)
                page.wait_for_timeout(100)
                assert lines(figure) != seen, (name, control.get_attribute("name"))
                seen = lines(figure)
        assert not faults


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_figures_on_a_phone_in_the_dark_from_a_file(browser, html, chapter):
    with opened(browser, f"{html.as_uri()}/", f"chapters/{chapter}.html", theme="dark", width=PHONE) as (page, faults):
        for name in names_of(html, chapter):
            figure = drawn(page, name)
            box, chart = figure.bounding_box(), figure.locator("svg").bounding_box()
            assert box["x"] <= chart["x"]
            assert chart["x"] + chart["width"] <= PHONE
            assert not figure.locator("img").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        assert not axe_findings(page, within=".dc-drawn")
        assert not faults


def test_a_slider_says_what_its_place_stands_for(browser, site):
    with opened(browser, site, "chapters/07_transfer_learning.html", theme="light", width=1440) as (page, _):
        figure = drawn(page, "fig-choose-images")
        slider = figure.locator("input[type=range]")
        assert slider.get_attribute("aria-valuetext") == "50"
        set_by_keyboard(page, slider)
        page.wait_for_timeout(100)
        assert slider.get_attribute("aria-valuetext") == "1000"
        assert "1000" in figure.locator(".dc-controls").inner_text()


def test_what_was_chosen_outlives_a_change_of_the_theme(browser, site):
    with opened(browser, site, "chapters/07_transfer_learning.html", theme="light", width=1440) as (page, faults):
        figure = drawn(page, "fig-choose-images")
        set_by_keyboard(page, figure.locator("input[type=range]"))
        colors = "labels => labels.map((label) => label.getAttribute('fill'))"
        before = figure.locator("svg .role-axis-label text").evaluate_all(colors)
        while page.get_attribute("html", "data-theme") != "dark":
            page.click(".theme-switch-button")
        page.wait_for_timeout(500)
        assert figure.locator("svg .role-axis-label text").evaluate_all(colors) != before
        assert figure.locator("input[type=range]").get_attribute("aria-valuetext") == "1000"
        assert not faults


def test_paper_shows_the_picture(browser, site):
    with opened(browser, site, "chapters/07_transfer_learning.html", theme="light", width=1440) as (page, _):
        figure = drawn(page, "fig-choose-images")
        page.emulate_media(media="print")
        assert figure.locator("img").is_visible()
        assert not figure.locator(".dc-controls").is_visible()


@pytest.mark.parametrize("missing", ["vega.min.js", "fig-choose-images.js"])
def test_whatever_fails_leaves_the_picture(browser, site, missing):
    with opened(browser, site, "book/index.html", theme="light", width=1440) as (page, faults):
        page.route(f"**/{missing}", lambda route: route.abort())
        page.goto(f"{site}chapters/07_transfer_learning.html")
        page.locator("#fig-choose-images").scroll_into_view_if_needed()
        page.wait_for_timeout(2_000)
        assert page.locator("#fig-choose-images img").is_visible()
        assert any("could not be loaded" in fault for fault in faults)


def test_nothing_is_loaded_before_it_is_needed(browser, site):
    asked = []
    with opened(browser, site, "book/index.html", theme="light", width=1440) as (page, _):
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{site}chapters/07_transfer_learning.html", wait_until="networkidle")
        assert not [url for url in asked if "vega" in url or "/figures/" in url]
        assert [url for url in asked if "explore.js" in url]
        asked.clear()
        page.goto(f"{site}book/glossary.html", wait_until="networkidle")
        assert not [url for url in asked if "explore.js" in url]


def test_figures_and_their_library_are_small(html):
    sizes = {path.stem: path.stat().st_size for path in (html / "_static" / "figures").glob("*.js")}
    assert sizes.keys() == {name for chapter in CHAPTERS for name in names_of(html, chapter)}
    assert max(sizes.values()) <= LARGEST_FIGURE
    assert sum(path.stat().st_size for path in (html / "_static").glob("vega*/build/*.js")) <= LARGEST_LIBRARY
