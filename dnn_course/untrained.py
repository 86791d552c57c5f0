"""Signals in networks that have not learned anything yet: what the weights alone do to them, in NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_course.theory import Activation, get_activation

Array = NDArray[np.float64]

_SHARES = (95, 50, 5)


def untrained_signals(
    activation: str | Activation,
    *,
    depth: int,
    weights: Callable[[np.random.Generator, int], Array],
    width: int = 100,
    n_inputs: int = 10,
    seeds: Iterable[int] = range(5),
) -> pd.DataFrame:
    r"""How large activations and gradients are, layer by layer, in networks of ``depth`` equally wide layers.

    Forward :math:`h_l = \phi(h_{l-1} W_l)` from standard normal inputs, backward
    :math:`\partial/\partial z_l = \phi'(z_l) \odot (\partial/\partial z_{l+1}\, W_{l+1}^\top)` from a standard normal
    :math:`\partial/\partial h_L`. The networks of all seeds are pooled, and what is exactly zero is left out.

    Args:
        activation: a name that :mod:`dnn_course.theory` knows, or an activation of your own.
        depth: number of layers, L.
        weights: given a generator and the width n, returns a weight matrix of shape (n, n).
        width: units a layer, n.
        n_inputs: inputs that are sent through each network.
        seeds: one network each.

    Returns:
        A row for each ``signal`` ("activations" or "gradients"), ``layer`` and ``share``: ``size`` is that below which
        that share of the absolute values lies.

    Raises:
        ValueError: if ``depth`` is not at least 1, or the weights do not have the shape (n, n).

    >>> table = untrained_signals("tanh", depth=2, weights=lambda rng, n: rng.normal(0, n**-0.5, (n, n)))
    >>> table.groupby("signal")["layer"].max().to_dict()
    {'activations': 2, 'gradients': 2}
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    phi = get_activation(activation)
    networks = [_through(phi, depth, weights, width, n_inputs, np.random.default_rng(seed)) for seed in seeds]
    rows = []
    for signal, of_networks in zip(("activations", "gradients"), zip(*networks, strict=True), strict=True):
        for layer, arrays in enumerate(zip(*of_networks, strict=True), 1):
            sizes = np.abs(np.concatenate(arrays))
            for share, size in zip(_SHARES, np.percentile(sizes[sizes > 0], _SHARES), strict=True):
                rows.append({"signal": signal, "layer": layer, "share": f"{share} % are smaller", "size": size})
    return pd.DataFrame(rows)


def _through(
    phi: Activation,
    depth: int,
    weights: Callable[[np.random.Generator, int], Array],
    width: int,
    n_inputs: int,
    rng: np.random.Generator,
) -> tuple[list[Array], list[Array]]:
    """Activations and gradients of one network, by layer, upwards."""
    h = rng.standard_normal((n_inputs, width))
    matrices, slopes, activations = [], [], []
    for _ in range(depth):
        matrix = weights(rng, width)
        if matrix.shape != (width, width):
            raise ValueError(f"weights gave a matrix of shape {matrix.shape}, where {(width, width)} is needed")
        z = h @ matrix
        h = phi(z)
        matrices.append(matrix)
        slopes.append(phi.derivative(z))
        activations.append(h)
    gradients, g = [], rng.standard_normal((n_inputs, width))
    for matrix, slope in zip(reversed(matrices), reversed(slopes), strict=True):
        g = g * slope
        gradients.append(g)
        g = g @ matrix.T
    return activations, gradients[::-1]
