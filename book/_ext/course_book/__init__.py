"""What the book adds to Sphinx, each thing in a module of its own."""

from sphinx.application import Sphinx

from . import claims, docstrings, interactive, outputs, quiz, repository, train


def setup(app: Sphinx) -> dict[str, bool]:
    """Register every part with Sphinx."""
    for part in (claims, docstrings, interactive, outputs, quiz, repository, train):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
