r"""Closed forms and quadratures of one random layer: rules of initialization, activations and their gains.

A unit of a wide layer sums many independent terms, so its pre-activation is Gaussian, and what the layer does
to a signal is an expectation over :math:`z \sim N(0, 1)`. :mod:`dnn_course.mean_field` goes on to deep
networks. Pure NumPy and SciPy: nothing is trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfc, expit, ndtr

Array = NDArray[np.float64]


def check_positive(**values: float) -> None:
    """Raise a ``ValueError`` that names the first of ``values`` that is not a positive finite number."""
    for name, value in values.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be a positive number, not {value!r}")


def glorot_std(fan_in: int, fan_out: int) -> float:
    r"""Standard deviation of Glorot's rule, :math:`\sigma = \sqrt{2 / (n_\mathrm{in} + n_\mathrm{out})}`.

    A linear layer keeps the variance of activations with :math:`1/n_\mathrm{in}`, that of gradients with
    :math:`1/n_\mathrm{out}`; this is the compromise {cite:p}`glorot2010understanding` (eq. 12).

    Raises:
        ValueError: if a fan is not positive.

    >>> glorot_std(300, 100)
    0.07071067811865475
    """
    check_positive(fan_in=fan_in, fan_out=fan_out)
    return math.sqrt(2 / (fan_in + fan_out))


def he_std(fan_in: int, *, negative_slope: float = 0.0) -> float:
    r"""Standard deviation of He's rule, :math:`\sigma = \sqrt{2 / ((1 + a^2)\, n_\mathrm{in})}`.

    With weights of this spread a layer of (leaky) ReLU units keeps the second moment of its input, so a
    signal neither dies nor explodes with depth {cite:p}`he2015delving` (eq. 10 and 15). ``negative_slope`` is
    :math:`a`, the slope of the activation below zero; 0 for ReLU.

    Raises:
        ValueError: if ``fan_in`` is not positive.

    >>> he_std(200)
    0.1
    """
    check_positive(fan_in=fan_in)
    return math.sqrt(2 / ((1 + negative_slope**2) * fan_in))


def lecun_std(fan_in: int) -> float:
    r"""Standard deviation of LeCun's rule, :math:`\sigma = \sqrt{1 / n_\mathrm{in}}`.

    Keeps the variance through a linear layer {cite:p}`lecun1998efficient` (eq. 16). SELU is made for it.

    Raises:
        ValueError: if ``fan_in`` is not positive.

    >>> lecun_std(100)
    0.1
    """
    check_positive(fan_in=fan_in)
    return math.sqrt(1 / fan_in)


def uniform_limit(std: float) -> float:
    r"""Limit :math:`r = \sqrt{3}\,\sigma` of the uniform distribution on :math:`[-r, r]` of spread ``std``.

    Raises:
        ValueError: if ``std`` is not positive.

    >>> round(uniform_limit(glorot_std(300, 100)), 4)  # the square root of 6/400
    0.1225
    """
    check_positive(std=std)
    return math.sqrt(3) * std


# With these, zero mean and unit variance are a fixed point of SELU (Klambauer et al. 2017, eq. 14).
SELU_ALPHA = -math.sqrt(2 / math.pi) / (erfc(math.sqrt(0.5)) * math.exp(0.5) - 1)
_SELU_TAIL = math.exp(2) * ndtr(-2.0) - 2 * math.exp(0.5) * ndtr(-1.0) + 0.5  # E[(eᶻ − 1)²; z < 0]
SELU_SCALE = 1 / math.sqrt(0.5 + SELU_ALPHA**2 * _SELU_TAIL)


@dataclass(frozen=True)
class Activation:
    """An activation function and its derivative, both elementwise; call it to apply it.

    The quadratures below are exact to about 1e-10 when both are smooth except at zero.

    >>> ACTIVATIONS["relu"](np.array([-1.0, 2.0])), ACTIVATIONS["relu"].derivative(np.array([-1.0, 2.0]))
    (array([0., 2.]), array([0., 1.]))
    """

    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]

    def __call__(self, z: ArrayLike) -> Array:
        """Apply the function to every element."""
        return self.function(np.asarray(z, dtype=np.float64))


def leaky_relu(negative_slope: float) -> Activation:
    """Leaky ReLU of a given slope below zero; 0.25 is where PReLU starts in {cite:p}`he2015delving`.

    >>> gain(leaky_relu(0.25)) ** 2  # 2 / (1 + 0.25²)
    1.88235294117...
    """
    return Activation(
        lambda z: np.maximum(z, 0) + negative_slope * np.minimum(z, 0),
        lambda z: np.where(z > 0, 1.0, negative_slope),
    )


def _elu(alpha: float, scale: float) -> Activation:
    return Activation(
        lambda z: scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        lambda z: scale * np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0))),
    )


def _density(z: Array) -> Array:
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


ACTIVATIONS: dict[str, Activation] = {
    "linear": leaky_relu(1.0),
    "relu": leaky_relu(0.0),
    "leaky_relu": leaky_relu(0.2),
    "elu": _elu(1.0, 1.0),
    "selu": _elu(SELU_ALPHA, SELU_SCALE),
    "gelu": Activation(lambda z: z * ndtr(z), lambda z: ndtr(z) + z * _density(z)),
    "silu": Activation(lambda z: z * expit(z), lambda z: expit(z) * (1 + z * expit(-z))),
    "sigmoid": Activation(expit, lambda z: expit(z) * expit(-z)),
    "tanh": Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "softsign": Activation(lambda z: z / (1 + np.abs(z)), lambda z: 1 / (1 + np.abs(z)) ** 2),
}
"""The activations by name, as Keras understands the name: leaky ReLU has slope 0.2, GELU is exact."""


def get_activation(activation: str | Activation) -> Activation:
    """The activation of that name, or the activation itself; ``ValueError`` if the name is not known."""
    if isinstance(activation, Activation):
        return activation
    if activation not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ValueError(f"unknown activation {activation!r}; known are {known}, or give an Activation")
    return ACTIVATIONS[activation]


def _gaussian_rule() -> tuple[Array, Array]:
    # Gauss-Legendre on panels that meet at 0, where ReLU has its kink, and shrink towards it, because
    # tanh(√q z) is steep there when q is large.
    edges = np.concatenate([[0.0], np.geomspace(2.0**-12, 1, 13), np.arange(2.0, 14)])
    x, w = leggauss(20)
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    above, weights = (middle + half * x).ravel(), (half * w).ravel()
    nodes = np.concatenate([-above[::-1], above])
    return nodes, np.concatenate([weights[::-1], weights]) * _density(nodes)


NODES, WEIGHTS = _gaussian_rule()


def gaussian_mean(f: Callable[[Array], Array], q: float = 1.0) -> float:
    r""":math:`E[f(\sqrt{q}\, z)]` for :math:`z \sim N(0, 1)`, by quadrature (the limit at ``q = 0``).

    Raises:
        ValueError: if ``q`` is negative.

    >>> round(gaussian_mean(ACTIVATIONS["gelu"]), 6)  # 1 / (2√π)
    0.282095
    """
    if not q >= 0:
        raise ValueError(f"q is a variance and cannot be {q!r}")
    return float(WEIGHTS @ f(math.sqrt(max(q, 1e-30)) * NODES))


def second_moment(activation: str | Activation, q: float = 1.0) -> float:
    r"""Second moment :math:`E[f(\sqrt{q}\, z)^2]` of a unit whose pre-activation has variance ``q``.

    Raises:
        ValueError: if the activation is not known or ``q`` is negative.

    >>> round(second_moment("relu"), 12)
    0.5
    """
    f = get_activation(activation)
    return gaussian_mean(lambda z: f(z) ** 2, q)


def gain(activation: str | Activation) -> float:
    r"""The gain :math:`g = 1 / \sqrt{E[f(z)^2]}` of an activation.

    Weights of spread :math:`g / \sqrt{n_\mathrm{in}}` keep pre-activations at variance 1.

    Raises:
        ValueError: if the activation is not known.

    >>> round(gain("tanh"), 5)
    1.59254
    """
    return 1 / math.sqrt(second_moment(activation))


def mean_singular_value(std: float, n: int) -> float:
    r"""Mean singular value :math:`\frac{8}{3\pi}\, \sigma \sqrt{n}` of an ``n`` by ``n`` random matrix.

    The mean of the quarter-circle law, the limit of large ``n``, whatever the distribution of the independent
    entries. Such a matrix is the Jacobian of a layer of tanh units in their linear part, which
    {cite:p}`glorot2010understanding` measured (section 4.2.1).

    Raises:
        ValueError: if an argument is not positive.

    >>> round(mean_singular_value(glorot_std(1000, 1000), 1000), 3)
    0.849
    """
    check_positive(std=std, n=n)
    return 8 / (3 * math.pi) * std * math.sqrt(n)


def log_moment_variance(layers: int, width: int) -> float:
    r"""Variance :math:`5 L / n` of the logarithm of a ReLU network's second moment.

    He's rule keeps the second moment on average over networks, and one network of finite width wanders from
    it. A layer multiplies it by the mean over ``width`` units of :math:`2 \max(z, 0)^2`, whose mean is 1 and
    variance :math:`4 \cdot \tfrac{3}{2} - 1 = 5`; the logarithms of ``layers`` such factors add up. First
    order in :math:`1/n`.

    Raises:
        ValueError: if an argument is not positive.

    >>> log_moment_variance(layers=20, width=50)
    2.0
    """
    check_positive(layers=layers, width=width)
    return 5 * layers / width
