"""Links that need a repository: edit a page, open a chapter in Colab or in Binder.

They appear only when ``course_repository`` names one on GitHub, as the publishing workflow does. Binder opens
the chapter of the branch ``main``, in an environment that has the package. Colab has no such environment: it
opens the copy published with the book, on the branch ``gh-pages``, which first installs the package.
"""

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

SOURCE_BRANCH, PUBLISHED_BRANCH = "main", "gh-pages"

INSTALL = """\
# Installs the course's package where it is missing, as on Colab.
try:
    import dnn_course
except ModuleNotFoundError:
    %pip install --quiet "dnn-course @ git+{repository}"
"""


def configure_buttons(app: Sphinx, config: Config) -> None:
    """Tell the theme which repository its buttons lead to."""
    repository = config.course_repository
    if not repository:
        return
    if not repository.startswith("https://github.com/") or len(repository.rstrip("/").split("/")) != 5:
        raise ConfigError(f"course_repository must be like https://github.com/owner/name, not {repository!r}")
    app.tags.add("published")  # for what `{only}` such a book says
    config.html_theme_options |= {
        "repository_url": repository.rstrip("/"),
        "repository_branch": SOURCE_BRANCH,
        "use_edit_page_button": True,
        "use_repository_button": True,
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    }


def open_published_copy_in_colab(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Let the theme's Colab button open the copy of the notebook that installs the package."""
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button["text"] == "Colab":
                source = f"/blob/{SOURCE_BRANCH}/"
                button["url"] = button["url"].replace(source, f"/blob/{PUBLISHED_BRANCH}/_sources/")


def with_install_cell(notebook: dict[str, Any], repository: str) -> dict[str, Any]:
    """Return a notebook that begins by installing the package from ``repository``."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "install",
        "metadata": {},
        "outputs": [],
        "source": INSTALL.format(repository=repository.rstrip("/")).rstrip().splitlines(keepends=True),
    }
    return notebook | {"cells": [cell, *notebook["cells"]]}


def add_install_cells(app: Sphinx, exception: Exception | None) -> None:
    """Let the notebooks published with the pages run wherever a reader opens them."""
    if exception or not app.config.course_repository:
        return
    for path in Path(app.outdir, "_sources").rglob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook = with_install_cell(notebook, app.config.course_repository)
        path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_config_value("course_repository", "", "html", str)
    app.connect("config-inited", configure_buttons)
    after_the_theme = 502  # which makes the button at 501
    app.connect("html-page-context", open_published_copy_in_colab, priority=after_the_theme)
    app.connect("build-finished", add_install_cells)
