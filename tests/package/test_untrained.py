"""Signals of untrained networks: against theory, against Keras's own gradients, and bad input."""

import numpy as np
import pytest
import tensorflow as tf

from dnn_course import theory, untrained, untrained_signals


def he(rng, n):
    return rng.normal(0, np.sqrt(2 / n), (n, n))


def test_gradients_are_those_of_autodiff():
    rng = np.random.default_rng(0)
    phi = theory.get_activation("tanh")
    activations, gradients = untrained._through(phi, 4, he, 20, 3, rng)
    rng = np.random.default_rng(0)
    h, pre_activations = tf.constant(rng.standard_normal((3, 20))), []
    with tf.GradientTape(persistent=True) as tape:
        for _ in range(4):
            z = h @ he(rng, 20)
            tape.watch(z)
            pre_activations.append(z)
            h = tf.tanh(z)
        loss = tf.reduce_sum(h * rng.standard_normal((3, 20)))
    np.testing.assert_allclose(activations[-1], h, rtol=1e-10)
    for ours, z in zip(gradients, pre_activations, strict=True):
        np.testing.assert_allclose(ours, tape.gradient(loss, z), rtol=1e-9, atol=1e-15)


def test_he_keeps_relu_level_and_half_of_it_does_not():
    def median(weights):
        table = untrained_signals("relu", depth=20, weights=weights, width=300)
        table = table[(table["share"] == "50 % are smaller") & (table["signal"] == "activations")]
        return table.set_index("layer")["size"]

    level = median(he)
    assert 0.3 < level[20] / level[1] < 3
    halved = median(lambda rng, n: he(rng, n) / 2)
    assert halved[20] / halved[1] == pytest.approx(level[20] / level[1] / 2**19, rel=1e-6)


def test_shares_are_ordered_and_zeros_are_left_out():
    table = untrained_signals("relu", depth=3, weights=he)
    wide = table.pivot(index=["signal", "layer"], columns="share", values="size")
    assert (wide["5 % are smaller"] > 0).all()
    assert (wide["5 % are smaller"] < wide["50 % are smaller"]).all()
    assert (wide["50 % are smaller"] < wide["95 % are smaller"]).all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        untrained_signals("relu", depth=0, weights=he)
    with pytest.raises(ValueError, match=r"shape \(2, 2\), where \(100, 100\) is needed"):
        untrained_signals("relu", depth=1, weights=lambda rng, n: np.eye(2))
