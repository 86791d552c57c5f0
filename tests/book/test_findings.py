"""The tests of the pages, tested: a page broken in each way is found out, and a sound one is not."""

import pytest

from tests.book.browser import PHONE, faults_of_page, served
from tests.book.links import broken_links
from tools.chromium import find_chromium

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A page</title>
<link rel="icon" href="data:,">{head}</head>
<body><main><h1 id="top">A page</h1><article>{body}</article></main></body>
</html>
"""
SOUND = """<p>Text, with <code>$$</code> and <code>\\(</code> in code.</p>
<p class="math"><mjx-container>x</mjx-container></p><a href="#top">up</a>"""

BROKEN = {
    "console error": ("<script>console.error('broken')</script>", "console error: broken"),
    "console warning": ("<script>console.warn('odd')</script>", "console warning: odd"),
    "exception": ("<script>undefined_name()</script>", "undefined_name is not defined"),
    "another host": ("<script src='https://example.org/a.js'></script>", "asks for https://example.org/a.js"),
    "another host, later": (
        "<script>fetch('https://example.org/b').catch(() => 0)</script>",
        "asks for https://example.org/b",
    ),
    "missing file": ("<script src='gone.js'></script>", "gone.js"),
    "mathematics not typeset": ("<p class='math'>x</p>", "mathematics not typeset"),
    "raw inline mathematics": ("<p>\\(x\\)</p>", "raw markup"),
    "raw displayed mathematics": ("<p>$$x$$</p>", "raw markup"),
    "raw role": ("<p>{cite:p}`key`</p>", "raw markup"),
    "mathematics with an error": ("<mjx-merror>no</mjx-merror>", "MathJax could not read"),
    "image without alt": ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image without alt"),
    "image with empty alt": ("<img alt='' src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image without alt"),
    "image not there": ("<img alt='a' src='data:image/png;base64,AAAA'>", "image not shown"),
    "answer that does not fold": ("<div class='admonition dropdown'>Answer</div>", "does not fold"),
    "button without a name": ("<button></button>", "axe button-name"),
    "faint text": ("<p style='color:#ccc;background:#fff'>faint</p>", "axe color-contrast"),
    "too wide": ("<div style='width:500px'>wide</div>", "scrolls sideways: "),
}
FAINT_IN_THE_DARK = "<style>@media (prefers-color-scheme: dark) { p { color: #222; background: #000 } }</style>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def site(folder):
    with served(folder) as base:
        yield base


def write(folder, body, head=""):
    (folder / "page.html").write_text(PAGE.format(body=body, head=head), encoding="utf-8")


def test_sound_page_has_no_faults(browser, folder, site):
    write(folder, SOUND)
    for base in (site, f"{folder.as_uri()}/"):
        assert not faults_of_page(browser, base, "page.html", theme="light", width=1440)


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_page_is_found_out(browser, folder, site, kind):
    body, expected = BROKEN[kind]
    write(folder, SOUND + body)
    faults = faults_of_page(browser, site, "page.html", theme="light", width=1440)
    assert any(expected in fault for fault in faults), faults


def test_fault_of_one_theme_is_found_out_in_it(browser, folder, site):
    write(folder, SOUND, FAINT_IN_THE_DARK)
    assert not faults_of_page(browser, site, "page.html", theme="light", width=PHONE)
    faults = faults_of_page(browser, site, "page.html", theme="dark", width=PHONE)
    assert any("axe color-contrast" in fault for fault in faults)


def test_request_from_a_file_is_found_out(browser, folder):
    write(folder, SOUND + BROKEN["another host"][0])
    faults = faults_of_page(browser, f"{folder.as_uri()}/", "page.html", theme="light", width=PHONE)
    assert any(BROKEN["another host"][1] in fault for fault in faults)


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("page.html#top", None),
        ("#top", None),
        ("https://example.org/", None),
        ("gone.html", "no file for gone.html"),
        ("#gone", "no place for #gone"),
        ("page.html#gone", "no place for page.html#gone"),
    ],
)
def test_link_that_leads_nowhere_is_found_out(tmp_path, link, fault):
    write(tmp_path, f"<a href='{link}'>a link</a>")
    assert list(broken_links(tmp_path)) == ([f"page.html: {fault}"] if fault else [])


def test_without_a_browser_the_tests_fail_with_advice(monkeypatch):
    class Nothing:
        executable_path = "/nowhere"
        chromium = property(lambda self: self)

    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("tools.chromium.ELSEWHERE", [])
    with pytest.raises(FileNotFoundError, match="playwright install chromium"):
        find_chromium(Nothing())
