"""``dc.fit`` against ``model.fit``: the same numbers, callbacks, and what it refuses."""

import csv
import gc
import sys
import threading
import weakref

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import dnn_course as dc
from dnn_course import programs, training

N_FEATURES, N_CLASSES = 6, 3


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """One hidden layer, written by hand, not built before it sees data."""

    def __init__(self, *, batch_normalization=False, l2=0.0):
        super().__init__()
        penalty = keras.regularizers.L2(l2) if l2 else None
        self.hidden = keras.layers.Dense(5, activation="tanh", kernel_regularizer=penalty)
        self.normalize = keras.layers.BatchNormalization(momentum=0.7) if batch_normalization else None
        self.logits = keras.layers.Dense(N_CLASSES)

    def call(self, x, training=None):
        h = self.hidden(x)
        if self.normalize is not None:
            h = self.normalize(h, training=training)
        return self.logits(h)


def sequential(*, activation="tanh", units=5, compile_with="sgd", **options):
    """A compiled two-layer net; the one that most tests share, so that it is compiled once."""
    model = dc.mlp([units], activation=activation, n_inputs=N_FEATURES, n_classes=N_CLASSES, **options)
    return dc.compile_classifier(model, compile_with)


def functional(*, batch_normalization=False, l2=0.0):
    penalty = keras.regularizers.L2(l2) if l2 else None
    inputs = keras.Input((N_FEATURES,))
    h = keras.layers.Dense(5, activation="tanh", kernel_regularizer=penalty)(inputs)
    if batch_normalization:
        h = keras.layers.BatchNormalization(momentum=0.7)(h)
    return keras.Model(inputs, keras.layers.Dense(N_CLASSES)(keras.layers.Concatenate()([h, inputs])))


def plain(**options):
    return dc.mlp([5], activation="tanh", n_inputs=N_FEATURES, n_classes=N_CLASSES, **options)


SGD, ADAM = keras.optimizers.SGD, keras.optimizers.Adam
# The thresholds are low enough to clip every gradient, the penalties large enough to be seen.
SAME_AS_KERAS = {
    "sequential sgd": (plain, lambda: SGD(0.1)),
    "functional momentum": (functional, lambda: SGD(0.1, momentum=0.9)),
    "sequential nesterov": (plain, lambda: SGD(0.1, momentum=0.9, nesterov=True)),
    "subclassed adam": (Subclassed, lambda: ADAM(0.01)),
    "functional clipvalue": (functional, lambda: SGD(0.1, clipvalue=0.01)),
    "sequential clipnorm": (plain, lambda: SGD(0.1, clipnorm=0.05)),
    "subclassed global_clipnorm": (Subclassed, lambda: SGD(0.1, global_clipnorm=0.05)),
    "sequential batch norm before": (lambda: plain(batch_normalization="before", momentum=0.7), lambda: SGD(0.1)),
    "functional batch norm, L2, adam": (lambda: functional(batch_normalization=True, l2=0.1), lambda: ADAM(0.01)),
    "subclassed batch norm, L2": (lambda: Subclassed(batch_normalization=True, l2=0.1), lambda: SGD(0.1)),
    "sequential schedule": (plain, lambda: SGD(keras.optimizers.schedules.ExponentialDecay(0.5, 2, 0.5))),
    "functional moving average": (functional, lambda: SGD(0.1, use_ema=True, ema_momentum=0.5)),
}  # fmt: skip


def twins(make, optimizer, x):
    """Two models with the same start weights."""
    models = []
    for _ in range(2):
        dc.set_seed(3)
        model = dc.compile_classifier(make(), optimizer())
        model(x[:1])
        model.run_eagerly = True  # the numbers of model.fit without its time for tracing
        models.append(model)
    return models


def assert_same_state(one, other, *, atol=1e-5):
    ours, theirs = ([*model.variables, *model.optimizer.variables] for model in (one, other))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=atol, err_msg=a.path)


def weights(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


@pytest.mark.parametrize("case", SAME_AS_KERAS)
def test_same_as_model_fit(case, tiny, tiny_validation):
    ours, theirs = twins(*SAME_AS_KERAS[case], tiny[0])
    start = weights(ours)
    history = dc.fit(ours, tiny, epochs=2, batch_size=8, validation_data=tiny_validation, shuffle=False)
    expected = theirs.fit(*tiny, epochs=2, batch_size=8, validation_data=tiny_validation, shuffle=False, verbose=0)

    assert np.abs(weights(ours) - start).max() > 1e-3
    assert_same_state(ours, theirs)
    assert list(history.history) == list(expected.history)
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=0, atol=1e-5, err_msg=name)
    assert ours.optimizer.iterations == 2 * 3


