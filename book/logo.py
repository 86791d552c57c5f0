"""Draw the book's logo and favicon: ``python book/logo.py``.

Two signals enter a deep network from the left. The upper one keeps its strength from layer to layer;
the lower one, begun just as strong, halves in area at every layer and is all but gone at the last.
That is what chapters 1 and 2 are about. Dots in a square are all there is, so that it reads at 16 pixels.
"""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = 64  # of the drawing, in its own units
CORNER = 14
BACKGROUND = "#14365d"
KEPT, LOST = "#7fd1ff", "#ffb454"
LAYERS, SPACING, RADIUS = 4, 13.5, 5.4
STATIC = Path(__file__).parent / "_static"


def dots() -> Iterator[tuple[float, float, float, str]]:
    """Yield the centre, radius and colour of each dot, layer by layer."""
    for layer in range(LAYERS):
        x = SIZE / 2 + (layer - (LAYERS - 1) / 2) * SPACING
        yield x, 22.0, RADIUS, KEPT
        yield x, 42.0, RADIUS * 0.5 ** (layer / 2), LOST


def svg() -> str:
    """Return the logo as an SVG picture."""
    circles = "".join(f'<circle cx="{x:g}" cy="{y:g}" r="{r:.3g}" fill="{c}"/>' for x, y, r, c in dots())
    square = f'<rect width="{SIZE}" height="{SIZE}" rx="{CORNER}" fill="{BACKGROUND}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}">{square}{circles}</svg>\n'


def favicon(pixels: int = 64) -> Image.Image:
    """Return the same drawing as a picture of ``pixels`` × ``pixels``, for browsers without SVG icons."""
    scale = 16 * pixels / SIZE  # drawn larger, then made smaller, for smooth edges
    picture = Image.new("RGBA", (round(SIZE * scale),) * 2)
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((0, 0, SIZE * scale - 1, SIZE * scale - 1), CORNER * scale, fill=BACKGROUND)
    for x, y, r, fill in dots():
        draw.ellipse([scale * edge for edge in (x - r, y - r, x + r, y + r)], fill=fill)
    return picture.resize((pixels, pixels), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    (STATIC / "logo.svg").write_text(svg(), encoding="utf-8")
    favicon().save(STATIC / "favicon.png", optimize=True)
