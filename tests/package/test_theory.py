"""Closed forms and quadratures of one random layer, against published values and against another method."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, truncnorm

from dnn_course import theory
from dnn_course.theory import ACTIVATIONS, Activation, gain, gaussian_mean, leaky_relu, second_moment

PRELU = leaky_relu(0.25)


def adaptive_mean(f):
    """E[f(z)] by adaptive quadrature: a method that shares nothing with the package's."""
    parts = [quad(lambda z: f(z) * norm.pdf(z), a, b, epsabs=1e-13)[0] for a, b in ((-np.inf, 0), (0, np.inf))]
    return sum(parts)


def test_glorot_balances_the_two_fans():
    assert theory.glorot_std(784, 300) == pytest.approx(0.0429537, rel=1e-5)
    assert theory.glorot_std(300, 784) == theory.glorot_std(784, 300)


def test_glorot_uniform_limit_is_the_published_one():
    assert theory.uniform_limit(theory.glorot_std(300, 100)) == pytest.approx(math.sqrt(6 / 400), rel=1e-15)


def test_uniform_limit_gives_the_standard_deviation_asked_for():
    limit = theory.uniform_limit(0.3)
    samples = np.random.default_rng(0).uniform(-limit, limit, 200_000)
    assert samples.std() == pytest.approx(0.3, rel=0.01)


@pytest.mark.parametrize(("slope", "variance"), [(0.0, 2 / 50), (0.25, 1.882353 / 50), (1.0, 1 / 50)])
def test_he(slope, variance):
    assert theory.he_std(50, negative_slope=slope) ** 2 == pytest.approx(variance, rel=1e-6)


def test_lecun_variance_is_one_over_fan_in():
    assert theory.lecun_std(50) ** 2 == pytest.approx(0.02, rel=1e-15)


@pytest.mark.parametrize(("fan_in", "fan_out", "ratio"), [(784, 300, 1.446), (100, 10, 1.818)])
def test_factor_2_over_the_average_fan_is_not_he(fan_in, fan_out, ratio):
    variance = 2 * theory.glorot_std(fan_in, fan_out) ** 2  # scale 2 over (fan_in + fan_out) / 2
    assert variance / theory.he_std(fan_in) ** 2 == pytest.approx(ratio, abs=5e-4)


def test_a_normal_cut_at_two_deviations_is_narrower():
    assert truncnorm.std(-2, 2) == pytest.approx(0.8796, abs=5e-5)


GAINS = {  # E[f²], its inverse, gain, χ₁ there
    "relu": (ACTIVATIONS["relu"], 0.5, 2, 1.41421, 1),
    "leaky_relu 0.2": (ACTIVATIONS["leaky_relu"], 1.04 / 2, 2 / 1.04, 1.38675, 1),
    "prelu 0.25": (PRELU, 0.53125, 1.88235, 1.37199, 1),
    "elu": (ACTIVATIONS["elu"], 0.644945, 1.55052, 1.24520, 1.0359),
    "gelu": (ACTIVATIONS["gelu"], 0.425221, 2.35172, 1.53353, 1.0720),
    "silu": (ACTIVATIONS["silu"], 0.355776, 2.81076, 1.67653, 1.0666),
    "tanh": (ACTIVATIONS["tanh"], 0.394294, 2.53618, 1.59254, 1.1778),
    "softsign": (ACTIVATIONS["softsign"], 0.183014, 5.46406, 2.33753, 1.2440),
    "sigmoid": (ACTIVATIONS["sigmoid"], 0.293379, 3.40856, 1.84623, 0.1528),
    "selu": (ACTIVATIONS["selu"], 1, 1, 1, 1.0716),
}


