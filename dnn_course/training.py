"""A drop-in for ``model.fit`` that runs a whole epoch as one compiled program.

``model.fit`` comes back to Python after every batch. For the small networks of this course that return costs several
times more than the arithmetic. Here Keras's own ``train_step`` stands in a loop inside one XLA program, so losses,
metrics, batch normalization, dropout, regularization and gradient clipping are Keras's own, to rounding.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dnn_course import runtime

Arrays = tuple[Any, Any]

_EVALUATION_BATCH = 1_000
_BATCH_METHODS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end",
                  "on_test_batch_begin", "on_test_batch_end")  # fmt: skip
# What a run may change without changing the program: where it starts, and the step size.
_IRRELEVANT = {"name", "seed", "kernel_initializer", "bias_initializer", "learning_rate"}

_programs: OrderedDict[str, _Program] = OrderedDict()
_MAX_PROGRAMS = 32


def fit(
    model: keras.Model,
    data: Arrays,
    *,
    epochs: int,
    batch_size: int = 50,
    validation_data: Arrays | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    shuffle: bool = True,
    seed: int | None = None,
) -> keras.callbacks.History:
    """Train a compiled Keras model, one compiled program an epoch.

    Does what ``model.fit`` does with arrays in memory: the incomplete last batch is trained on too, the metrics are
    averages over the epoch, and validation follows each epoch. The program is compiled once for an architecture,
    optimizer and shape of the data; models that differ in weights, initializers, seeds or learning rate share it.

    Args:
        model: a compiled model with one input and one output: Sequential, functional or subclassed.
        data: ``(x, y)``, arrays with one row an example.
        epochs: passes over the data, at least 1.
        batch_size: examples of a gradient step.
        validation_data: ``(x, y)`` to evaluate after each epoch.
        callbacks: Keras callbacks that act on epochs. ``TerminateOnNaN`` is asked once an epoch.
        shuffle: draw a new order of the examples each epoch; False keeps the order given.
        seed: of these orders; by default drawn from NumPy's global generator, which :func:`dnn_course.set_seed` seeds.

    Returns:
        Keras's ``History``, as from ``model.fit``. Model and optimizer can be used, saved or trained further by Keras.

    Raises:
        ValueError: if the model is not compiled; arrays are empty or differ in length; labels do not fit the model's
            output; or a callback acts on batches, which do not come back to Python here.

    >>> import dnn_course as dc
    >>> dc.set_seed(0)
    >>> x, y = np.eye(4, dtype="float32"), np.arange(4)
    >>> model = dc.compile_classifier(dc.mlp([8], n_inputs=4, n_classes=4), "sgd")
    >>> history = dc.fit(model, (x, y), epochs=2, batch_size=4)
    >>> history.history["loss"][1] < history.history["loss"][0]
    True
    """
    if not getattr(model, "compiled", False) or model.optimizer is None:
        raise ValueError("the model is not compiled: call model.compile(...) or dnn_course.compile_classifier(...) first")
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be at least 1, got {epochs} and {batch_size}")
    for callback in callbacks:
        _refuse_batch_level(callback)
    x, y = _checked(model, data, "data")
    validation = None if validation_data is None else _checked(model, validation_data, "validation_data")
    if seed is None:
        seed = int(np.random.randint(2**31))  # noqa: NPY002  (the global generator is the one that set_seed seeds)

    model.optimizer.build(model.trainable_variables)
    program = _program_for(model)
    n_steps = -(-len(x) // batch_size)
    listeners = keras.callbacks.CallbackList(
        list(callbacks), add_history=True, model=model, epochs=epochs, steps=n_steps, verbose=0
    )
    model.stop_training = False
    listeners.on_train_begin()
    logs: dict[str, float] = {}
    for epoch in runtime.progress(range(epochs), desc="epochs"):
        listeners.on_epoch_begin(epoch)
        order = np.random.default_rng([seed, epoch]).permutation(len(x)) if shuffle else np.arange(len(x))
        full = len(x) - len(x) % batch_size
        batches = tf.constant(order[:full].reshape(-1, batch_size), tf.int32)
        logs = program.train(model, x, y, batches, tf.constant(order[full:], tf.int32))
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


class _Program:
    """One epoch of training, and one evaluation, compiled for a stand-in of a model.

    The stand-in has its own variables. A model's values are copied in before each call and out after it, which takes
    under a millisecond and lets every model of the same architecture use the same program.
    """

    def __init__(self, stand_in: keras.Model) -> None:
        self.stand_in = stand_in
        self._train = tf.function(self._epoch, jit_compile=True)
        self._evaluate = tf.function(self._evaluation, jit_compile=True)

    def train(self, model: keras.Model, *tensors: Any) -> dict[str, float]:
        return self._run(model, self._train, tensors)

    def evaluate(self, model: keras.Model, x: Any, y: Any) -> dict[str, float]:
        return self._run(model, self._evaluate, (x, y))

    def _run(self, model: keras.Model, compiled: Any, tensors: tuple) -> dict[str, float]:
        ours, theirs = _state(self.stand_in), _state(model)
        if self.stand_in is not model:
            _copy(theirs, ours)
        logs = {name: float(value) for name, value in compiled(*tensors).items()}
        if self.stand_in is not model:
            _copy(ours, theirs)
        return logs

    def _epoch(self, x: tf.Tensor, y: tf.Tensor, batches: tf.Tensor, remainder: tf.Tensor) -> dict[str, tf.Tensor]:
        self.stand_in.reset_metrics()
        for step in tf.range(tf.shape(batches)[0]):
            rows = batches[step]
            self.stand_in.train_step((tf.gather(x, rows), tf.gather(y, rows)))
        if remainder.shape[0]:
            self.stand_in.train_step((tf.gather(x, remainder), tf.gather(y, remainder)))
        return self.stand_in.get_metrics_result()

    def _evaluation(self, x: tf.Tensor, y: tf.Tensor) -> dict[str, tf.Tensor]:
        self.stand_in.reset_metrics()
        full = x.shape[0] - x.shape[0] % _EVALUATION_BATCH
        for start in tf.range(0, full, _EVALUATION_BATCH):
            rows = start + tf.range(_EVALUATION_BATCH)
            self.stand_in.test_step((tf.gather(x, rows), tf.gather(y, rows)))
        if full < x.shape[0]:
            self.stand_in.test_step((x[full:], y[full:]))
        return self.stand_in.get_metrics_result()


def _state(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _copy(sources: list[Any], targets: list[Any]) -> None:
    for source, target in zip(sources, targets, strict=True):
        target.value.assign(source.value)


def _program_for(model: keras.Model) -> _Program:
    key = _architecture(model)
    if key is None:
        # Kept on the model itself, for as long as it keeps this optimizer and these trainable layers.
        signature = (id(model.optimizer), [v.path for v in model.trainable_variables])
        if getattr(model, "_compiled_epoch", (None, None))[0] != signature:
            object.__setattr__(model, "_compiled_epoch", (signature, _Program(model)))
        return model._compiled_epoch[1]
    if key not in _programs:
        stand_in = type(model).from_config(model.get_config())
        stand_in.compile_from_config(model.get_compile_config())
        _programs[key] = _Program(stand_in)
        if len(_programs) > _MAX_PROGRAMS:
            _programs.popitem(last=False)
    _programs.move_to_end(key)
    return _programs[key]


def _architecture(model: keras.Model) -> str | None:
    """What decides the compiled program, as text; None where Keras cannot rebuild the model from its configuration."""
    if type(model) not in (keras.Sequential, keras.Model) and type(model).__name__ != "Functional":
        return None
    config = {"model": model.get_config(), "compile": model.get_compile_config()}
    numbers = {layer.name: f"layer_{i}" for i, layer in enumerate(model._flatten_layers(include_self=False))}
    text = json.dumps(_without_irrelevant(config, numbers), sort_keys=True, default=repr)
    # Functions without a registered name cannot be rebuilt by name, and lambdas not at all.
    return None if '"__lambda__"' in text or '"class_name": "function"' in text else text


def _without_irrelevant(config: Any, numbers: dict[str, str]) -> Any:
    if isinstance(config, dict):
        return {
            key: _without_irrelevant(value, numbers)
            for key, value in config.items()
            if key not in _IRRELEVANT or (key == "learning_rate" and isinstance(value, dict))
        }
    if isinstance(config, (list, tuple)):
        return [_without_irrelevant(value, numbers) for value in config]
    return numbers.get(config, config) if isinstance(config, str) else config


def _refuse_batch_level(callback: keras.callbacks.Callback) -> None:
    if isinstance(callback, keras.callbacks.TerminateOnNaN):
        return
    by_epoch = {"ModelCheckpoint": ("save_freq", "epoch"), "BackupAndRestore": ("save_freq", "epoch"),
                "TensorBoard": ("update_freq", "epoch")}  # fmt: skip
    name = type(callback).__name__
    if name in by_epoch and type(callback).__module__.startswith("keras."):
        option, wanted = by_epoch[name]
        if getattr(callback, option) != wanted:
            raise ValueError(f"{name} acts on batches; give it {option}={wanted!r}, or use model.fit")
        return
    default = keras.callbacks.Callback
    acting = [m for m in _BATCH_METHODS
              if m in vars(callback) or getattr(type(callback), m) is not getattr(default, m)]  # fmt: skip
    if acting:
        raise ValueError(
            f"{name} acts on batches ({', '.join(acting)}), but a whole epoch runs as one program here: "
            "use on_epoch_begin and on_epoch_end, or train with model.fit"
        )


def _checked(model: keras.Model, data: Arrays, what: str) -> tuple[tf.Tensor, tf.Tensor]:
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError(f"{what} must be a pair (x, y) of arrays")
    x, y = (tf.convert_to_tensor(part) for part in data)
    if x.shape.rank == 0 or y.shape.rank == 0 or x.shape[0] != y.shape[0]:
        raise ValueError(f"{what}: x and y need one row an example each; their shapes are {x.shape} and {y.shape}")
    if x.shape[0] == 0:
        raise ValueError(f"{what} is empty: x has shape {x.shape}")
    if x.dtype.is_floating and x.dtype != tf.float32:
        x = tf.cast(x, tf.float32)
    n_outputs = model(x[:1]).shape[-1]
    sparse = isinstance(model.loss, keras.losses.SparseCategoricalCrossentropy) or model.loss in (
        "sparse_categorical_crossentropy", keras.losses.sparse_categorical_crossentropy)  # fmt: skip
    if sparse:
        low, high = int(tf.reduce_min(y)), int(tf.reduce_max(y))
        if low < 0 or high >= n_outputs:
            raise ValueError(
                f"{what}: labels go from {low} to {high}, but the model has {n_outputs} outputs, so they must be from 0 "
                f"to {n_outputs - 1}. Number the classes from 0 (Dataset.digits does), or give the model more outputs."
            )
    return x, y
