"""Who shares a compiled program with whom. To share too little is slow; to share too much is wrong."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

import dnn_course as dc
from dnn_course import programs
from dnn_course.programs import program_for

N_FEATURES, N_CLASSES = 6, 3
Dense, Activation, SGD = keras.layers.Dense, keras.layers.Activation, keras.optimizers.SGD


@pytest.fixture(autouse=True)
def no_programs_yet(monkeypatch):
    monkeypatch.setattr(programs, "_shared", type(programs._shared)())


@pytest.fixture
def tensors(tiny):
    return tuple(map(tf.constant, tiny))


def net(*layers, optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=("accuracy",)):
    model = keras.Sequential([keras.Input((N_FEATURES,)), *(layers or [Dense(4, "tanh"), Dense(N_CLASSES)])])
    model.compile(optimizer, loss, metrics=list(metrics))
    model.optimizer.build(model.trainable_variables)
    return model


def branched(*, swap=False, prefix=""):
    """Two branches of equal shape, and an output that reads one of them twice."""
    inputs = keras.Input((N_FEATURES,))
    a = Dense(4, "tanh", name=f"{prefix}a")(inputs)
    b = Dense(4, "relu", name=f"{prefix}b")(inputs)
    joined = keras.layers.Subtract()([b, a] if swap else [a, b])
    model = keras.Model(inputs, Dense(N_CLASSES)(joined))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def frozen(index):
    model = net(Dense(N_FEATURES), Dense(N_FEATURES), Dense(N_CLASSES))
    model.layers[index].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


class OwnInitializer(keras.Initializer):
    def __call__(self, shape, dtype=None):
        return tf.ones(shape)


def test_a_grid_of_seeds_rates_and_initializers_compiles_once(tiny):
    used = set()
    for initializer in ("he_normal", keras.initializers.RandomNormal(stddev=0.3)):
        for rate in (0.1, 0.01):
            for seed in range(3):
                dc.set_seed(seed)
                model = dc.mlp([4], kernel_initializer=initializer, n_inputs=N_FEATURES, n_classes=N_CLASSES)
                dc.compile_classifier(model, SGD(rate))
                dc.fit(model, tiny, epochs=1, batch_size=8)
                used.add(program_for(model, *map(tf.constant, tiny)))
    assert len(programs._shared) == len(used) == 1
    assert used.pop().n_compilations == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (net, net),
        (lambda: net(Dense(4, name="a"), Dense(3, name="b")), lambda: net(Dense(4, name="x"), Dense(3, name="a"))),
        (
            lambda: net(Dense(4), keras.layers.Dropout(0.5, seed=1), Dense(3)),
            lambda: net(Dense(4), keras.layers.Dropout(0.5, seed=2), Dense(3)),
        ),
        (
            lambda: net(keras.layers.BatchNormalization(gamma_initializer="zeros"), Dense(3)),
            lambda: net(keras.layers.BatchNormalization(), Dense(3)),
        ),
        (lambda: net(Dense(3, kernel_initializer=OwnInitializer())), lambda: net(Dense(3))),
        (lambda: net(optimizer=SGD(0.1, momentum=0.5)), lambda: net(optimizer=SGD(0.2, momentum=0.5))),
        (branched, lambda: branched(prefix="other_")),
        (lambda: frozen(0), lambda: frozen(0)),
    ],
    ids=["itself", "names", "seeds", "initializer", "own initializer", "rate", "functional names", "frozen"],
)  # fmt: skip
def test_models_share_that_differ_in(one, other, tensors):
    assert program_for(one(), *tensors) is program_for(other(), *tensors)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (net, lambda: net(Dense(4, "relu"), Dense(3))),
        (net, lambda: net(Dense(5, "tanh"), Dense(3))),
        (net, lambda: net(Dense(4, "tanh", use_bias=False), Dense(3))),
        (net, lambda: net(Dense(4, "tanh", kernel_regularizer="l2"), Dense(3))),
        (net, lambda: net(Dense(4, "tanh", kernel_constraint="non_neg"), Dense(3))),
        (lambda: net(keras.layers.Dropout(0.1), Dense(3)), lambda: net(keras.layers.Dropout(0.2), Dense(3))),
        (
            lambda: net(Activation("relu", name="relu"), Dense(3)),
            lambda: net(Activation("tanh", name="tanh"), Dense(3)),
        ),
        (branched, lambda: branched(swap=True)),
        (lambda: frozen(0), lambda: frozen(1)),
        (net, lambda: net(optimizer=SGD(clipvalue=1.0))),
        (lambda: net(optimizer=SGD(clipvalue=2.0)), lambda: net(optimizer=SGD(clipvalue=1.0))),
        (net, lambda: net(optimizer=SGD(momentum=0.9))),
        (net, lambda: net(optimizer="adam")),
        (
            lambda: net(optimizer=SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))),
            lambda: net(optimizer=SGD(keras.optimizers.schedules.ExponentialDecay(0.2, 10, 0.5))),
        ),
        (net, lambda: net(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))),
        (
            lambda: net(metrics=[keras.metrics.SparseCategoricalAccuracy(name="one")]),
            lambda: net(metrics=[keras.metrics.SparseCategoricalAccuracy(name="other")]),
        ),
        (net, lambda: net(metrics=())),
    ],
    ids=[
        "activation", "width", "bias", "L2", "constraint", "dropout rate", "activation behind the layer's name",
        "what a branch is connected to", "which layer is frozen", "clipping", "threshold", "momentum", "optimizer",
        "schedule", "loss", "name of a metric", "metrics",
    ],
)  # fmt: skip
def test_models_do_not_share_that_differ_in(one, other, tensors):
    assert program_for(one(), *tensors) is not program_for(other(), *tensors)


def test_labels_of_another_shape_do_not_share(tensors):
    x, y = tensors
    one_hot = tf.one_hot(y, N_CLASSES)
    assert program_for(net(loss="crossentropy"), x, y) is not program_for(net(loss="crossentropy"), x, one_hot)


def half(x):
    return x / 2


def relu(x):  # has the name of Keras's, and is another
    return -x


class OwnDense(keras.layers.Dense):
    pass


class OwnRegularizer(keras.regularizers.L2):
    pass


class OwnSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1


def adapted(mean):
    normalization = keras.layers.Normalization()
    normalization.adapt(np.full((4, N_FEATURES), mean, "float32") + np.eye(4, N_FEATURES))
    return normalization


@pytest.mark.parametrize(
    "make",
    [
        lambda: net(Dense(4, lambda x: x / 2), Dense(3)),
        lambda: net(Dense(4, half), Dense(3)),
        lambda: net(Dense(4, relu), Dense(3)),
        lambda: net(keras.layers.Lambda(half), Dense(3)),
        lambda: net(OwnDense(3)),
        lambda: net(Dense(3, kernel_regularizer=OwnRegularizer())),
        lambda: net(Dense(3, kernel_initializer=lambda shape, dtype=None: tf.ones(shape))),
        lambda: net(optimizer=SGD(OwnSchedule())),
        lambda: net(loss=lambda y, y_pred: tf.reduce_mean(y_pred)),
        lambda: net(metrics=[lambda y, y_pred: tf.reduce_mean(y_pred)]),
        lambda: net(adapted(1.0), Dense(3)),
    ],
    ids=[
        "lambda", "function", "function with a name of Keras's", "Lambda layer", "layer", "regularizer", "initializer",
        "schedule", "loss", "metric", "layer that has adapted to data",
    ],
)  # fmt: skip
def test_a_model_with_code_of_its_own_has_its_own_program(make, tensors):
    one, other = make(), make()
    program = program_for(one, *tensors)
    assert program is not program_for(other, *tensors)
    assert program is program_for(one, *tensors)
    assert program.stand_in is one
    assert not programs._shared


def test_a_function_with_a_name_of_keras_is_what_trains(tiny):
    """Keras writes both functions down as "relu"; a model rebuilt from that would train with the other."""

    def trained(fit, activation):
        dc.set_seed(0)
        model = net(Dense(4, activation), Dense(3))
        model.run_eagerly = True
        fit(model)
        return model.get_weights()[0]

    def ours(model):
        dc.fit(model, tiny, epochs=1, batch_size=23, shuffle=False)

    def keras_own(model):
        model.fit(*tiny, epochs=1, batch_size=23, shuffle=False, verbose=0)

    expected = trained(keras_own, relu)
    np.testing.assert_allclose(trained(ours, relu), expected, rtol=0, atol=1e-5)
    assert np.abs(trained(keras_own, "relu") - expected).max() > 1e-4


@pytest.mark.parametrize("change", ["compile", "compile with the same optimizer", "freeze"])
def test_an_own_program_is_renewed_when_the_model_changes(change, tensors):
    model = net(Dense(4, half), Dense(3))
    program = program_for(model, *tensors)
    if change == "compile":
        model.compile("sgd", model.loss)
    elif change == "freeze":
        model.layers[0].trainable = False
    else:
        model.compile(model.optimizer, "mse")
    assert program_for(model, *tensors) is not program


def test_the_number_of_programs_is_bounded(tensors, monkeypatch):
    monkeypatch.setattr(programs, "_MAX_SHARED", 2)
    models = [net(Dense(units), Dense(3)) for units in (2, 3, 4)]
    first, second = (program_for(model, *tensors) for model in models[:2])
    assert program_for(models[0], *tensors) is first  # makes the second the one used longest ago
    program_for(models[2], *tensors)
    assert len(programs._shared) == 2
    assert program_for(models[0], *tensors) is first
    assert program_for(models[1], *tensors) is not second


@pytest.mark.parametrize("activation", [half, "tanh"], ids=["own program", "shared program"])
def test_trained_models_can_be_freed(activation, tiny):
    model = net(Dense(2, activation), Dense(3))
    dc.fit(model, tiny, epochs=1, batch_size=23)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
