"""The network builder, against its docstring; re-use of layers."""

import keras
import numpy as np
import pytest

import dnn_course as dc

X = np.random.default_rng(0).normal(size=(12, 6)).astype("float32")
Y = np.arange(12) % 3


def small(hidden=(5, 4), **options):
    return dc.mlp(hidden, n_inputs=6, n_classes=3, **options)


def names(model):
    return [layer.name for layer in model.layers]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["hidden_1", "hidden_2", "logits"]),
        (
            {"batch_normalization": "before"},
            ["hidden_1", "bn_1", "activation_1", "hidden_2", "bn_2", "activation_2", "logits"],
        ),
        ({"batch_normalization": "after"}, ["hidden_1", "bn_1", "hidden_2", "bn_2", "logits"]),
        ({"dropout": 0.2}, ["hidden_1", "dropout_1", "hidden_2", "dropout_2", "logits"]),
        (
            {"activation": keras.layers.PReLU()},
            ["hidden_1", "activation_1", "hidden_2", "activation_2", "logits"],
        ),
        (
            {"activation": keras.layers.PReLU(), "batch_normalization": "before"},
            ["hidden_1", "bn_1", "activation_1", "hidden_2", "bn_2", "activation_2", "logits"],
        ),
        (
            {"activation": keras.layers.PReLU(), "batch_normalization": "after"},
            ["hidden_1", "activation_1", "bn_1", "hidden_2", "activation_2", "bn_2", "logits"],
        ),
        (
            {"batch_normalization": "after", "dropout": 0.2},
            ["hidden_1", "bn_1", "dropout_1", "hidden_2", "bn_2", "dropout_2", "logits"],
        ),
    ],
)
def test_layers(options, expected):
    model = small(**options)
    assert names(model) == expected
    assert model.built
    assert not model.compiled
    assert model.output_shape == (None, 3)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.kernel.shape for layer in dense] == [(6, 5), (5, 4), (4, 3)]


def test_without_hidden_layers_it_is_a_linear_model():
    model = small([])
    (weights, bias) = model.get_weights()
    np.testing.assert_allclose(model(X), X @ weights + bias, atol=1e-5)


@pytest.mark.parametrize("place", [None, "before", "after"])
def test_forward_pass_is_the_formula(place):
    """Inference of a one-layer net with moving averages that are not those of the start."""
    dc.set_seed(0)
    model = small([5], activation="tanh", batch_normalization=place, bias_initializer="random_normal")
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    hidden, *middle, logits = model.layers

    def normalized(v):
        bn = next(layer for layer in middle if isinstance(layer, keras.layers.BatchNormalization))
        gamma, beta, mean, variance = bn.get_weights()
        return gamma * (v - mean) / np.sqrt(variance + bn.epsilon) + beta

    if place == "before":
        h = np.tanh(normalized(X @ hidden.kernel.numpy()))
    else:
        h = np.tanh(X @ hidden.kernel.numpy() + hidden.bias.numpy())
        h = normalized(h) if place == "after" else h
    np.testing.assert_allclose(model(X), h @ logits.kernel.numpy() + logits.bias.numpy(), rtol=1e-4)


def test_no_bias_where_batch_normalization_would_cancel_it():
    model = small(batch_normalization="before")
    assert [layer.use_bias for layer in model.layers if isinstance(layer, keras.layers.Dense)] == [False, False, True]
    assert all(layer.use_bias for layer in small().layers)