def test_returns_keras_history(tiny):
    model = sequential()
    history = dc.fit(model, tiny, epochs=2, batch_size=8)
    assert type(history) is keras.callbacks.History
    assert model.history is history
    assert history.epoch == [0, 1]
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 3}
    assert set(history.history) == {"loss", "accuracy"}
    assert all(isinstance(value, float) for values in history.history.values() for value in values)


def test_metrics_keep_their_names(tiny):
    model = plain()
    metric = keras.metrics.SparseCategoricalAccuracy(name="share")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=[metric])
    assert set(dc.fit(model, tiny, epochs=1, batch_size=8).history) == {"loss", "share"}


# -- order and seeds ---------------------------------------------------------------------------------------------


class Diary(keras.layers.Layer):
    """Writes down the inputs it is trained on, in their order; hands them on times a weight that stays 1."""

    def __init__(self, length):
        super().__init__()
        self.seen = self.add_weight(shape=(length,), initializer="zeros", trainable=False)
        self.n_seen = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, x, training=False):
        if training:
            n = tf.shape(x)[0]
            at = (self.n_seen + tf.range(n))[:, None]
            self.seen.assign(tf.tensor_scatter_nd_update(self.seen, at, x[:, 0]))
            self.n_seen.assign_add(n)
        return x * self.scale


@pytest.fixture(scope="module")
def orders():
    """A function: the order of ten examples in each of three epochs, as the model met them."""
    x = np.arange(10, dtype="float32")[:, None]
    diary = Diary(30)
    model = keras.Sequential([keras.Input((1,)), diary])
    model.compile(SGD(0.1), "mse")

    def orders(**options):
        diary.n_seen.assign(0)
        history = dc.fit(model, (x, x), epochs=3, batch_size=4, **options)
        assert history.history["loss"] == [0.0] * 3  # each x still has its own y
        return diary.seen.numpy().reshape(3, 10).astype(int).tolist()

    return orders


def test_shuffle_shows_every_example_once_in_a_new_order_each_epoch(orders):
    dc.set_seed(0)
    seen = orders()
    assert all(sorted(order) == list(range(10)) for order in seen)
    assert len({tuple(order) for order in [*seen, list(range(10))]}) == 4


def test_without_shuffle_the_order_is_kept(orders):
    assert orders(shuffle=False) == [list(range(10))] * 3


def test_order_depends_on_the_seed_alone(orders):
    first = orders(seed=5)
    np.random.random(7)  # noqa: NPY002  (the global generator is what is tested)
    assert orders(seed=5) == first
    assert orders(seed=6) != first


def trained_weights(seed, tiny):
    dc.set_seed(seed)
    model = sequential(dropout=0.4)
    dc.fit(model, tiny, epochs=2, batch_size=8)
    return weights(model)


def test_repeatable_from_a_seed_bit_by_bit(tiny):
    first = trained_weights(1, tiny)
    np.testing.assert_array_equal(trained_weights(1, tiny), first)
    assert np.abs(trained_weights(2, tiny) - first).max() > 1e-2


def test_compiling_does_not_change_what_comes_after(tiny, monkeypatch):
    """A model made after a training starts the same, whether that training had to compile or not."""
    monkeypatch.setattr(programs, "_shared", type(programs._shared)())
    starts = []
    for _ in range(2):
        dc.set_seed(0)
        dc.fit(sequential(dropout=0.1), tiny, epochs=1, batch_size=8)
        starts.append([weights(sequential()), np.random.random(), *keras.random.normal((2,))])  # noqa: NPY002
    assert len(programs._shared) == 1
    np.testing.assert_array_equal(np.hstack(starts[0]), np.hstack(starts[1]))


# -- usable afterwards ----------------------------------------------------------------------------------------------


def test_training_goes_on_from_either_side(tiny):
    """Epochs of ``dc.fit`` and of ``model.fit`` follow each other as if one of them had done both."""
    mixed, keras_only = twins(*SAME_AS_KERAS["sequential nesterov"], tiny[0])
    keras_only.fit(*tiny, epochs=3, batch_size=8, shuffle=False, verbose=0)
    dc.fit(mixed, tiny, epochs=1, batch_size=8, shuffle=False)
    mixed.fit(*tiny, epochs=1, batch_size=8, shuffle=False, verbose=0)
    dc.fit(mixed, tiny, epochs=1, batch_size=8, shuffle=False)
    assert_same_state(mixed, keras_only)
    assert mixed.optimizer.iterations == 9


