"""How the course's pictures look: a palette safe for colour blindness, markers and dashes beside it, and sizes."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython.core.getipython import get_ipython
from numpy.typing import ArrayLike

# Okabe and Ito's palette, safe for the common kinds of colour blindness, its yellow left out: it is lost on white.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
DASHES = [(0, ()), (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.5, 1.5)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1))]
GREY = "#555555"


def use_style() -> None:
    """Set matplotlib to the course's look: narrow enough for a phone, sharp on paper, white in both themes.

    >>> use_style()
    """
    shell: Any = get_ipython()  # type: ignore[no-untyped-call]
    if hasattr(shell, "kernel"):
        # The layout leaves no margins to cut off, and cutting them off would draw each figure twice.
        shell.run_line_magic("config", "InlineBackend.print_figure_kwargs = {'bbox_inches': None}")
    plt.rcParams.update(
        {
            "figure.figsize": (5.0, 3.2),
            "figure.dpi": 200,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.prop_cycle": cycler(color=COLORS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "axes.grid": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.8,
            "lines.markersize": 4.5,
            "legend.frameon": False,
            "legend.fontsize": 9,
        }
    )


def ink_on(color: ArrayLike) -> str:
    """Black or white for text on a colour, whichever has more contrast by WCAG 2; that is at least 4.5 to 1.

    Args:
        color: red, green and blue, each in [0, 1]; what follows them is ignored.

    >>> ink_on((1.0, 1.0, 0.0)), ink_on((0.0, 0.0, 1.0))
    ('black', 'white')
    """
    channels = np.asarray(color, dtype=float)[:3]
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return "black" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "white"
