"""The phase diagram of deep random networks, and the exact statements the course makes about depth."""

import math

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.stats import norm

from dnn_course.mean_field import (
    chi_1,
    correlation_fixed_point,
    correlation_map,
    critical_line,
    depth_scale,
    relu_cosine_map,
    variance_fixed_point,
)
from dnn_course.theory import ACTIVATIONS, Activation, gain, gaussian_mean, leaky_relu, second_moment

CRITICAL_TANH = {0.0: 1.0, 0.01: 1.42421, 0.05: 1.76095, 0.1: 1.98607, 0.2: 2.28515, 0.5: 2.84317}


@pytest.mark.parametrize(("sigma_b2", "sigma_w2"), CRITICAL_TANH.items())
def test_critical_line_of_tanh(sigma_b2, sigma_w2):
    critical = critical_line("tanh", sigma_b2)
    assert critical == pytest.approx(sigma_w2, abs=6e-6)
    assert chi_1("tanh", critical, variance_fixed_point("tanh", critical, sigma_b2)) == pytest.approx(1, abs=1e-9)
    assert depth_scale("tanh", critical, sigma_b2) == math.inf


def test_variance_on_the_critical_line():
    assert variance_fixed_point("tanh", critical_line("tanh", 0.05), 0.05) == pytest.approx(0.5700, abs=5e-5)


@pytest.mark.parametrize(("slope", "critical"), [(0.0, 2.0), (0.25, 2 / 1.0625), (1.0, 1.0)])
def test_critical_line_of_leaky_relu_is_he(slope, critical):
    assert critical_line(leaky_relu(slope), 0.0) == pytest.approx(critical, rel=1e-12)


@pytest.mark.parametrize(("sigma_w2", "six_scales"), [(0.6, 8.9), (1.0, 21.8), (2.5, 70.8), (4.0, 41.9)])
def test_six_depth_scales(sigma_w2, six_scales):
    assert 6 * depth_scale("tanh", sigma_w2, 0.05) == pytest.approx(six_scales, abs=0.05)


def test_depth_scale_near_the_critical_line_is_beyond_any_network():
    assert depth_scale("tanh", 1.761, 0.05) > 1e4


def test_depth_scale_of_a_dying_signal():
    # q* = 0: tanh is linear there, and a layer shrinks everything by σ_w².
    assert variance_fixed_point("tanh", 0.5, 0.0) == 0
    assert correlation_fixed_point("tanh", 0.5, 0.0) == 1
    assert depth_scale("tanh", 0.5, 0.0) == pytest.approx(1 / math.log(2), rel=1e-9)


@pytest.mark.parametrize("start", [0.2, 1.0, 5.0])
@pytest.mark.parametrize(("sigma_w2", "sigma_b2"), [(0.6, 0.05), (2.5, 0.05), (4.0, 0.0)])
def test_variance_fixed_point_is_where_iteration_ends(start, sigma_w2, sigma_b2):
    q = start
    for _ in range(500):
        q = sigma_w2 * second_moment("tanh", q) + sigma_b2
    assert variance_fixed_point("tanh", sigma_w2, sigma_b2) == pytest.approx(q, rel=1e-9)


def test_variance_fixed_point_of_relu_in_closed_form():
    assert variance_fixed_point("relu", 1.5, 0.1) == pytest.approx(0.1 / (1 - 1.5 / 2), rel=1e-12)
    assert variance_fixed_point("relu", 1.5, 2.0) == pytest.approx(8.0, rel=1e-12)
    assert variance_fixed_point("relu", 1.5, 0.0) == 0
    assert variance_fixed_point("relu", 2.0, 0.0) == 1