def test_evaluate_save_and_load_afterwards(tiny, tiny_validation, tmp_path):
    dc.set_seed(0)
    model = sequential()
    history = dc.fit(model, tiny, epochs=2, batch_size=8, validation_data=tiny_validation)
    expected = [history.history["val_loss"][-1], history.history["val_accuracy"][-1]]
    assert model.evaluate(*tiny_validation, verbose=0) == pytest.approx(expected, abs=1e-5)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_state(loaded, model, atol=0)
    assert loaded.evaluate(*tiny_validation, verbose=0) == pytest.approx(expected, abs=1e-5)
    dc.fit(loaded, tiny, epochs=1, batch_size=8, seed=1)
    dc.fit(model, tiny, epochs=1, batch_size=8, seed=1)
    assert_same_state(loaded, model, atol=0)


def test_validation_larger_than_one_evaluation_batch(monkeypatch, tiny):
    monkeypatch.setattr(programs, "_EVALUATION_BATCH", 4)
    part = tiny[0][:13], tiny[1][:13]
    model = sequential()
    history = dc.fit(model, tiny, epochs=1, batch_size=8, validation_data=part).history
    loss, accuracy = model.evaluate(*part, verbose=0)
    assert (history["val_loss"][0], history["val_accuracy"][0]) == pytest.approx((loss, accuracy), abs=1e-5)


def test_frozen_layers_stay_frozen(tiny):
    """Also after they were trained, and with the programs of the free model still there."""
    dc.set_seed(0)
    model = sequential()
    dc.fit(model, tiny, epochs=1, batch_size=8)
    hidden, logits = model.layers
    hidden.trainable = False
    dc.compile_classifier(model, "sgd")
    before = [layer.get_weights() for layer in (hidden, logits)]
    dc.fit(model, tiny, epochs=1, batch_size=8)
    for was, weight in zip(before[0], hidden.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, was)
    assert np.abs(logits.get_weights()[0] - before[1][0]).max() > 1e-3


def test_a_single_frozen_variable_stays_frozen(tiny):
    model = plain()
    model.layers[0].kernel.trainable = False
    before = model.layers[0].kernel.numpy()
    dc.fit(dc.compile_classifier(model, "sgd"), tiny, epochs=1, batch_size=8)
    np.testing.assert_array_equal(model.layers[0].kernel, before)
    assert np.any(model.layers[0].bias)


# -- what it is given -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "convert",
    [
        lambda x, y: (x.tolist(), y.tolist()),
        lambda x, y: (tf.constant(x), tf.constant(y)),
        lambda x, y: (x.astype("float64"), y[:, None].astype("int64")),
        lambda x, y: (pd.DataFrame(x), pd.Series(y)),
    ],
    ids=["lists", "tensors", "float64 and a column of labels", "pandas"],
)
def test_kinds_of_arrays(convert, tiny):
    results = []
    for data in (tiny, convert(*tiny)):
        dc.set_seed(0)
        model = sequential()
        dc.fit(model, data, epochs=1, batch_size=8, seed=1)
        results.append(weights(model))
    np.testing.assert_allclose(results[1], results[0], rtol=0, atol=1e-6)


def test_bytes_are_taken_as_numbers(tiny):
    pixels = np.random.default_rng(0).integers(0, 4, tiny[0].shape).astype("uint8")
    ours, theirs = twins(plain, lambda: SGD(0.01), tiny[0])
    dc.fit(ours, (pixels, tiny[1]), epochs=1, batch_size=8, shuffle=False)
    theirs.fit(pixels, tiny[1], epochs=1, batch_size=8, shuffle=False, verbose=0)
    assert_same_state(ours, theirs)


def test_a_sequential_without_input_is_built_for_any_batch(tiny):
    model = keras.Sequential([keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(N_CLASSES)])
    dc.fit(dc.compile_classifier(model, "sgd"), tiny, epochs=1, batch_size=8)
    assert model.input_shape == (None, N_FEATURES)
    assert model.predict(tiny[0], verbose=0).shape == (23, N_CLASSES)


def test_a_subclassed_model_is_built_on_the_data(tiny):
    dc.set_seed(0)
    model = dc.compile_classifier(Subclassed(), "sgd")
    history = dc.fit(model, tiny, epochs=1, batch_size=8)
    assert model.count_params() == 6 * 5 + 5 + 5 * 3 + 3
    assert model.evaluate(*tiny, verbose=0)[0] < history.history["loss"][0]


