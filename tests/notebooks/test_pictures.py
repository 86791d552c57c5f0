"""A figure that shows something else is caught; one that another machine drew is not."""

import functools
import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image, ImageChops

from tests.notebooks.pictures import compare, save
from tests.notebooks.synthetic import figure_png

X = np.linspace(0, 10, 300)
BARS = np.array([1.0, 2.0, 0.2, 1.5])
NOISE = np.random.default_rng(0).normal(size=(20, 20))


def curves(factor: float = 1.0, *, count: int = 3, title: str = "loss 0.93", color: str | None = None):
    def draw(axes: Axes) -> None:
        for index in range(count):
            axes.plot(X, factor * np.sin(X + index), color=color)
        axes.set(ylim=(-1.2, 1.2), xlabel="epoch", title=title)
        axes.grid(alpha=0.3)

    return draw


def bars(heights: NDArray[np.float64]):
    def draw(axes: Axes) -> None:
        axes.bar(range(len(heights)), heights)
        axes.set(xlim=(-1, 4), ylim=(0, 2.5))

    return draw


def map_of(values: NDArray[np.float64]):
    def draw(axes: Axes) -> None:
        axes.imshow(values, vmin=-3, vmax=3)

    return draw


@functools.cache
def fine_picture() -> Image.Image:
    return Image.open(io.BytesIO(figure_png(curves(), dpi=800, size=(3, 2)))).convert("RGB")


def between_pixels(quarters: int) -> bytes:
    """Draw the same picture moved by quarters of a pixel: every edge gets another shade."""
    file = io.BytesIO()
    ImageChops.offset(fine_picture(), quarters, quarters).reduce(4).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("stored", "new"),
    [
        pytest.param(curves(), curves(1.05), id="curves moved by 5 %"),
        pytest.param(curves(), curves(count=2), id="a curve missing"),
        pytest.param(curves(count=2), curves(), id="a curve too many"),
        pytest.param(curves(count=1, color="0.9"), curves(1.05, count=1, color="0.9"), id="a pale curve moved"),
        pytest.param(curves(), curves(title="loss 0.98"), id="another digit"),
        pytest.param(bars(BARS), bars(BARS * [1, 1, 0, 1]), id="a short bar missing"),
        pytest.param(bars(BARS), bars(np.add(BARS, [0, 0.05, 0, 0])), id="a bar higher by 2 % of the axis"),
        pytest.param(map_of(NOISE), map_of(NOISE * 1.1), id="a map with stronger colours"),
        pytest.param(curves(), bars(BARS), id="another figure"),
    ],
)
def test_another_picture_is_caught(stored, new):
    assert not compare(figure_png(stored), figure_png(new)).same


@pytest.mark.parametrize(
    ("stored", "new"),
    [
        pytest.param(curves(), curves(), id="the same"),
        pytest.param(curves(), curves(1 + 1e-7), id="curves differ in their last bits"),
        pytest.param(curves(), curves(1.001), id="curves moved by 0.1 %"),
        pytest.param(bars(BARS), bars(BARS * 1.001), id="bars moved by 0.1 %"),
        pytest.param(map_of(NOISE), map_of(NOISE * 1.001), id="a map moved by 0.1 %"),
    ],
)
def test_the_same_picture_passes(stored, new):
    difference = compare(figure_png(stored), figure_png(new))
    assert difference.same, difference


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_other_antialiasing_passes(quarters: int):
    difference = compare(between_pixels(0), between_pixels(quarters))
    assert difference.same, difference


@pytest.mark.parametrize("setting", [{"lines.antialiased": False}, {"path.simplify": False}, {"text.hinting": "none"}])
def test_other_rendering_passes(setting: dict[str, object]):
    stored = figure_png(curves())
    with rc_context(setting):
        new = figure_png(curves())
    difference = compare(stored, new)
    assert difference.same, difference


def test_another_size_is_caught_and_named():
    difference = compare(figure_png(curves()), figure_png(curves(), size=(6, 4.2)))
    assert not difference.same
    assert "1200 × 800 pixels, now 1200 × 840" in str(difference)


def test_transparency_counts():
    white = Image.new("RGBA", (64, 64), (255, 255, 255, 255))
    clear = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    files = [io.BytesIO(), io.BytesIO()]
    white.save(files[0], "PNG")
    clear.save(files[1], "PNG")
    assert not compare(files[0].getvalue(), files[1].getvalue()).same


@pytest.mark.parametrize(("size", "panels"), [((6, 4), 3), ((6, 4.2), 2)])
def test_what_is_saved_shows_both_and_the_difference(tmp_path: Path, size: tuple[float, float], panels: int):
    stored, new = figure_png(curves()), figure_png(curves(1.05), size=size)
    path = tmp_path / "made" / "difference.png"
    save(path, stored, new, compare(stored, new))
    sheet = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert sheet.shape[1] == panels * 1200 + (panels - 1) * 20
    red = (sheet[..., 0] > 200) & (sheet[..., 1] < 60) & (sheet[..., 2] < 60)
    assert red.any() == (panels == 3)
