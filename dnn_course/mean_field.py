r"""Mean field of deep random networks: where a signal goes after many layers, and how deep it can be seen.

A wide network of layers :math:`h = W f(h') + b` fresh from initialization, with weights :math:`W_{ij} \sim
N(0, \sigma_w^2 / n_\mathrm{in})` and biases :math:`b_i \sim N(0, \sigma_b^2)`. Layer by layer, the variance
of a pre-activation and the correlation of two inputs' pre-activations follow

.. math::
    q &\leftarrow \sigma_w^2\, E[f(\sqrt{q}\, z)^2] + \sigma_b^2, \\
    c &\leftarrow (\sigma_w^2\, E[f(u_1) f(u_2)] + \sigma_b^2) / q,

where :math:`z \sim N(0, 1)` and :math:`u_1, u_2` are Gaussian with variance :math:`q` and correlation
:math:`c` {cite:p}`poole2016exponential,schoenholz2017deep`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from dnn_course.theory import (
    NODES,
    WEIGHTS,
    Activation,
    Array,
    check_positive,
    gaussian_mean,
    get_activation,
    second_moment,
)

# χ and q within this of 1 count as 1: closer is rounding, and a depth beyond a billion layers is infinite.
_TOLERANCE = 1e-9


def _check(sigma_w2: float, sigma_b2: float) -> None:
    check_positive(sigma_w2=sigma_w2)
    if not (sigma_b2 >= 0 and math.isfinite(sigma_b2)):
        raise ValueError(f"sigma_b2 must be zero or a positive number, not {sigma_b2!r}")


def chi_1(activation: str | Activation, sigma_w2: float, q: float = 1.0) -> float:
    r"""Growth of a squared gradient through one layer, :math:`\chi_1 = \sigma_w^2\, E[f'(\sqrt{q}\, z)^2]`.

    Below 1 gradients vanish with depth, above 1 they explode {cite:p}`schoenholz2017deep`.

    Raises:
        ValueError: if the activation is not known, ``sigma_w2`` not positive or ``q`` negative.

    >>> from dnn_course.theory import gain
    >>> round(chi_1("tanh", gain("tanh") ** 2), 4)
    1.1778
    """
    check_positive(sigma_w2=sigma_w2)
    derivative = get_activation(activation).derivative
    return sigma_w2 * gaussian_mean(lambda z: derivative(z) ** 2, q)


def variance_fixed_point(activation: str | Activation, sigma_w2: float, sigma_b2: float) -> float:
    r"""The variance :math:`q^*` of a deep layer's pre-activations, where the first layer's is 1.

    Zero if the signal dies out. With He's rule for ReLU every variance is a fixed point, and the answer is 1.

    Raises:
        ValueError: if the activation is not known, ``sigma_w2`` is not positive, ``sigma_b2`` is negative, or
            the variance grows without bound.

    >>> round(variance_fixed_point("tanh", 1.76095, 0.05), 3)
    0.57
    """
    _check(sigma_w2, sigma_b2)

    def growth(q: float) -> float:
        return sigma_w2 * second_moment(activation, q) + sigma_b2 - q

    # The map is increasing, so from 1 the variance moves one way, to the first fixed point it meets.
    if abs(growth(1.0)) < _TOLERANCE:
        return 1.0
    factor = 2.0 if growth(1.0) > 0 else 0.5
    q = 1.0
    while growth(q) * growth(q * factor) > 0:
        q *= factor
        if q < 1e-12:
            return 0.0
        if q > 1e12:
            raise ValueError(
                f"no fixed point: with sigma_w2={sigma_w2:g} and sigma_b2={sigma_b2:g} the variance of "
                f"{activation} layers grows without bound; take a smaller sigma_w2"
            )
    return float(brentq(growth, q, q * factor, xtol=1e-15, rtol=1e-14))


def critical_line(activation: str | Activation, sigma_b2: float) -> float:
    r"""The :math:`\sigma_w^2` at which :math:`\chi_1(q^*) = 1`, where a signal passes through any depth.

    With a smaller :math:`\sigma_w^2` all inputs become alike with depth and gradients vanish; with a larger
    one neighbours are torn apart and gradients explode {cite:p}`schoenholz2017deep` (figure 1).

    Raises:
        ValueError: if the activation is not known, ``sigma_b2`` is negative, or no :math:`\sigma_w^2` is
            critical, as for ReLU with any bias.

    >>> round(critical_line("tanh", 0.05), 5), round(critical_line("relu", 0.0), 5)
    (1.76095, 2.0)
    """
    _check(1.0, sigma_b2)

    # On the line q* decides both variances: χ₁ = 1 gives that of the weights, then q = q* that of the biases.
    # So look for the q* that gives ours.
    def excess(q: float) -> float:
        return q - second_moment(activation, q) / chi_1(activation, 1.0, q) - sigma_b2

    if abs(excess(0.0)) < 1e-12:
        return 1 / chi_1(activation, 1.0, 0.0)
    for low, high in pairwise([0.0, *np.geomspace(1e-6, 1e4, 101)]):
        if excess(low) < -_TOLERANCE and excess(high) >= 0:
            return 1 / chi_1(activation, 1.0, brentq(excess, low, high, xtol=1e-15, rtol=1e-14))
    raise ValueError(f"no sigma_w2 is critical for {activation} with sigma_b2={sigma_b2:g}; take a smaller one")


def _hermite_functions(count: int) -> Array:
    # Orthonormal under N(0, 1): E[h_j(z) h_k(z)] = 1 if j = k, else 0. Rows are the polynomials at the nodes.
    rows = [np.ones_like(NODES), NODES]
    for k in range(1, count - 1):
        rows.append((NODES * rows[k] - math.sqrt(k) * rows[k - 1]) / math.sqrt(k + 1))
    return np.stack(rows)


_HERMITE = _hermite_functions(400)


def _covariance_series(activation: str | Activation, q: float) -> Array:
    # Mehler's formula: E[f(u₁) f(u₂)] is the power series in c of coefficients E[f(√q z) h_k(z)]².
    values = get_activation(activation)(math.sqrt(q) * NODES)
    squares = (_HERMITE @ (WEIGHTS * values)) ** 2
    # What the cut series leaves out goes to one last term, so that c = 1 still gives E[f²].
    return np.append(squares, max(0.0, second_moment(activation, q) - squares.sum()))


def _cosine(c: ArrayLike) -> Array:
    cosine = np.asarray(c, dtype=np.float64)
    if not np.all(np.abs(cosine) <= 1):
        raise ValueError(f"a correlation lies between -1 and 1, got {c!r}")
    return cosine


def correlation_map(c: ArrayLike, activation: str | Activation, sigma_w2: float, sigma_b2: float) -> Array:
    r"""Correlation of two inputs' pre-activations one layer on, where both have the variance :math:`q^*`.

    Raises:
        ValueError: if a correlation is outside [-1, 1], the signal dies out (:math:`q^* = 0`), or for the
            reasons of :func:`variance_fixed_point`.

    >>> correlation_map([0.0, 0.5, 1.0], "relu", 2.0, 0.0).round(4)
    array([0.3183, 0.609 , 1.    ])
    """
    cosine = _cosine(c)
    q = variance_fixed_point(activation, sigma_w2, sigma_b2)
    if q == 0:
        raise ValueError(f"no correlation: with {sigma_w2=:g} and {sigma_b2=:g} the signal dies out")
    return np.asarray((sigma_w2 * polyval(cosine, _covariance_series(activation, q)) + sigma_b2) / q)


def correlation_fixed_point(activation: str | Activation, sigma_w2: float, sigma_b2: float) -> float:
    r"""The correlation :math:`c^*` of any two inputs in a deep layer: 1 in the ordered phase, less in chaos.

    Raises:
        ValueError: for the reasons of :func:`variance_fixed_point`.

    >>> correlation_fixed_point("tanh", 1.0, 0.05), round(correlation_fixed_point("tanh", 4.0, 0.05), 3)
    (1.0, 0.165)
    """
    q = variance_fixed_point(activation, sigma_w2, sigma_b2)
    if chi_1(activation, sigma_w2, q) <= 1 + _TOLERANCE:
        return 1.0
    # The series has no negative coefficient, so the map is convex, and meets the diagonal once below 1.
    series = _covariance_series(activation, q)

    def gap(c: float) -> float:
        return float((sigma_w2 * polyval(c, series) + sigma_b2) / q - c)

    return float(brentq(gap, 0.0, 1 - _TOLERANCE)) if gap(1 - _TOLERANCE) < 0 else 1.0


def depth_scale(activation: str | Activation, sigma_w2: float, sigma_b2: float) -> float:
    r"""Layers :math:`\xi_c = -1 / \log \chi(c^*)` over which two inputs' correlation approaches :math:`c^*`.

    Here :math:`\chi(c^*) = \sigma_w^2\, E[f'(u_1) f'(u_2)]`. Deeper than about :math:`6\, \xi_c` the output
    no longer tells inputs apart, and the network does not train {cite:p}`schoenholz2017deep`. Infinite on the
    critical line.

    Raises:
        ValueError: for the reasons of :func:`variance_fixed_point`.

    >>> round(6 * depth_scale("tanh", 2.5, 0.05), 1)
    70.8
    """
    q = variance_fixed_point(activation, sigma_w2, sigma_b2)
    c = correlation_fixed_point(activation, sigma_w2, sigma_b2)
    if c == 1.0:
        chi = chi_1(activation, sigma_w2, q)
    else:
        series = _covariance_series(activation, q)
        chi = sigma_w2 / q * float(polyval(c, series[1:] * np.arange(1, len(series))))
    return math.inf if abs(chi - 1) < _TOLERANCE else -1 / math.log(chi)


def relu_cosine_map(c: ArrayLike, layers: int = 1) -> Array:
    r"""Cosine between two inputs after ``layers`` wide ReLU layers, from the cosine ``c`` before them.

    One layer takes :math:`c` to :math:`(\sqrt{1 - c^2} + (\pi - \arccos c)\, c) / \pi`, whatever the spread
    of the weights (Cho and Saul 2009, eq. 6): all inputs slowly become alike.

    Raises:
        ValueError: if ``c`` is outside [-1, 1] or ``layers`` is negative.

    >>> [float(relu_cosine_map(0.0, layers).round(4)) for layers in (1, 5, 50)]
    [0.3183, 0.7359, 0.9879]
    """
    cosine = _cosine(c)
    if layers < 0:
        raise ValueError(f"layers must not be negative, got {layers}")
    for _ in range(layers):
        angle = np.arccos(cosine)
        cosine = np.minimum(1.0, (np.sin(angle) + (np.pi - angle) * cosine) / np.pi)
    return cosine