def test_one_hot_labels(tiny):
    x, y = tiny[0], np.eye(N_CLASSES)[tiny[1]]
    histories = []
    for fit in (lambda m: dc.fit(m, (x, y), epochs=1, batch_size=8, shuffle=False),
                lambda m: m.fit(x, y, epochs=1, batch_size=8, shuffle=False, verbose=0)):  # fmt: skip
        dc.set_seed(0)
        model = keras.Sequential([keras.Input((N_FEATURES,)), keras.layers.Dense(N_CLASSES, "softmax")])
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
        histories.append(fit(model).history)
    assert histories[0] == {name: pytest.approx(values, abs=1e-5) for name, values in histories[1].items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: x, r"pair \(x, y\)"),
        (lambda x, y: (x,), r"pair \(x, y\)"),
        (lambda x, y: (x, y, y), r"pair \(x, y\)"),
        (lambda x, y: (x, None), r"pair \(x, y\)"),
        (lambda x, y: tf.data.Dataset.from_tensor_slices((x, y)), r"pair \(x, y\)"),
        (lambda x, y: (x, y[:-1]), r"one row an example; their shapes are \(23, 6\) and \(22,\)"),
        (lambda x, y: (x, 3), "one row an example"),
        (lambda x, y: (x[:0], y[:0]), r"is empty: x has shape \(0, 6\)"),
        (lambda x, y: (x, y + 1), r"from 1 to 3, but the model has 3 outputs.* from 0 to 2.*Number the classes from 0"),
        (lambda x, y: (x, y - 1), r"from -1 to 1, but the model has 3 outputs"),
    ],
)  # fmt: skip
def test_refuses_data_and_says_why(change, message, tiny):
    with pytest.raises(ValueError, match=f"^data.*{message}"):
        dc.fit(sequential(), change(*tiny), epochs=1)
    with pytest.raises(ValueError, match=f"^validation_data.*{message}"):
        dc.fit(sequential(), tiny, epochs=1, validation_data=change(*tiny))


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", keras.losses.sparse_categorical_crossentropy])
def test_refuses_labels_out_of_range_however_the_loss_is_named(loss, tiny):
    model = plain()
    model.compile("sgd", loss)
    with pytest.raises(ValueError, match="Number the classes from 0"):
        dc.fit(model, (tiny[0], tiny[1] + 1), epochs=1)


@pytest.mark.parametrize("options", [{"epochs": 0}, {"epochs": 1, "batch_size": 0}])
def test_refuses_less_than_one(options, tiny):
    with pytest.raises(ValueError, match="at least 1"):
        dc.fit(sequential(), tiny, **options)


def test_refuses_a_model_that_is_not_compiled(tiny):
    with pytest.raises(ValueError, match=r"not compiled: call model\.compile"):
        dc.fit(plain(), tiny, epochs=1)


def test_refuses_a_model_with_two_outputs(tiny):
    inputs = keras.Input((N_FEATURES,))
    model = keras.Model(inputs, [keras.layers.Dense(1)(inputs), keras.layers.Dense(1)(inputs)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="more than one output"):
        dc.fit(model, tiny, epochs=1)


# -- callbacks ------------------------------------------------------------------------------------------------------

worse_from_epoch_2 = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 if epoch < 2 else -1.0)


def test_early_stopping_restores_the_best_weights(tiny):
    dc.set_seed(0)
    model = sequential()
    stop = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    history = dc.fit(
        model, tiny, epochs=9, batch_size=8, validation_data=tiny, callbacks=[worse_from_epoch_2, stop]
    ).history
    assert len(history["val_loss"]) == 4
    assert np.argmin(history["val_loss"]) == 1
    assert model.evaluate(*tiny, verbose=0)[0] == pytest.approx(history["val_loss"][1], abs=1e-5)


def test_model_checkpoint_keeps_the_best(tiny, tmp_path):
    class Quiet(keras.callbacks.ModelCheckpoint):
        """A subclass that acts on epochs only is as welcome."""

    dc.set_seed(0)
    model, path = sequential(), tmp_path / "best.keras"
    best = Quiet(str(path), monitor="val_loss", save_best_only=True)
    history = dc.fit(
        model, tiny, epochs=4, batch_size=8, validation_data=tiny, callbacks=[worse_from_epoch_2, best]
    ).history
    loss = keras.saving.load_model(path).evaluate(*tiny, verbose=0)[0]
    assert loss == pytest.approx(min(history["val_loss"]), abs=1e-5)
    assert loss < history["val_loss"][-1]


