"""A headless Chromium, and what it finds wrong with a page."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

PHONE = 360  # pixels, the width of a small one
# Axe looks for what is wrong only; it would also fetch style sheets again, some from the wrong place.
AXE_OPTIONS = {"resultTypes": ["violations"], "preload": False}

# Runs in the page once mathematics is typeset, and returns a list of sentences.
FAULTS = r"""
async () => {
  await window.MathJax?.startup?.promise;
  const faults = [];
  const text = (element) => element.outerHTML.slice(0, 120);
  for (const e of document.querySelectorAll(".math")) {
    if (!e.querySelector("mjx-container")) faults.push(`mathematics not typeset: ${text(e)}`);
  }
  for (const e of document.querySelectorAll("mjx-merror, [data-mjx-error]")) {
    faults.push(`MathJax could not read: ${e.getAttribute("data-mjx-error") ?? e.textContent}`);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const raw = walker.currentNode.data.match(/\\[([]|\$\$|\{(cite|ref|numref|eq|term|doc)\b[^}]*\}/);
    if (raw && !walker.currentNode.parentElement.closest("code, pre, script, style, mjx-container")) {
      faults.push(`raw markup in the text: ${walker.currentNode.data.trim().slice(0, 80)}`);
    }
  }
  for (const e of document.querySelectorAll("img")) {
    if (!e.hasAttribute("alt") || (!e.alt && e.closest("article"))) faults.push(`image without alt: ${text(e)}`);
    if (!e.naturalWidth) faults.push(`image not shown: ${text(e)}`);
  }
  for (const e of document.querySelectorAll(".admonition.dropdown, .toggle")) {
    faults.push(`does not fold, use the dropdown directive: ${text(e)}`);
  }
  return faults;
}
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine, and give the address it has, with a slash at the end."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@contextmanager
def opened(
    browser: Browser, base: str, path: str, *, theme: str, width: int, script: bool = True
) -> Iterator[tuple[Page, list[str]]]:
    """Open a page, and give it with the list of what went wrong, which grows while the page is open."""
    faults: list[str] = []
    viewport = {"width": width, "height": 900}
    context = browser.new_context(color_scheme=theme, viewport=viewport, java_script_enabled=script)  # type: ignore[arg-type]

    def allow_only_the_book(route):
        if route.request.url.startswith((base, "data:", "blob:")):
            route.continue_()
        else:
            faults.append(f"asks for {route.request.url}")
            route.abort()

    context.route("**/*", allow_only_the_book)
    page = context.new_page()
    page.on(
        "console", lambda m: faults.append(f"console {m.type}: {m.text}") if m.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url} {request.failure}"))
    page.on("response", lambda r: faults.append(f"answer {r.status}: {r.url}") if r.status >= 400 else None)
    page.goto(base + path, wait_until="load")
    yield page, faults
    context.close()


def axe_findings(page: Page, within: str = "html") -> list[str]:
    """Return what axe-core finds wrong in elements of the page: the rule, the first element and how to mend it."""
    # Inside a formula there are hundreds of elements, and none that anybody here has written.
    context = {"include": [[within]], "exclude": [["mjx-container > *"]]}
    violations = Axe().run(page, context=context, options=AXE_OPTIONS).response["violations"]
    return [
        f"axe {found['id']} ({len(found['nodes'])}): {found['nodes'][0]['html'][:150]} "
        f"{json.dumps(found['nodes'][0]['failureSummary'])}"
        for found in violations
    ]


def scrolls_sideways(page: Page) -> list[str]:
    """Return a sentence if the page as a whole is wider than a phone."""
    page.set_viewport_size({"width": PHONE, "height": 900})
    width = page.evaluate("document.documentElement.scrollWidth")
    return [f"scrolls sideways: {width} pixels wide on a screen of {PHONE}"] if width > PHONE else []


def faults_of_page(browser: Browser, base: str, path: str, *, theme: str, width: int) -> list[str]:
    """Open a page once and return everything that is wrong with it."""
    with opened(browser, base, path, theme=theme, width=width) as (page, faults):
        found = page.evaluate(FAULTS) + axe_findings(page) + scrolls_sideways(page)
        return faults + found
