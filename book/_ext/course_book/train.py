"""The page "Train it yourself": TensorFlow.js, the worker that trains and the digits, in one script.

A page opened from a file may neither start a worker from another file nor fetch one; a script it may load. So the
worker's source is a string in a script, from which the page makes a worker, and so are the WebAssembly program and the
digits. All of it is loaded by that page alone.
"""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sphinx.application import Sphinx

PAGE = "book/train_it_yourself"
LIBRARIES = ["tfjs-core/dist/tf-core.es2017.min.js", "tfjs-backend-wasm/dist/tf-backend-wasm.es2017.min.js"]
PROGRAM = "tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm"
WORKER = ["weights.js", "network.js", "optimizers.js", "signals.js", "worker.js"]
SCRIPTS = ["setting.js", "presets.js", "words.js", "charts.js", "page.js"]
N_TRAIN, N_VALIDATION = 3_000, 500


def smaller(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Make 28 × 28 pixels in [0, 1] into 14 × 14 bytes, each the mean of four, in rows of 196."""
    squares = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    return np.rint(255 * squares).astype(np.uint8).reshape(len(images), -1)


def digits() -> dict[str, Any]:
    """Return the first images and labels of the training and validation parts, packed, and the numbers to unpack them.

    ``mean`` and ``std`` are those of all training pixels, in units of 255; the page standardizes with them.
    """
    from dnn_course.data import load_mnist  # only here: with TensorFlow in its package, it takes seconds

    mnist = load_mnist()
    parts = {
        "train": (smaller(mnist.x_train[:N_TRAIN]), mnist.y_train[:N_TRAIN]),
        "validation": (smaller(mnist.x_val[:N_VALIDATION]), mnist.y_val[:N_VALIDATION]),
    }
    pixels = parts["train"][0] / 255
    packed: dict[str, Any] = {"pixels": 196, "classes": 10, "mean": pixels.mean(), "std": pixels.std()}
    for name, (images, labels) in parts.items():
        raw = {"images": images.tobytes(), "labels": labels.astype(np.uint8).tobytes()}
        packed[name] = {kind: _text(zlib.compress(content, 9)) for kind, content in raw.items()}
    return packed


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def bundle(assets: Path, own: Path) -> str:
    """Return the script that hands the page all that it trains with.

    Args:
        assets: the folder with TensorFlow.js's packages.
        own: the folder with the worker's source.
    """
    source = [(assets / name).read_text(encoding="utf-8") for name in LIBRARIES]
    source += [(own / name).read_text(encoding="utf-8") for name in WORKER]
    content = {
        "worker": "\n".join(source),
        "wasm": _text((assets / PROGRAM).read_bytes()),
        "digits": digits(),
    }
    return f"dcTrain.unpack({json.dumps(content, separators=(',', ':'))});\n"


def add_to_page(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Write the script of the page, and have the page load it after its own."""
    if pagename != PAGE or doctree is None:
        return
    source = Path(app.srcdir)
    folder = Path(app.outdir) / "_static" / "train"
    folder.mkdir(parents=True, exist_ok=True)
    text = bundle(source / "_build" / "assets" / "@tensorflow", source / "book" / "_static" / "train" / "worker")
    (folder / "bundle.js").write_text(text, encoding="utf-8")
    app.add_css_file("train/train.css")
    for script in [*SCRIPTS, "bundle.js"]:
        app.add_js_file(f"train/{script}", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("html-page-context", add_to_page)