def test_tensorboard_writes_what_history_has(tiny, tiny_validation, tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path)
    history = dc.fit(
        sequential(), tiny, epochs=3, batch_size=8, validation_data=tiny_validation, callbacks=[board]
    ).history
    for part, name in (("train", "accuracy"), ("validation", "val_accuracy")):
        events = EventAccumulator(str(tmp_path / part))
        events.Reload()
        written = [float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("epoch_accuracy")]
        assert written == pytest.approx(history[name])


def test_learning_rate_callbacks_and_csv_logger(tiny, tmp_path):
    """A plateau that never ends halves the rate each epoch; another rate needs no other program."""
    model = sequential(compile_with=SGD(0.8))
    dc.fit(model, tiny, epochs=1, batch_size=8)
    n_compilations = programs.program_for(model, *map(tf.constant, tiny)).n_compilations
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = dc.fit(model, tiny, epochs=4, batch_size=8, callbacks=[plateau, log]).history
    assert history["learning_rate"] == pytest.approx([0.8, 0.8, 0.4, 0.2])
    assert programs.program_for(model, *map(tf.constant, tiny)).n_compilations == n_compilations
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3]
    assert [float(row["loss"]) for row in rows] == pytest.approx(history["loss"])


def test_learning_rate_scheduler_decides_the_step(tiny):
    model = sequential()
    before = weights(model)
    dc.fit(model, tiny, epochs=1, batch_size=8, callbacks=[keras.callbacks.LearningRateScheduler(lambda _: 0.0)])
    np.testing.assert_array_equal(weights(model), before)


def test_terminate_on_nan_ends_a_diverging_run(tiny, capsys):
    model = sequential(compile_with=SGD(3e38))
    history = dc.fit(model, tiny, epochs=5, batch_size=8, callbacks=[keras.callbacks.TerminateOnNaN()])
    assert len(history.epoch) == 1
    assert not np.isfinite(history.history["loss"][0])
    assert "Invalid loss" in capsys.readouterr().out


def test_backup_and_restore_takes_up_an_interrupted_run(tiny, tmp_path):
    class PowerCut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    results = []
    for interrupted in (False, True):
        backup = keras.callbacks.BackupAndRestore(tmp_path / str(interrupted))
        if interrupted:
            dc.set_seed(0)
            with pytest.raises(KeyboardInterrupt):
                dc.fit(sequential(), tiny, epochs=4, batch_size=8, seed=1, callbacks=[backup, PowerCut()])
        dc.set_seed(0)
        model = sequential()
        history = dc.fit(model, tiny, epochs=4, batch_size=8, seed=1, callbacks=[backup])
        results.append(weights(model))
        assert history.epoch == ([2, 3] if interrupted else [0, 1, 2, 3])
    np.testing.assert_array_equal(*results)


def test_initial_epoch_goes_on_where_a_saved_run_stopped(tiny, tmp_path):
    """Adam's memory and the order of each epoch go on, and from the right epoch."""
    path = tmp_path / "half.keras"

    def model():
        dc.set_seed(0)
        return sequential(compile_with=ADAM(0.1))

    def go_on(initial_epoch):
        half = keras.saving.load_model(path)
        history = dc.fit(half, tiny, epochs=4, initial_epoch=initial_epoch, batch_size=8, seed=1)
        return weights(half), history.epoch

    whole, half = model(), model()
    dc.fit(whole, tiny, epochs=4, batch_size=8, seed=1)
    dc.fit(half, tiny, epochs=2, batch_size=8, seed=1)
    half.save(path)
    resumed, epochs = go_on(2)
    assert epochs == [2, 3]
    np.testing.assert_allclose(resumed, weights(whole), rtol=0, atol=1e-6)
    assert np.abs(go_on(1)[0] - weights(whole)).max() > 1e-3


@pytest.mark.parametrize("initial_epoch", [-1, 2, 3])
def test_refuses_an_initial_epoch_that_leaves_none(initial_epoch, tiny):
    with pytest.raises(ValueError, match=f"from 0 to 1, one less than epochs; got {initial_epoch}"):
        dc.fit(sequential(), tiny, epochs=2, initial_epoch=initial_epoch, batch_size=8)


