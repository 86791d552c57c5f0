"""Whether two figures are the same picture.

Two runs of one chapter on two machines give figures that differ a little: the last bits of a curve's points
put its edge on another fraction of a pixel, and another build of FreeType or Agg shades edges otherwise.
Comparing bytes would call that a difference; a mean over the picture would call a missing bar none.

So each figure asks the other: *is there, within* `REACH` *pixels of here, what I show here?*

1. Both become premultiplied RGBA in [0, 1], so that transparency counts as a colour does, and are averaged
   over 3 × 3 pixels. A thin line then has the same peak wherever it falls between the pixels.
2. For each pixel and channel, the smallest and largest value within `REACH` pixels bound what the other
   figure may show there. The excess is by how much it leaves these bounds; the larger of the two directions
   counts, so that a line too many and a line too few weigh the same.
3. The excess is averaged over blocks of 8 × 8 pixels: about a letter of an axis label at the course's two
   pixels a point. A change of one block fails, as does a faint change of the whole.

A move of up to `REACH` pixels costs nothing: in a figure 900 pixels high, 0.2 % of the height. Beyond that
the cost rises steeply, for a moved line leaves its bounds with its whole contrast.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

REACH = 2
BLOCK = 8
LARGEST_BLOCK = 0.02
WHOLE = 0.005

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Difference:
    """By how much two figures differ; 0 is not at all, 1 is black for white."""

    sizes: tuple[tuple[int, int], tuple[int, int]]
    """Width and height of the stored figure and of the new one."""
    largest_block: float
    """Excess of the 8 × 8 pixels that differ most."""
    whole: float
    """Root mean square of the excess over the figure."""
    excess: Picture | None
    """Excess of each pixel, of shape (height, width); None where the sizes differ."""

    @property
    def same(self) -> bool:
        """Whether the two pass for one picture."""
        return self.excess is not None and self.largest_block <= LARGEST_BLOCK and self.whole <= WHOLE

    def __str__(self) -> str:
        if self.excess is None:
            (width, height), (new_width, new_height) = self.sizes
            return f"stored with {width} × {height} pixels, now {new_width} × {new_height}"
        return (
            f"the 8 × 8 pixels that differ most do by {self.largest_block:.3f} (allowed {LARGEST_BLOCK}), "
            f"the whole does by {self.whole:.4f} (allowed {WHOLE})"
        )


def _read(png: bytes) -> Picture:
    with Image.open(io.BytesIO(png)) as image:
        rgba = np.asarray(image.convert("RGBA"), dtype=np.float32) / 255
    rgba[..., :3] *= rgba[..., 3:]
    return rgba.astype(np.float32, copy=False)


def _beyond(picture: Picture, bounds: Picture) -> Picture:
    size = (2 * REACH + 1, 2 * REACH + 1, 1)
    above = picture - ndimage.maximum_filter(bounds, size)
    below = ndimage.minimum_filter(bounds, size) - picture
    result: Picture = np.maximum(above, below).clip(min=0).max(axis=2)
    return result


def compare(stored: bytes, new: bytes) -> Difference:
    """Compare two PNG files; see the module's text for what counts as a difference."""
    pictures = [_read(stored), _read(new)]
    (height, width), (new_height, new_width) = [picture.shape[:2] for picture in pictures]
    sizes = ((width, height), (new_width, new_height))
    if sizes[0] != sizes[1]:
        return Difference(sizes, 1.0, 1.0, None)
    first, second = [ndimage.uniform_filter(picture, (3, 3, 1)) for picture in pictures]
    excess = np.maximum(_beyond(first, second), _beyond(second, first))
    padded = np.pad(excess, ((0, -height % BLOCK), (0, -width % BLOCK)))
    blocks = padded.reshape(padded.shape[0] // BLOCK, BLOCK, -1, BLOCK).mean(axis=(1, 3))
    return Difference(sizes, float(blocks.max()), float(np.sqrt(np.mean(excess**2))), excess)


def save(path: Path, stored: bytes, new: bytes, difference: Difference) -> None:
    """Write one PNG with the stored figure, the new one, and in red on grey where they differ."""
    panels: list[tuple[str, Image.Image]] = [
        ("stored", Image.open(io.BytesIO(stored))),
        ("new", Image.open(io.BytesIO(new))),
    ]
    if difference.excess is not None:
        grey = np.asarray(panels[0][1].convert("L"), dtype=np.float32) / 255 * 0.3 + 0.7
        # A tenth of full contrast is already plain red: it must be found at a glance.
        red = np.minimum(difference.excess * 10, 1)
        marked = np.stack([grey, grey * (1 - red), grey * (1 - red)], axis=-1)
        panels.append(("difference", Image.fromarray((marked * 255).astype(np.uint8))))
    title, gap = 40, 20
    width = sum(image.width + gap for _, image in panels) - gap
    sheet = Image.new("RGB", (width, title + max(image.height for _, image in panels)), "white")
    draw, left = ImageDraw.Draw(sheet), 0
    for name, image in panels:
        draw.text((left + 8, 8), name, fill="black", font_size=24)
        rgba = image.convert("RGBA")
        sheet.paste(rgba, (left, title), rgba)
        left += image.width + gap
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