@pytest.mark.parametrize(("f", "moment", "variance", "published_gain", "chi"), GAINS.values(), ids=GAINS)
def test_gain_table(f, moment, variance, published_gain, chi):
    assert second_moment(f) == pytest.approx(moment, abs=6e-7)
    assert gain(f) ** 2 == pytest.approx(variance, abs=6e-6)
    assert gain(f) == pytest.approx(published_gain, abs=6e-6)
    assert gain(f) ** 2 * gaussian_mean(lambda z: f.derivative(z) ** 2) == pytest.approx(chi, abs=6e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("q", [0.01, 1.0, 30.0])
def test_quadrature_agrees_with_an_adaptive_one(name, q):
    f = ACTIVATIONS[name]
    expected = adaptive_mean(lambda z: float(f(math.sqrt(q) * z)) ** 2)
    assert second_moment(name, q) == pytest.approx(expected, rel=1e-9)


def test_quadrature_of_a_steep_function():
    # tanh(√q z)² is nearly 1 except within 1/√q of zero: 1 − √(2/π)/√q to first order.
    assert second_moment("tanh", 1e6) == pytest.approx(1 - math.sqrt(2 / math.pi) * 1e-3, abs=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_the_slope(name):
    f, z, step = ACTIVATIONS[name], np.array([-30.0, -3.0, -1.0, -0.2, 0.3, 1.0, 2.5, 30.0]), 1e-6
    slope = (f(z + step) - f(z - step)) / (2 * step)
    np.testing.assert_allclose(f.derivative(z), slope, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_name_means_what_it_means_to_keras(name):
    keras = pytest.importorskip("keras")
    z = np.linspace(-4, 4, 33, dtype=np.float32)
    expected = np.asarray(keras.activations.get(name)(keras.ops.convert_to_tensor(z)))
    np.testing.assert_allclose(ACTIVATIONS[name](z), expected, rtol=2e-6, atol=2e-6)


def test_mean_of_gelu():
    assert gaussian_mean(ACTIVATIONS["gelu"]) == pytest.approx(1 / (2 * math.sqrt(math.pi)), rel=1e-12)
    assert 1 / (2 * math.sqrt(math.pi)) == pytest.approx(0.282095, abs=5e-7)


def test_tanh_gain_is_not_five_thirds():
    assert abs(gain("tanh") - 5 / 3) > 0.07


def test_lecuns_tanh_passes_through_one():
    assert 1.7159 * ACTIVATIONS["tanh"](2 / 3) == pytest.approx(0.999997, abs=5e-7)


def test_selu_constants():
    alpha_and_scale = (theory.SELU_ALPHA, theory.SELU_SCALE)
    assert alpha_and_scale == pytest.approx((1.6732632423543778, 1.0507009873554805), rel=1e-14)
    product = theory.SELU_ALPHA * theory.SELU_SCALE
    assert product == pytest.approx(1.7580993408, abs=5e-11)


def test_selu_keeps_mean_zero_and_variance_one():
    assert gaussian_mean(ACTIVATIONS["selu"]) == pytest.approx(0, abs=1e-13)
    assert second_moment("selu") == pytest.approx(1, rel=1e-13)


def test_selu_with_he_weights_explodes():
    # He's variance is twice the one that SELU keeps.
    q = 1.0
    for _ in range(100):
        q = 2 * second_moment("selu", q)
    assert math.sqrt(second_moment("selu", q)) == pytest.approx(500, rel=0.05)


def test_glorot_halves_a_relu_signal_each_layer():
    width, layers = 100, 29
    factor = width * theory.glorot_std(width, width) ** 2 * second_moment("relu")
    assert factor == pytest.approx(0.5, rel=1e-12)
    assert math.sqrt(factor**layers) == pytest.approx(2**-14.5, rel=1e-12)
    assert math.sqrt(factor**layers) == pytest.approx(4.3e-5, rel=0.01)


@pytest.mark.parametrize("name", ["relu", "elu", "tanh", "gelu"])
def test_a_wide_random_layer_has_the_second_moment_of_the_formula(name):
    rng = np.random.default_rng(1)
    h = rng.standard_normal((400, 1000))
    weights = rng.standard_normal((1000, 1000)) * gain(name) / math.sqrt(1000)
    z = ACTIVATIONS[name](h) @ weights
    assert (z**2).mean() == pytest.approx(1, rel=0.02)


def test_he_keeps_the_second_moment_and_not_the_variance():
    relu = ACTIVATIONS["relu"]
    he_variance = 100 * theory.he_std(100) ** 2
    assert he_variance * second_moment(relu) == pytest.approx(1, rel=1e-12)
    assert he_variance * (second_moment(relu) - gaussian_mean(relu) ** 2) == pytest.approx(1 - 1 / math.pi, rel=1e-12)


@pytest.mark.parametrize(
    ("std", "closed_form", "published"),
    [
        (1 / math.sqrt(3 * 1000), 8 / (3 * math.pi * math.sqrt(3)), 0.490),  # U(±1/√n)
        (theory.glorot_std(1000, 1000), 8 / (3 * math.pi), 0.849),
    ],
    ids=["standard", "glorot"],
)
def test_mean_singular_value(std, closed_form, published):
    measured = theory.mean_singular_value(std, 1000)
    assert measured == pytest.approx(closed_form, rel=1e-12)
    assert measured == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize("draw", ["normal", "uniform"])
def test_mean_singular_value_of_a_real_matrix(draw):
    rng, n, std = np.random.default_rng(3), 400, 0.03
    limit = theory.uniform_limit(std)
    matrix = rng.normal(0, std, (n, n)) if draw == "normal" else rng.uniform(-limit, limit, (n, n))
    measured = np.linalg.svd(matrix, compute_uv=False).mean()
    assert measured == pytest.approx(theory.mean_singular_value(std, n), rel=0.01)


def test_products_of_orthogonal_matrices_keep_every_length_and_gaussian_ones_none():
    rng, n = np.random.default_rng(0), 256
    orthogonal, gaussian = np.eye(n), np.eye(n)
    for _ in range(50):
        orthogonal = np.linalg.qr(rng.standard_normal((n, n)))[0] @ orthogonal
        gaussian = rng.normal(0, theory.lecun_std(n), (n, n)) @ gaussian
    np.testing.assert_allclose(np.linalg.svd(orthogonal, compute_uv=False), 1, atol=1e-12)
    values = np.linalg.svd(gaussian, compute_uv=False)
    assert 4 < values[0] < 16
    assert 1e-9 < np.median(values) < 1e-6


def test_log_moment_variance_is_that_of_random_networks():
    assert theory.log_moment_variance(20, 50) == 2.0
    # At a width where first order is good: each network's log second moment, over 2,000 networks.
    rng, layers, width, networks = np.random.default_rng(5), 4, 100, 2000
    h = np.full((networks, width), 1.0)
    for _ in range(layers):
        # Given its input, a layer of Gaussian weights is Gaussian with the input's second moment.
        z = rng.standard_normal((networks, width)) * np.sqrt((h**2).mean(axis=1, keepdims=True))
        h = math.sqrt(2) * np.maximum(z, 0)
    measured = np.log((h**2).mean(axis=1)).var()
    assert measured == pytest.approx(theory.log_moment_variance(layers, width), rel=0.15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.glorot_std(0, 10), "fan_in must be a positive number, not 0"),
        (lambda: theory.glorot_std(10, -1), "fan_out must be a positive number, not -1"),
        (lambda: theory.he_std(0), "fan_in must be"),
        (lambda: theory.lecun_std(-3), "fan_in must be"),
        (lambda: theory.uniform_limit(math.nan), "std must be"),
        (lambda: theory.mean_singular_value(math.inf, 3), "std must be"),
        (lambda: theory.log_moment_variance(1, 0), "width must be"),
        (lambda: gain("swsh"), "unknown activation 'swsh'; known are linear, relu, .*softsign"),
        (lambda: second_moment("relu", -0.1), "q is a variance"),
        (lambda: second_moment("relu", math.nan), "q is a variance"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_own_activation():
    cube = Activation(lambda z: z**3, lambda z: 3 * z**2)
    assert second_moment(cube, q=2.0) == pytest.approx(15 * 2**3, rel=1e-12)  # E[z⁶] = 15