def test_events_reach_callbacks_in_keras_order(tiny, tiny_validation):
    def listener(events):
        names = ("on_train_begin", "on_epoch_begin", "on_test_begin", "on_test_end", "on_epoch_end", "on_train_end")
        return keras.callbacks.LambdaCallback(
            **{name: (lambda *args, name=name, **_: events.append((name, *args[:-1]))) for name in names}
        )

    ours, theirs = [], []
    options = {"epochs": 2, "batch_size": 8, "validation_data": tiny_validation}
    dc.fit(sequential(), tiny, callbacks=[listener(ours)], **options)
    sequential().fit(*tiny, callbacks=[listener(theirs)], verbose=0, **options)
    assert ours == theirs
    assert len(ours) == 10


class ActsOnBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


class CheckpointThatCounts(keras.callbacks.ModelCheckpoint):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (ActsOnBatches, r"ActsOnBatches acts on batches \(on_train_batch_end\).*use on_epoch_begin and on_epoch_end"),
        (lambda: keras.callbacks.LambdaCallback(on_train_batch_end=print), "LambdaCallback.*on_train_batch_end"),
        (lambda: keras.callbacks.LambdaCallback(on_test_batch_begin=print), "LambdaCallback.*on_test_batch_begin"),
        (lambda: keras.callbacks.ModelCheckpoint("x.keras", save_freq=10), "give it save_freq='epoch'"),
        (lambda: CheckpointThatCounts("x.keras"), "CheckpointThatCounts.*on_train_batch_end"),
        (lambda: keras.callbacks.BackupAndRestore("x", save_freq=10), "give it save_freq='epoch'"),
        (lambda: keras.callbacks.TensorBoard(update_freq="batch"), "give it update_freq='epoch'"),
        (lambda: keras.callbacks.TensorBoard(update_freq=5), "give it update_freq='epoch'"),
        (keras.callbacks.ProgbarLogger, "ProgbarLogger.*on_train_batch_end"),
    ],
)  # fmt: skip
def test_refuses_batch_level_callbacks(make, advice, tiny):
    model = sequential()
    before = weights(model)
    with pytest.raises(ValueError, match=f"{advice}.*model.fit"):
        dc.fit(model, tiny, epochs=1, callbacks=[make()])
    np.testing.assert_array_equal(weights(model), before)


def test_refuses_a_tensorboard_that_profiles_batches(tiny, tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path)
    board._init_profile_batch(0)
    board._should_trace = True  # as profile_batch=2 sets it, without starting a profiler here
    with pytest.raises(ValueError, match="give it profile_batch=0"):
        dc.fit(sequential(), tiny, epochs=1, callbacks=[board])


# -- who watches, who runs at once ----------------------------------------------------------------------------------


def test_progress_is_shown_to_a_person_only(tiny, capsys, monkeypatch):
    dc.fit(sequential(), tiny, epochs=2, batch_size=8)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    dc.fit(sequential(), tiny, epochs=2, batch_size=8)
    out, err = capsys.readouterr()
    assert "epochs" in err
    assert out == ""


def test_threads_can_train_the_same_architecture_at_once(tiny):
    def train(model, seed):
        dc.fit(model, tiny, epochs=40, batch_size=8, seed=seed)

    def models():
        dc.set_seed(0)
        return [sequential() for _ in range(4)]

    one_by_one, at_once = models(), models()
    for seed, model in enumerate(one_by_one):
        train(model, seed)
    threads = [threading.Thread(target=train, args=(model, seed)) for seed, model in enumerate(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for expected, model in zip(one_by_one, at_once, strict=True):
        assert_same_state(model, expected, atol=0)


def test_what_cannot_change_is_converted_once():
    constant, changing = np.ones((3, 2), dtype="float32"), np.ones((3, 2), dtype="float32")
    constant.flags.writeable = False
    assert training._tensor(constant) is training._tensor(constant)
    assert training._tensor(changing) is not training._tensor(changing)


def test_a_read_only_view_of_what_can_change_is_converted_anew():
    below = np.ones((3, 2), dtype="float32")
    view = below[:2]
    view.flags.writeable = False
    before = training._tensor(view)
    below[:] = 2
    assert training._tensor(view).numpy().max() == 2 > before.numpy().max()


def test_a_kept_tensor_goes_with_its_array():
    constant = np.ones((3, 2), dtype="float32")
    constant.flags.writeable = False
    kept = weakref.ref(training._tensor(constant))
    del constant
    gc.collect()
    assert kept() is None


def test_a_dataset_cannot_be_changed_in_place(mnist):
    for part in (mnist.x_train, mnist.y_train, mnist.digits(0, 4).x_val, mnist.sample(2, seed=0).x_train):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 0
