"""A headless Chromium: it prints the book, and tests look at its pages with it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

ON_PATH = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"]
ELSEWHERE = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    *(
        f"{os.environ[folder]}/{browser}"
        for folder in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
        if folder in os.environ
        for browser in ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
    ),
]


def find_chromium(playwright: Playwright) -> str:
    """Return the path of a Chromium or a relative of it.

    Raises:
        FileNotFoundError: if there is none; the message says how to get one.
    """
    candidates = [*map(shutil.which, ON_PATH), *ELSEWHERE, playwright.chromium.executable_path]
    for candidate in candidates:
        if candidate and Path(candidate).exists():
            return candidate
    raise FileNotFoundError(
        "This needs a browser, and no Chromium, Chrome or Edge was found. Install one of them, "
        "or run `python -m playwright install chromium` in the environment."
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser, for as long as the block lasts."""
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=flags)
        yield browser
        browser.close()
