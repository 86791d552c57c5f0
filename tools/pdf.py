"""Print the whole book to ``_build/training-deep-neural-nets.pdf``, from the same source as its pages.

Sphinx makes one long page of the book, and Chromium prints it: mathematics, figures and links are those of the pages.
Where a page has an interactive figure the print has its picture, and what is folded there is open here.
"""

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, PdfMargins
from pypdf import PdfReader

from tools import book
from tools.book import ROOT, BookError
from tools.chromium import chromium

NAME = "training-deep-neural-nets.pdf"
MARGINS: PdfMargins = {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"}
WIDTH = round((210 - 18 - 18) / 25.4 * 96)  # of A4's text, in pixels
EM = 16  # pixels
# Paper answers no questions.
ONLY_ON_SCREEN = re.compile(r"/_static/(explore|quiz|train/.*)\.js")
FOOTER = '<div style="width: 100%; font: 8pt sans-serif; text-align: center"><span class="pageNumber"></span></div>'

# Opens what is folded, takes away what only a pointer can use, and gives every link a place of its own to lead to:
# places of different pages may share a name, and here all pages are one. Returns the links that lead nowhere.
PREPARE = """
async () => {
  await window.MathJax.startup.promise;
  for (const e of document.querySelectorAll("details")) e.open = true;
  for (const e of document.querySelectorAll(".headerlink, .copybtn, noscript")) e.remove();
  // An equation that scrolls on a narrow screen is set smaller here.
  const room = document.querySelector("article").clientWidth;
  for (const e of document.querySelectorAll('mjx-container[display="true"]')) {
    const wide = e.scrollWidth / room;
    if (wide > 1) e.style.fontSize = `${parseFloat(getComputedStyle(e).fontSize) / wide}px`;
  }
  // A heading stays with what follows it. (Told so by break-after, Chromium writes some bookmarks twice.)
  for (const e of document.querySelectorAll("article :is(h2, h3, h4)")) {
    const together = document.createElement("div");
    together.className = "dc-together";
    e.before(together);
    const next = together.nextElementSibling;
    together.append(e, ...(next?.matches("p, pre, ul, ol") ? [next] : []));
  }
  const [places, links] = [new Map(), []];
  let page = "book/index";
  for (const e of document.querySelectorAll("article [id], article a[href]")) {
    if (e.id.startsWith("document-")) page = e.id.slice("document-".length);
    for (const key of [`${page}#${e.id}`, `#${e.id}`]) if (e.id && !places.has(key)) places.set(key, e);
    if (e.matches("a[href]")) links.push([page, e]);
  }
  const nowhere = [];
  let renamed = 0;
  for (const [page, link] of links) {
    const address = link.getAttribute("href");
    if (!/^(#|book\\/index.html)/.test(address)) continue;
    const [, named, id] = address.match(/^(?:#document-([^#]*)|book\\/index.html)?#?(.*)$/);
    const target = id
      ? places.get(`${named ?? page}#${id}`) ?? places.get(`#${id}`)
      : places.get(`#document-${named}`) ?? document.querySelector("article");
    if (!target) nowhere.push(`${page}: ${address}`);
    else {
      if (!target.id || document.getElementById(target.id) !== target) target.id = `place-${++renamed}`;
      link.setAttribute("href", `#${target.id}`);
    }
  }
  return nowhere;
}
"""

# What sticks out of the text's right edge by more than the given pixels, as sentences.
OVERFLOWING = """
(allowed) => {
  const edge = document.querySelector("article").getBoundingClientRect().right;
  return [...document.querySelectorAll("article :is(p, li, pre, table, img, svg, h1, h2, h3, mjx-container)")]
    .filter((e) => e.getClientRects().length)
    .map((e) => [e, e.getBoundingClientRect().left + Math.max(e.scrollWidth, e.clientWidth) - edge])
    .filter(([, beyond]) => beyond > allowed)
    .map(([e, beyond]) => [e.tagName.toLowerCase(), Math.round(beyond), e.textContent.trim().slice(0, 80)])
    .map(([tag, beyond, text]) => `${tag} by ${beyond} pixels: ${text}`);
}
"""

# Characters for which no font here has a glyph: they come out like one that is no character at all.
WITHOUT_GLYPH = r"""
() => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [48, 48];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const drawn = (character) => {
    context.clearRect(0, 0, 48, 48);
    context.fillText(character, 4, 36);
    return context.getImageData(0, 0, 48, 48).data.join();
  };
  const family = getComputedStyle(document.body).fontFamily;
  context.font = `28px ${family}`;
  const missing = drawn("\u{10FFFD}");
  const text = [...document.querySelectorAll("article :is(p, li, td, th, pre, h1, h2, h3, figcaption)")]
    .map((e) => e.innerText).join("");
  return [...new Set(text)].filter((c) => c.trim() && c.codePointAt(0) > 126 && drawn(c) === missing);
}
"""


def print_page(browser: Browser, html: Path, target: Path, style: Path) -> None:
    """Print a page of HTML to a PDF with bookmarks, a footer with page numbers and text that can be read out.

    Raises:
        BookError: if a file of the page is missing, a link leads nowhere, a font has no glyph for a character, or
            something does not fit on paper.
    """
    faults: list[str] = []
    context = browser.new_context(color_scheme="light", viewport={"width": WIDTH, "height": 980})
    context.route(ONLY_ON_SCREEN, lambda route: route.fulfill(body=""))
    page = context.new_page()
    page.on("requestfailed", lambda request: faults.append(f"not found: {request.url}"))
    page.emulate_media(media="print")
    page.goto(html.as_uri(), wait_until="load", timeout=120_000)
    page.add_style_tag(path=style)
    faults += [f"a link leads nowhere: {link}" for link in page.evaluate(PREPARE)]
    faults += [f"does not fit on paper: {part}" for part in page.evaluate(OVERFLOWING, EM)]
    faults += [f"no font has a glyph for {character!r}" for character in page.evaluate(WITHOUT_GLYPH)]
    if faults:
        raise BookError("The book was not printed.\n" + "\n".join(faults))
    page.set_default_timeout(0)  # a long book takes a minute or two
    page.pdf(path=target, format="A4", margin=MARGINS, outline=True, tagged=True, print_background=True,
             display_header_footer=True, header_template="<span></span>", footer_template=FOOTER)  # fmt: skip
    context.close()


def build(root: Path) -> Path:
    """Make the PDF and return its path.

    Raises:
        BookError: if a page gave a warning or cannot be printed.
    """
    single, target = root / "_build" / "singlehtml", root / "_build" / NAME
    target.unlink(missing_ok=True)
    book.prepare(root, solutions=False)
    shutil.rmtree(single, ignore_errors=True)
    print("Making one page of the book …", flush=True)
    if not book.make_pages(root, single, "", builder="singlehtml"):
        raise BookError("The book was not made: every warning above must be mended first.")
    # Its addresses are those of a page in the folder above.
    page = shutil.move(single / "book" / "index.html", single / "whole.html")
    print("Printing it …", flush=True)
    with chromium() as browser:
        print_page(browser, Path(page), target, root / "book" / "_static" / "print.css")
    return target


def main(arguments: Sequence[str]) -> int:
    """Print the book and say, last, where the PDF is."""
    try:
        target = build(ROOT)
    except (BookError, FileNotFoundError) as problem:
        print(problem, file=sys.stderr)
        return 1
    pages = len(PdfReader(target).pages)
    print(f"The PDF ({pages} pages, {target.stat().st_size / 1e6:.0f} MB): {target.as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
