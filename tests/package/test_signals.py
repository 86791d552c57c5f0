"""The signals inside a network, against forward and backward passes written out in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import dnn_course as dc
from dnn_course.signals import LayerSignals

RNG = np.random.default_rng(0)
N, N_INPUTS, N_CLASSES = 16, 6, 3
X = RNG.normal(size=(N, N_INPUTS)).astype("float32")
Y = RNG.integers(0, N_CLASSES, N)
WIDTHS = [5, 4, 7]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def leaky(slope):
    return lambda z: np.where(z > 0, z, slope * z), lambda z: np.where(z > 0, 1, slope)


# φ and φ'
TANH = np.tanh, lambda z: 1 - np.tanh(z) ** 2
SIGMOID = sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))
RELU = leaky(0.0)
ELU = lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), lambda z: np.exp(np.minimum(z, 0))


class Normalization:
    """Batch normalization by the statistics of the batch, or by moving averages."""

    def __init__(self, layer, a, training):
        gamma, beta, mean, variance = (w.astype("float64") for w in layer.get_weights())
        if training:
            mean, variance = a.mean(axis=0), a.var(axis=0)
        self.scale, self.training = gamma / np.sqrt(variance + layer.epsilon), training
        self.x_hat = (a - mean) / np.sqrt(variance + layer.epsilon)
        self.out = gamma * self.x_hat + beta

    def backward(self, d):
        if self.training:
            d = d - d.mean(axis=0) - self.x_hat * (d * self.x_hat).mean(axis=0)
        return d * self.scale


def reference(hidden, output, function, *, place=None, masks=None, training=True):
    """The pre-activations, activations, gradients and weight gradients of each hidden layer.

    ``hidden`` is (dense, normalization or None) for each hidden layer.
    """
    phi, slope = function
    h, steps = X.astype("float64"), []
    for number, (dense, bn) in enumerate(hidden):
        step = {"input": h, "W": dense.kernel.numpy().astype("float64")}
        z = h @ step["W"] + (dense.bias.numpy() if dense.use_bias else 0)
        if place == "before":
            step["bn"] = Normalization(bn, z, training)
            z = step["bn"].out
        h = step["h"] = phi(z)
        step["z"] = z
        if place == "after":
            step["bn"] = Normalization(bn, h, training)
            h = step["bn"].out
        if masks:
            h = h * masks[number]
        steps.append(step)
    W = output.kernel.numpy().astype("float64")
    logits = h @ W + output.bias.numpy()
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    d = (p - np.eye(N_CLASSES)[Y]) / N @ W.T
    for number, step in reversed(list(enumerate(steps))):
        if masks:
            d = d * masks[number]
        if place == "after":
            d = step["bn"].backward(d)
        d = step["dz"] = d * slope(step["z"])
        if place == "before":
            d = step["bn"].backward(d)
        step["dW"] = step["input"].T @ d
        d = d @ step["W"].T
    return steps


def assert_equal_to_reference(signals, steps, function):
    assert len(signals.layers) == len(steps)
    for layer, step in zip(signals.layers, steps, strict=True):
        for array, expected in [
            (layer.pre_activation, step["z"]),
            (layer.activation, step["h"]),
            (layer.gradient, step["dz"]),
            (layer.slope, function[1](step["z"])),
            (layer.kernel, step["W"]),
            (layer.weight_gradient, step["dW"]),
        ]:
            assert array.shape == expected.shape
            np.testing.assert_allclose(array, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def of_kind(model, kind):
    return [layer for layer in model._flatten_layers() if isinstance(layer, kind)]


def stirred(model):
    """The compiled model with all its weights moved off the special values that they start with."""
    rng = np.random.default_rng(5)
    for layer in of_kind(model, keras.layers.Dense):
        for variable in (layer.kernel, layer.bias) if layer.use_bias else (layer.kernel,):
            variable.assign_add(rng.normal(0, 0.2, variable.shape))
    for layer in of_kind(model, keras.layers.BatchNormalization):
        layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return dc.compile_classifier(model, "sgd")


def parts(model):
    """(dense, normalization or None) for each hidden layer, and the output."""
    *dense, output = of_kind(model, keras.layers.Dense)
    norms = of_kind(model, keras.layers.BatchNormalization) or [None] * len(dense)
    return list(zip(dense, norms, strict=True)), output


def mlp(activation="tanh", **options):
    dc.set_seed(0)
    return stirred(dc.mlp(WIDTHS, activation=activation, n_inputs=N_INPUTS, n_classes=N_CLASSES, **options))


@pytest.mark.parametrize(
    ("activation", "function"), [("tanh", TANH), ("sigmoid", SIGMOID), ("relu", RELU), ("elu", ELU)]
)
def test_multilayer_perceptron(activation, function):
    model = mlp(activation)
    assert_equal_to_reference(dc.layer_signals(model, X, Y), reference(*parts(model), function), function)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("place", ["before", "after"])
def test_batch_normalization(place, training):
    model = mlp(batch_normalization=place)
    expected = reference(*parts(model), TANH, place=place, training=training)
    assert_equal_to_reference(dc.layer_signals(model, X, Y, training=training), expected, TANH)


def test_dropout_while_training():
    model = mlp(dropout=0.4)
    layers = of_kind(model, keras.layers.Dropout)
    states = [layer.seed_generator.state.numpy() for layer in layers]
    masks = [
        layer(np.ones((N, width), "float32"), training=True).numpy()
        for layer, width in zip(layers, WIDTHS, strict=True)
    ]
    for layer, state in zip(layers, states, strict=True):
        layer.seed_generator.state.assign(state)
    assert all(0 in mask for mask in masks)
    assert_equal_to_reference(dc.layer_signals(model, X, Y), reference(*parts(model), TANH, masks=masks), TANH)


def test_dropout_in_inference_does_nothing():
    model = mlp(dropout=0.4)
    signals = dc.layer_signals(model, X, Y, training=False)
    assert_equal_to_reference(signals, reference(*parts(model), TANH), TANH)


class Subclassed(keras.Model):
    def __init__(self, activations):
        super().__init__()
        self.hidden = [keras.layers.Dense(width) for width in WIDTHS]
        self.activations = activations
        self.logits = keras.layers.Dense(N_CLASSES)

    def call(self, x):
        for dense, activation in zip(self.hidden, self.activations, strict=True):
            x = activation(dense(x))
        return self.logits(x)


def sequential(activations):
    layers = [layer for pair in zip(map(keras.layers.Dense, WIDTHS), activations, strict=True) for layer in pair]
    return keras.Sequential([keras.Input((N_INPUTS,)), *layers, keras.layers.Dense(N_CLASSES)])


def functional(activations):
    inputs = h = keras.Input((N_INPUTS,))
    for width, activation in zip(WIDTHS, activations, strict=True):
        h = activation(keras.layers.Dense(width)(h))
    return keras.Model(inputs, keras.layers.Dense(N_CLASSES)(h))


def inside(activations):
    """The activation layers as the activation functions of the dense ones."""
    layers = [keras.layers.Dense(width, activation) for width, activation in zip(WIDTHS, activations, strict=True)]
    return keras.Sequential([keras.Input((N_INPUTS,)), *layers, keras.layers.Dense(N_CLASSES)])


@pytest.mark.parametrize("build", [sequential, functional, Subclassed, inside])
@pytest.mark.parametrize(
    ("activation", "function"),
    [
        (lambda: keras.layers.Activation("tanh"), TANH),
        (keras.layers.ReLU, RELU),
        (lambda: keras.layers.LeakyReLU(0.2), leaky(0.2)),
        (lambda: keras.layers.PReLU(keras.initializers.Constant(0.3)), leaky(0.3)),
        (keras.layers.ELU, ELU),
    ],
    ids=["Activation", "ReLU", "LeakyReLU", "PReLU", "ELU"],
)
def test_activation_in_a_layer(build, activation, function):
    dc.set_seed(0)
    model = build([activation() for _ in WIDTHS])
    model(X)
    stirred(model)
    assert_equal_to_reference(dc.layer_signals(model, X, Y), reference(*parts(model), function), function)


@pytest.mark.parametrize(
    "model",
    [
        Subclassed([keras.layers.Activation("tanh") for _ in WIDTHS]),
        keras.Sequential([*(keras.layers.Dense(w, "tanh") for w in WIDTHS), keras.layers.Dense(N_CLASSES)]),
    ],
)
def test_a_model_that_has_not_run_is_built_for_any_batch(model):
    dc.compile_classifier(model, "sgd")
    signals = dc.layer_signals(model, X, Y)
    assert_equal_to_reference(signals, reference(*parts(model), TANH), TANH)
    assert model(X[:3]).shape == (3, N_CLASSES)


def test_an_activation_on_the_input_belongs_to_no_hidden_layer():
    layers = [keras.layers.Activation("relu"), keras.layers.Dense(4, "tanh"), keras.layers.Dense(N_CLASSES)]
    model = dc.compile_classifier(keras.Sequential([keras.Input((N_INPUTS,)), *layers]), "sgd")
    (layer,) = dc.layer_signals(model, X, Y).layers
    np.testing.assert_allclose(layer.pre_activation, np.maximum(X, 0) @ layer.kernel, atol=1e-5)


def test_frozen_layers_are_measured_too():
    model = mlp()
    for layer in model.layers[:2]:
        layer.trainable = False
    stirred_again = dc.compile_classifier(model, "sgd")
    expected = reference(*parts(model), TANH)
    assert_equal_to_reference(dc.layer_signals(stirred_again, X, Y), expected, TANH)


def test_penalties_are_part_of_the_weight_gradient():
    model = mlp(kernel_regularizer=keras.regularizers.L2(0.1))
    expected = reference(*parts(model), TANH)
    for step in expected:
        step["dW"] += 2 * 0.1 * step["W"]
    assert_equal_to_reference(dc.layer_signals(model, X, Y), expected, TANH)


# -- the model is left as it was ------------------------------------------------------------------------------------


class Fragile(keras.layers.Layer):
    broken = False

    def call(self, x):
        if self.broken:
            raise RuntimeError("midway")
        return x


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_was(fails):
    fragile = Fragile()
    model = keras.Sequential(
        [
            keras.Input((N_INPUTS,)),
            keras.layers.Dense(5),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.5),
            fragile,
            keras.layers.Dense(4, "tanh"),
            keras.layers.Dense(N_CLASSES),
        ]
    )
    stirred(model)
    model(X, training=True)
    before = [v.numpy() for v in model.variables]
    attributes = [dict(vars(layer)) for layer in model._flatten_layers()]

    fragile.broken = fails
    if fails:
        with pytest.raises(RuntimeError, match="midway"):
            dc.layer_signals(model, X, Y)
    else:
        dc.layer_signals(model, X, Y)
    fragile.broken = False

    for was, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(variable, was, err_msg=variable.path)
    for was, layer in zip(attributes, model._flatten_layers(), strict=True):
        for name in ("activation", "call"):
            assert vars(layer).get(name) is was.get(name)
    model.evaluate(X, Y, verbose=0)


def test_measuring_changes_nothing_in_what_training_comes_to():
    def trained(*, measured):
        dc.set_seed(1)
        model = mlp(batch_normalization="before", dropout=0.2)
        for _ in range(2):
            if measured:
                dc.layer_signals(model, X, Y)
            dc.fit(model, (X, Y), epochs=1, batch_size=N, seed=0)
        return np.concatenate([w.ravel() for w in model.get_weights()])

    np.testing.assert_array_equal(trained(measured=True), trained(measured=False))


# -- what is made of it ---------------------------------------------------------------------------------------------


def one_layer(activation, z):
    """The signals of a layer whose pre-activations are ``z``."""
    z = np.array(z, "float32")
    width = z.shape[1]
    layers = [keras.layers.Dense(width, activation, kernel_initializer="identity"), keras.layers.Dense(2)]
    model = dc.compile_classifier(keras.Sequential([keras.Input((width,)), *layers]), "sgd")
    (layer,) = dc.layer_signals(model, z, np.zeros(len(z))).layers
    np.testing.assert_array_equal(layer.pre_activation, z)
    return layer


@pytest.mark.parametrize(
    ("activation", "z", "saturated", "dead"),
    [
        ("relu", [[1, -1, -1, 2], [2, -3, 1, -1]], 4 / 8, 1 / 4),
        ("tanh", [[0.0, 2.1, -2.3, 5.0]], 2 / 4, 0),  # 1 - tanh² is 0.05 at 2.178
        ("sigmoid", [[0.0, 4.3, -4.5, 9.0]], 2 / 4, 0),  # the slope is a twentieth of 1/4 at 4.357
        ("linear", [[-100.0, 0.0, 100.0]], 0, 0),
        (keras.layers.LeakyReLU(0.06), [[-1.0, 1.0]], 0, 0),
        (keras.layers.LeakyReLU(0.04), [[-1.0, 1.0]], 1 / 2, 0),
    ],
)
def test_saturated_and_dead_shares_by_hand(activation, z, saturated, dead):
    layer = one_layer(activation, z)
    assert layer.saturated == pytest.approx(saturated)
    assert layer.dead == pytest.approx(dead)


def test_table():
    model = mlp("relu")
    signals = dc.layer_signals(model, X, Y)
    table = signals.table
    assert table["layer"].tolist() == [1, 2, 3]
    assert table["name"].tolist() == ["hidden_1", "hidden_2", "hidden_3"]
    assert table["units"].tolist() == WIDTHS
    steps = reference(*parts(model), RELU)
    for column, measure in {
        "activation_mean": lambda step: step["h"].mean(),
        "activation_std": lambda step: step["h"].std(),
        "gradient_std": lambda step: step["dz"].std(),
        "weight_std": lambda step: step["W"].std(),
        "weight_gradient_std": lambda step: step["dW"].std(),
        "saturated": lambda step: np.mean(step["z"] <= 0),
        "dead": lambda step: np.mean(np.all(step["z"] <= 0, axis=0)),
    }.items():
        assert table[column].tolist() == pytest.approx([measure(step) for step in steps], rel=1e-4), column
    assert len(table.columns) == 10


def test_arrays_of_one_kind_by_layer():
    signals = dc.layer_signals(mlp(), X, Y)
    for kind in LayerSignals.__dataclass_fields__:
        if kind not in ("name", "steepest"):
            arrays = signals.arrays(kind)
            assert list(arrays) == ["hidden_1", "hidden_2", "hidden_3"]
            assert all(
                array is getattr(layer, kind) for array, layer in zip(arrays.values(), signals.layers, strict=True)
            )


def test_gradients_scale_as_one_over_the_batch():
    """The loss is a mean: of the same examples twice over, each has half the gradient, and W has the same."""
    model = mlp()
    (once, *_), (twice, *_) = (dc.layer_signals(model, np.tile(X, (n, 1)), np.tile(Y, n)).layers for n in (1, 2))
    np.testing.assert_allclose(twice.gradient[:N], once.gradient / 2, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(twice.weight_gradient, once.weight_gradient, rtol=1e-4, atol=1e-7)


def test_refuses_a_model_that_is_not_compiled():
    model = dc.mlp([3], n_inputs=N_INPUTS, n_classes=N_CLASSES)
    with pytest.raises(ValueError, match=r"compiled model: call model\.compile"):
        dc.layer_signals(model, X, Y)


def test_refuses_a_model_without_hidden_layers():
    model = dc.compile_classifier(dc.mlp([], n_inputs=N_INPUTS, n_classes=N_CLASSES), "sgd")
    with pytest.raises(ValueError, match="two Dense layers or more"):
        dc.layer_signals(model, tf.constant(X), Y)