def test_options_reach_every_layer():
    penalty = keras.regularizers.L2(0.5)
    model = small(
        kernel_initializer="ones",
        bias_initializer=keras.initializers.Constant(2.0),
        batch_normalization="after",
        momentum=0.3,
        dropout=0.25,
        kernel_regularizer=penalty,
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            assert np.all(layer.kernel == 1)
            assert np.all(layer.bias == 2)
            assert layer.kernel_regularizer is penalty
        elif isinstance(layer, keras.layers.BatchNormalization):
            assert layer.momentum == 0.3
        else:
            assert layer.rate == 0.25
    assert sum(map(float, model.losses)) == pytest.approx(0.5 * (6 * 5 + 5 * 4 + 4 * 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": [5, 0]}, r"at least one unit, got \[5, 0\]"),
        ({"batch_normalization": True}, '"before" or "after"; got True'),
        ({"dropout": 1.0}, "got 1.0"),
        ({"dropout": -0.1}, "got -0.1"),
        ({"kernel_initializer": keras.initializers.HeNormal(seed=1)}, r"HeNormal has a seed of its own.*set_seed"),
        ({"bias_initializer": keras.initializers.RandomNormal(seed=1)}, "RandomNormal has a seed of its own"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_each_hidden_layer_has_its_own_copy_of_an_activation_layer():
    given = keras.layers.LeakyReLU(negative_slope=0.1)
    first, second = (layer for layer in small(activation=given).layers if isinstance(layer, keras.layers.LeakyReLU))
    assert len({id(given), id(first), id(second)}) == 3
    np.testing.assert_allclose(first(np.float32([-2, 3])), [-0.2, 3], rtol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", keras.layers.PReLU()])
def test_double_precision_throughout(activation):
    """One step must equal NumPy's to far below single precision."""
    dc.set_seed(0)
    options = {"batch_normalization": "after", "dropout": 0.5, "dtype": "float64"}
    assert {v.dtype for v in small(activation=activation, **options).trainable_variables} == {"float64"}
    model = dc.compile_classifier(small([], dtype="float64"), keras.optimizers.SGD(0.5))
    weights, bias = model.get_weights()
    dc.fit(model, (X, Y), epochs=1, batch_size=len(X), shuffle=False)
    logits = X.astype("float64") @ weights + bias
    error = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) - np.eye(3)[Y]
    np.testing.assert_allclose(model.get_weights()[1], bias - 0.5 * error.mean(axis=0), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("initializer", ["he_normal", keras.initializers.HeNormal()])
def test_layers_of_one_shape_start_with_different_weights(initializer):
    """Also if they are given one initializer object, which draws the same numbers whenever it is called."""
    models = [dc.mlp([6, 6], kernel_initializer=initializer, n_inputs=6, n_classes=6) for _ in range(2)]
    kernels = [layer.kernel.numpy() for model in models for layer in model.layers]
    for i, one in enumerate(kernels):
        assert all(np.abs(one - other).max() > 1e-2 for other in kernels[:i])


def test_initializer_is_scaled_to_the_inputs_of_each_layer():
    """He's variance is 2 / fan_in: of 400 and 100 inputs here; the tolerance is six standard errors."""
    dc.set_seed(0)
    model = dc.mlp([100, 200], kernel_initializer="he_normal", n_inputs=400)
    for layer, fan_in in zip(model.layers, (400, 100, 200), strict=True):
        variance = layer.kernel.numpy().var()
        assert variance == pytest.approx(2 / fan_in, rel=6 * np.sqrt(2 / layer.kernel.numpy().size))


def test_compiled_loss_is_the_cross_entropy_in_nats():
    model = dc.compile_classifier(small(activation="tanh"), keras.optimizers.SGD(0.1))
    logits = model.predict(X, verbose=0).astype("float64")
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss, accuracy = model.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(-log_p[np.arange(12), Y].mean(), abs=1e-6)
    assert accuracy == pytest.approx(np.mean(logits.argmax(axis=1) == Y))


# -- reuse ----------------------------------------------------------------------------------------------------------


def pretrained(**options):
    """A net that has left its initial state, moving averages included."""
    dc.set_seed(0)
    model = small((5, 4, 4), activation="tanh", **options)
    dc.compile_classifier(model, keras.optimizers.SGD(0.5))
    model.train_on_batch(X, Y)
    return model


@pytest.mark.parametrize("options", [{}, {"batch_normalization": "before"}, {"batch_normalization": "after"}])
@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_reuse_copies_the_lower_layers_and_draws_the_others_anew(options, n_layers):
    model = pretrained(dropout=0.1, **options)
    new = dc.reuse(model, n_layers, trainable=False)
    assert [type(layer) for layer in new.layers] == [type(layer) for layer in model.layers]
    assert new.output_shape == model.output_shape
    for old, layer in zip(model.layers, new.layers, strict=True):
        taken_over = layer.name != "logits" and int(layer.name[-1]) <= n_layers
        assert layer.trainable == (not taken_over)
        same = [np.array_equal(a, b) for a, b in zip(old.get_weights(), layer.get_weights(), strict=True)]
        if same:
            assert all(same) if taken_over else not any(same)


def test_reuse_trainable_leaves_everything_free():
    assert all(layer.trainable for layer in dc.reuse(pretrained(), 2, trainable=True).layers)


def test_reuse_frees_what_was_frozen_before():
    once = dc.reuse(pretrained(), 3, trainable=False)
    once.trainable = False
    assert [layer.trainable for layer in dc.reuse(once, 1, trainable=False).layers] == [False, True, True, True]


def test_reuse_for_another_number_of_classes():
    assert dc.reuse(pretrained(), 1, trainable=True, n_classes=7).output_shape == (None, 7)


@pytest.mark.parametrize("trainable", [True, False])
def test_training_the_copy_leaves_the_source_and_what_is_frozen(trainable):
    model = pretrained(batch_normalization="before")
    source = model.get_weights()
    new = dc.reuse(model, 2, trainable=trainable)
    taken_over = [layer for layer in new.layers if layer.name.endswith(("_1", "_2")) and layer.weights]
    before = [layer.get_weights() for layer in taken_over]
    dc.compile_classifier(new, keras.optimizers.SGD(0.5)).train_on_batch(X, Y)
    for was, weight in zip(source, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, was)
    assert len(taken_over) == 4
    for layer, weights in zip(taken_over, before, strict=True):  # the moving averages too
        stayed = all(map(np.array_equal, layer.get_weights(), weights))
        assert stayed == (not trainable)


@pytest.mark.parametrize("n_layers", [-1, 4])
def test_reuse_refuses_layers_that_are_not_there(n_layers):
    with pytest.raises(ValueError, match=f"from 0 to 3.*got {n_layers}"):
        dc.reuse(pretrained(), n_layers, trainable=True)


def test_reuse_refuses_other_kinds_of_models():
    inputs = keras.Input((6,))
    functional = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    ends_otherwise = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3), keras.layers.Softmax()])
    for model in (functional, ends_otherwise):
        with pytest.raises(ValueError, match="Sequential model whose last layer is the Dense layer"):
            dc.reuse(model, 1, trainable=True)


# -- largest_difference -----------------------------------------------------------------------------------------------


def test_largest_difference_sees_every_weight_batch_normalizations_averages_included():
    model = dc.mlp([4, 3], n_inputs=5, batch_normalization="before")
    before = model.get_weights()
    for variable in model.variables:
        kept = variable.numpy()
        moved = kept.copy()
        moved.flat[-1] -= 0.25
        variable.assign(moved)
        assert dc.largest_difference(model, before) == dc.largest_difference(before, model) == pytest.approx(0.25)
        variable.assign(kept)
    assert dc.largest_difference(model, before) == 0
    assert dc.largest_difference([], []) == 0


def test_largest_difference_refuses_weights_of_different_shapes():
    with pytest.raises(ValueError, match=r"do not match: .*\(5, 4\).*\(6, 4\)"):
        dc.largest_difference(dc.mlp([4], n_inputs=5), dc.mlp([4], n_inputs=6))
    with pytest.raises(ValueError, match="do not match"):
        dc.largest_difference([np.zeros(2)], [])