@pytest.mark.parametrize("c", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("name", ["tanh", "elu"])
def test_correlation_map_agrees_with_a_double_integral(name, c):
    sigma_w2, sigma_b2 = 0.9, 0.2
    f, q = ACTIVATIONS[name], variance_fixed_point(name, sigma_w2, sigma_b2)

    def integrand(y, x):
        u2 = math.sqrt(q) * (c * x + math.sqrt(1 - c**2) * y)
        return float(f(math.sqrt(q) * x)) * float(f(u2)) * norm._pdf(x) * norm._pdf(y)

    expectation = dblquad(integrand, -7, 7, -7, 7, epsabs=1e-6)[0]
    expected = (sigma_w2 * expectation + sigma_b2) / q
    assert correlation_map(c, name, sigma_w2, sigma_b2) == pytest.approx(expected, abs=2e-5)


def test_correlation_map_of_relu_is_the_cosine_map():
    c = np.array([-1.0, -0.9, -0.3, 0.0, 0.5, 0.95, 1.0])
    np.testing.assert_allclose(correlation_map(c, "relu", 2.0, 0.0), relu_cosine_map(c), atol=1e-10)


@pytest.mark.parametrize(("sigma_w2", "sigma_b2"), [(2.5, 0.05), (4.0, 0.05), (3.0, 0.1)])
def test_correlation_fixed_point_is_where_iteration_ends(sigma_w2, sigma_b2):
    c = 0.99
    for _ in range(300):
        c = float(correlation_map(c, "tanh", sigma_w2, sigma_b2))
    assert correlation_fixed_point("tanh", sigma_w2, sigma_b2) == pytest.approx(c, abs=1e-6)


def test_depth_scale_is_the_rate_at_which_correlations_converge():
    sigma_w2, sigma_b2 = 2.5, 0.05
    fixed = correlation_fixed_point("tanh", sigma_w2, sigma_b2)
    step = 1e-4
    shrunk = float(correlation_map(fixed + step, "tanh", sigma_w2, sigma_b2)) - fixed
    assert depth_scale("tanh", sigma_w2, sigma_b2) == pytest.approx(-1 / math.log(shrunk / step), rel=1e-3)


def test_a_deep_wide_tanh_network_reaches_both_fixed_points():
    rng, n, sigma_w2, sigma_b2 = np.random.default_rng(2), 400, 4.0, 0.05
    x = rng.standard_normal((2, n))
    h, moments = np.stack([x[0], 0.9 * x[0] + math.sqrt(1 - 0.81) * x[1]]), []
    for _ in range(200):
        bias = rng.normal(0, math.sqrt(sigma_b2), n)
        h = np.tanh(h) @ rng.normal(0, math.sqrt(sigma_w2 / n), (n, n)) + bias
        moments.append(h @ h.T / n)
    # One layer of 400 units strays by a few percent; the mean over the layers past the input, by less.
    (q, covariance), _ = np.mean(moments[40:], axis=0)
    assert q == pytest.approx(variance_fixed_point("tanh", sigma_w2, sigma_b2), rel=0.03)
    assert covariance / q == pytest.approx(correlation_fixed_point("tanh", sigma_w2, sigma_b2), abs=0.05)


@pytest.mark.parametrize(("layers", "cosine"), [(0, 0), (1, 0.3183), (5, 0.7359), (10, 0.8715), (50, 0.9879)])
def test_relu_cosine_map(layers, cosine):
    assert relu_cosine_map(0.0, layers) == pytest.approx(cosine, abs=6e-5)


def test_relu_cosine_map_at_the_ends():
    np.testing.assert_allclose(relu_cosine_map([-1.0, 1.0]), [0.0, 1.0], atol=1e-15)
    assert relu_cosine_map(1.0, layers=1000) == 1.0


def test_selu_gradients_grow_by_seven_percent_a_layer():
    rng, n, layers = np.random.default_rng(0), 256, 100
    selu, h, passed = ACTIVATIONS["selu"], rng.standard_normal((64, n)), []
    for _ in range(layers):
        w = rng.normal(0, math.sqrt(1 / n), (n, n))
        passed.append((w, h))
        h = selu(h) @ w
    g = rng.standard_normal((64, n))
    start = (g**2).mean()
    for w, h in reversed(passed):
        g = (g @ w.T) * selu.derivative(h)
    assert ((g**2).mean() / start) ** (1 / layers) == pytest.approx(chi_1("selu", 1.0), abs=0.01)
    assert chi_1("selu", 1.0) == pytest.approx(1.0716, abs=5e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chi_1("tanh", 0.0), "sigma_w2 must be a positive number, not 0.0"),
        (lambda: chi_1("tann", 1.0), "unknown activation 'tann'"),
        (lambda: variance_fixed_point("tanh", -1.0, 0.0), "sigma_w2 must be"),
        (lambda: variance_fixed_point("tanh", 1.0, -0.1), "sigma_b2 must be zero or a positive number"),
        (lambda: variance_fixed_point("relu", 2.1, 0.0), "no fixed point: .*take a smaller sigma_w2"),
        (lambda: variance_fixed_point("relu", 2.0, 0.1), "no fixed point"),
        (lambda: critical_line("relu", 0.1), "no sigma_w2 is critical for relu"),
        (lambda: critical_line("tanh", math.nan), "sigma_b2 must be"),
        (lambda: correlation_map(0.5, "tanh", 0.5, 0.0), "no correlation: .*the signal dies out"),
        (lambda: correlation_map(1.5, "tanh", 2.0, 0.0), "a correlation lies between -1 and 1, got 1.5"),
        (lambda: relu_cosine_map(-2.0), "a correlation lies between"),
        (lambda: relu_cosine_map(0.0, layers=-1), "layers must not be negative"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Batch normalization: exact statements, checked where every derivative is written out.


def batch_norm(h, epsilon=0.0):
    return (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + epsilon)


def batch_norm_backward(gradient, h):
    """Gradient with respect to ``h`` of the batch norm of ``h``, given that with respect to its output."""
    z = batch_norm(h)
    return (gradient - gradient.mean(axis=0) - z * (gradient * z).mean(axis=0)) / h.std(axis=0)


@pytest.fixture
def layer():
    rng = np.random.default_rng(7)
    x, w, target = rng.standard_normal((32, 6)), rng.standard_normal((6, 4)), rng.standard_normal((32, 4))

    def loss_gradient(w):
        output = np.tanh(batch_norm(x @ w))
        return x.T @ batch_norm_backward((output - target) * (1 - output**2), x @ w)

    return x, w, target, loss_gradient


def test_batch_norm_ignores_the_scale_of_the_weights(layer):
    x, w, _, _ = layer
    np.testing.assert_allclose(batch_norm(x @ (7.3 * w)), batch_norm(x @ w), rtol=1e-12, atol=1e-13)


def test_a_bias_before_batch_norm_is_redundant(layer):
    x, w, _, _ = layer
    np.testing.assert_allclose(batch_norm(x @ w + np.arange(4.0)), batch_norm(x @ w), atol=1e-13)


def test_the_gradient_written_out_is_the_gradient(layer):
    x, w, target, loss_gradient = layer
    numeric = np.zeros_like(w)
    for index in np.ndindex(*w.shape):
        shift = np.zeros_like(w)
        shift[index] = 1e-6
        above, below = (0.5 * ((np.tanh(batch_norm(x @ (w + s))) - target) ** 2).sum() for s in (shift, -shift))
        numeric[index] = (above - below) / 2e-6
    np.testing.assert_allclose(loss_gradient(w), numeric, atol=1e-7)


def test_the_gradient_is_orthogonal_to_weights_before_batch_norm(layer):
    _, w, _, loss_gradient = layer
    gradient = loss_gradient(w)
    assert np.linalg.norm(gradient) > 1
    np.testing.assert_allclose((w * gradient).sum(axis=0), 0, atol=1e-12)  # for every unit by itself


def test_the_gradient_shrinks_as_the_weights_grow(layer):
    _, w, _, loss_gradient = layer
    np.testing.assert_allclose(loss_gradient(5.0 * w), loss_gradient(w) / 5.0, rtol=1e-9, atol=1e-12)


def test_batch_norm_output_variance(layer):
    x, w, _, _ = layer
    variance, epsilon = (x @ w).var(axis=0), 0.5
    np.testing.assert_allclose(batch_norm(x @ w, epsilon).var(axis=0), variance / (variance + epsilon), rtol=1e-12)


def batch_norm_growth(name):
    """Growth of squared gradients through a wide layer and its batch norm, large batch: E[f'²] / Var f."""
    f = ACTIVATIONS[name]
    return gaussian_mean(lambda z: f.derivative(z) ** 2) / (second_moment(f) - gaussian_mean(f) ** 2)


@pytest.mark.parametrize(("name", "growth"), [("relu", math.pi / (math.pi - 1)), ("linear", 1.0), ("tanh", 1.17781)])
def test_batch_norm_makes_gradients_grow(name, growth):
    assert batch_norm_growth(name) == pytest.approx(growth, abs=5e-6)


def test_batch_norm_growth_of_relu_is_the_published_one():
    assert math.pi / (math.pi - 1) == pytest.approx(1.4669, abs=5e-5)


# The excess over the quadrature is that of a batch of 128.
@pytest.mark.parametrize(
    ("name", "low", "high"), [("relu", 1.465, 1.485), ("linear", 0.985, 1.02), ("tanh", 1.185, 1.205)]
)
def test_gradients_grow_in_a_batch_normalized_network(name, low, high):
    rng, n, batch, layers, f = np.random.default_rng(0), 500, 128, 30, ACTIVATIONS[name]
    h, passed = rng.standard_normal((batch, n)), []
    for _ in range(layers):
        w = rng.standard_normal((n, n)) / math.sqrt(n)
        passed.append((w, h @ w))
        h = f(batch_norm(h @ w))
    g, squares = rng.standard_normal((batch, n)), []
    for w, pre_activation in reversed(passed):
        g = batch_norm_backward(g * f.derivative(batch_norm(pre_activation)), pre_activation) @ w.T
        squares.append((g**2).mean())
    # The last layers, whose gradient has not met its stationary direction yet, are left out.
    assert low < (squares[25] / squares[10]) ** (1 / 15) < high


# Clipping: exact statements.


def steps_down_2cosh(step_size, limit=50_000):
    """Steps of gradient descent on f(x) = 2 cosh x from 10 until |f'| < 1e-6; None if it diverges."""
    x = 10.0
    for step in range(limit):
        gradient = 2 * math.sinh(x)
        if abs(gradient) < 1e-6:
            return step
        x -= step_size(gradient) * gradient
        if abs(x) > 700:
            return None
    raise AssertionError("neither converged nor diverged")


def test_2cosh_is_smooth_in_the_relaxed_sense():
    # f'' = 2 cosh x = √(4 + f'²) ≤ 2 + |f'|, although f'' has no bound.
    x = np.linspace(-20, 20, 401)
    assert np.all(2 * np.cosh(x) <= 2 + np.abs(2 * np.sinh(x)))


def test_clipped_descent_needs_39_steps_where_a_fixed_step_needs_thousands_or_diverges():
    assert steps_down_2cosh(lambda g: min(0.25, 0.5 / abs(g))) == 39
    assert steps_down_2cosh(lambda g: 2e-4) == 37_978
    assert steps_down_2cosh(lambda g: 1e-3) is None


def test_bifurcations_of_the_one_unit_rnn():
    # x = w σ(x) + b has a double root where w σ'(x) = 1, so σ = (1 ± √(1 − 4/w)) / 2 and b = logit σ − w σ.
    w = 5.0
    s = (1 + np.array([-1, 1]) * math.sqrt(1 - 4 / w)) / 2
    upper, lower = np.log(s / (1 - s)) - w * s
    assert upper == pytest.approx(-2.344, abs=5e-4)
    assert lower == pytest.approx(-2.656, abs=5e-4)

    def fixed_points(b):
        x = np.linspace(-15, 15, 30_001)
        return int((np.diff(np.sign(w * ACTIVATIONS["sigmoid"](x) + b - x)) != 0).sum())

    assert [fixed_points(b) for b in (upper + 0.01, upper - 0.01, lower + 0.01, lower - 0.01)] == [1, 3, 3, 1]


def test_an_activation_of_ones_own():
    identity = Activation(lambda z: z, np.ones_like)
    assert chi_1(identity, 0.9) == pytest.approx(0.9, rel=1e-12)
    assert depth_scale(identity, 0.9, 0.1) == pytest.approx(-1 / math.log(0.9), rel=1e-9)
    assert gain(identity) == pytest.approx(1, rel=1e-12)
