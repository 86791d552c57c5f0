"""A drop-in for ``model.fit`` that runs a whole epoch as one compiled program.

``model.fit`` comes back to Python after every batch. For the small networks of this course that return costs
several times more than the arithmetic. Here Keras's own ``train_step`` stands in a loop inside one XLA
program, so losses, metrics, batch normalization, dropout, regularization and gradient clipping are Keras's
own, to rounding.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from dnn_course import runtime
from dnn_course.models import build_on
from dnn_course.programs import program_for

Arrays = tuple[Any, Any]

_kept: dict[tuple[int, str], tf.Tensor] = {}

_BATCH_METHODS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end",
                  "on_test_batch_begin", "on_test_batch_end")  # fmt: skip
# Keras's callbacks that act on batches only if told to: the option that keeps them from it, and how it shows.
_EPOCH_LEVEL: dict[type, dict[str, tuple[str, Any]]] = {
    keras.callbacks.ModelCheckpoint: {"save_freq='epoch'": ("save_freq", "epoch")},
    keras.callbacks.BackupAndRestore: {"save_freq='epoch'": ("save_freq", "epoch")},
    keras.callbacks.TensorBoard: {
        "update_freq='epoch'": ("update_freq", "epoch"),
        "profile_batch=0": ("_should_trace", False),
    },
    keras.callbacks.TerminateOnNaN: {},
}


def fit(
    model: keras.Model,
    data: Arrays,
    *,
    epochs: int,
    batch_size: int = 50,
    validation_data: Arrays | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    shuffle: bool = True,
    initial_epoch: int = 0,
    seed: int | None = None,
) -> keras.callbacks.History:
    """Train a compiled Keras model, one compiled program an epoch.

    Does what ``model.fit`` does with arrays in memory: the incomplete last batch is trained on too, the
    metrics are averages over the epoch, and validation follows each epoch. The program is compiled once for
    an architecture, optimizer and shape of the data; models that differ in weights, initializers, seeds or
    learning rate share it.

    Args:
        model: a compiled model with one input and one output: Sequential, functional or subclassed.
        data: ``(x, y)``, arrays with one row an example.
        epochs: passes over the data, at least 1; with ``initial_epoch``, the number of the last one.
        batch_size: examples of a gradient step.
        validation_data: ``(x, y)`` to evaluate after each epoch.
        callbacks: Keras callbacks that act on epochs. ``TerminateOnNaN`` is asked once an epoch.
        shuffle: draw a new order of the examples each epoch; False keeps the order given.
        initial_epoch: passes that an interrupted run has behind it. With the same ``seed``, and model and optimizer as
            they were then, training goes on as if it had never stopped. A ``BackupAndRestore`` that finds a backup
            knows better.
        seed: of these orders; by default drawn from NumPy's global generator, which
            :func:`dnn_course.set_seed` seeds.

    Returns:
        Keras's ``History``, as from ``model.fit``. Model and optimizer can be used, saved or trained further
        by Keras.

    Raises:
        ValueError: if the model is not compiled; arrays are empty or differ in length; labels do not fit the
            model's output; or a callback acts on batches, which do not come back to Python here.

    >>> import dnn_course as dc
    >>> dc.set_seed(0)
    >>> x, y = np.eye(4, dtype="float32"), np.arange(4)
    >>> model = dc.compile_classifier(dc.mlp([8], n_inputs=4, n_classes=4), "sgd")
    >>> history = dc.fit(model, (x, y), epochs=2, batch_size=4)
    >>> history.history["loss"][1] < history.history["loss"][0]
    True
    """
    if not getattr(model, "compiled", False) or model.optimizer is None:
        raise ValueError(
            "the model is not compiled: call model.compile(...) or dnn_course.compile_classifier(...) first"
        )
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be at least 1, got {epochs} and {batch_size}")
    if not 0 <= initial_epoch < epochs:
        raise ValueError(f"initial_epoch must be from 0 to {epochs - 1}, one less than epochs; got {initial_epoch}")
    for callback in callbacks:
        _refuse_batch_level(callback)
    x, y = _checked(model, data, "data")
    validation = None if validation_data is None else _checked(model, validation_data, "validation_data")
    if seed is None:
        seed = int(np.random.randint(2**31))  # noqa: NPY002  (the global generator is the one that set_seed seeds)

    model.optimizer.build(model.trainable_variables)
    program = program_for(model, x, y)
    n_steps = -(-len(x) // batch_size)
    listeners = keras.callbacks.CallbackList(
        list(callbacks), add_history=True, model=model, epochs=epochs, steps=n_steps, verbose=0
    )
    model.stop_training = False
    listeners.on_train_begin()
    logs: dict[str, Any] = {}
    for epoch in runtime.progress(range(model._initial_epoch or initial_epoch, epochs), desc="epochs"):
        listeners.on_epoch_begin(epoch)
        rows = np.random.default_rng([seed, epoch]).permutation(len(x)) if shuffle else np.arange(len(x))
        logs = program.train(model, x, y, rows, batch_size)
        if validation is not None:
            listeners.on_test_begin()
            evaluated = program.evaluate(model, *validation)
            listeners.on_test_end(evaluated)
            logs |= {f"val_{name}": value for name, value in evaluated.items()}
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.TerminateOnNaN):
                callback.on_batch_end(n_steps - 1, logs)
        listeners.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    model.optimizer.finalize_variable_values(model.trainable_weights)
    listeners.on_train_end(logs)
    return model.history


def history_table(history: keras.callbacks.History) -> pd.DataFrame:
    """One row an epoch: ``epoch``, counted from 1, then the loss and the metrics as Keras names them.

    Args:
        history: what :func:`fit` or ``model.fit`` returned.

    Returns:
        A table for :func:`dnn_course.run_grid`.

    >>> history = keras.callbacks.History()
    >>> history.history = {"loss": [2.0, 1.5]}
    >>> history_table(history)
       epoch  loss
    0      1   2.0
    1      2   1.5
    """
    table = pd.DataFrame(history.history)
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table


def _refuse_batch_level(callback: keras.callbacks.Callback) -> None:
    name = type(callback).__name__
    known = next((kind for kind in _EPOCH_LEVEL if isinstance(callback, kind)), keras.callbacks.Callback)
    for option, (attribute, needed) in _EPOCH_LEVEL.get(known, {}).items():
        if getattr(callback, attribute) != needed:
            raise ValueError(f"{name} acts on batches: give it {option}, or train with model.fit")
    acting = [
        method
        for method in _BATCH_METHODS
        if method in vars(callback) or getattr(type(callback), method) is not getattr(known, method)
    ]
    if acting:
        raise ValueError(
            f"{name} acts on batches ({', '.join(acting)}), but a whole epoch runs as one program here: "
            "use on_epoch_begin and on_epoch_end, or train with model.fit"
        )


def _checked(model: keras.Model, data: Arrays, what: str) -> tuple[tf.Tensor, tf.Tensor]:
    if not isinstance(data, (tuple, list)) or len(data) != 2 or any(part is None for part in data):
        raise ValueError(f"{what} must be a pair (x, y) of arrays")
    x, y = map(_tensor, data)
    if not x.shape.rank or not y.shape.rank or x.shape[0] != y.shape[0]:
        raise ValueError(f"{what}: x and y need one row an example; their shapes are {x.shape} and {y.shape}")
    if x.shape[0] == 0:
        raise ValueError(f"{what} is empty: x has shape {x.shape}")
    outputs = build_on(model, x)
    if not hasattr(outputs, "shape"):
        raise ValueError("the model has more than one output; train it with model.fit")
    if _is_sparse_crossentropy(model.loss):
        low, high, n_outputs = int(tf.reduce_min(y)), int(tf.reduce_max(y)), outputs.shape[-1]
        if low < 0 or high >= n_outputs:
            raise ValueError(
                f"{what}: labels go from {low} to {high}, but the model has {n_outputs} outputs, so they must "
                f"be from 0 to {n_outputs - 1}. Number the classes from 0 (Dataset.digits does), or give the "
                "model more outputs."
            )
    return x, y


def _tensor(array: Any) -> tf.Tensor:
    """Return ``array`` as a tensor. That of an array that cannot change is kept for as long as the array lives.

    TensorFlow copies what it converts. For MNIST that takes as long as a good part of an epoch, each time.
    """
    if not _is_constant(array):
        return _converted(array)
    key = id(array), keras.config.floatx()
    if key not in _kept:
        _kept[key] = _converted(array)
        weakref.finalize(array, _kept.pop, key, None)
    return _kept[key]


def _is_constant(array: Any) -> bool:
    """True if ``array`` is read-only, and so is all that it is a view of."""
    while isinstance(array, np.ndarray) and not array.flags.writeable:
        if array.base is None:
            return True
        array = array.base
    return False


def _converted(array: Any) -> tf.Tensor:
    tensor = tf.convert_to_tensor(array)
    return tf.cast(tensor, keras.config.floatx()) if tensor.dtype.is_floating else tensor


def _is_sparse_crossentropy(loss: Any) -> bool:
    of_class = isinstance(loss, keras.losses.SparseCategoricalCrossentropy)
    return of_class or loss in ("sparse_categorical_crossentropy", keras.losses.sparse_categorical_crossentropy)
