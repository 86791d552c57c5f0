"""Epochs compiled as one program, and who may share a program with whom."""

from __future__ import annotations

import json
import random
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_course import runtime  # noqa: F401  (TensorFlow must be quiet before Keras brings it in)

_EVALUATION_BATCH = 1_000
_MAX_SHARED = 32

Logs = dict[str, Any]

# The parts of a model's configuration where a string is the name of a layer.
_NAMING = ("name", "keras_history", "input_layers", "output_layers")

_shared: OrderedDict[str, Program] = OrderedDict()
_sharing = threading.Lock()


class Program:
    """One epoch of training, and one evaluation, compiled for a stand-in of a model.

    The stand-in has its own variables. A model's values are copied in before each call and out after it,
    which takes under a millisecond and lets every model of the same architecture use the same program. A
    model that shares with none is its own stand-in.
    """

    def __init__(self, stand_in: keras.Model, x: tf.Tensor, y: tf.Tensor) -> None:
        self.stand_in = stand_in
        # Losses and metrics get their variables on first use; one that came while tracing would cost a second
        # trace.
        stand_in.test_step((x[:1], y[:1]))
        self._train = tf.function(self._epoch, jit_compile=True, autograph=False)
        self._evaluate = tf.function(self._evaluation, jit_compile=True, autograph=False)
        self._in_use = threading.Lock()

    @property
    def n_compilations(self) -> int:
        """How many epochs have been compiled: one for each shape of the data and of its batches."""
        return int(self._train.experimental_get_tracing_count())

    def train(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, rows: NDArray[np.int64], batch_size: int) -> Logs:
        """Train ``model`` for an epoch on the examples ``rows`` of (x, y), in this order; return the metrics."""
        full = len(rows) - len(rows) % batch_size
        batches = tf.constant(rows[:full].reshape(-1, batch_size), tf.int32)
        return self._run(model, self._train, x, y, batches, tf.constant(rows[full:], tf.int32))

    def evaluate(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor) -> Logs:
        """Return the loss and the metrics of ``model`` on (x, y)."""
        return self._run(model, self._evaluate, x, y)

    def _run(self, model: keras.Model, compiled: Any, *tensors: tf.Tensor) -> Logs:
        with self._in_use:
            if self.stand_in is not model:
                _copy(model, self.stand_in)
            # A plain call warns, after five in a row that compiled, that something must be wrong. Nothing is: five
            # architectures, or five sizes of the data, were compared.
            concrete = compiled.get_concrete_function(*tensors)
            logs = {name: value.numpy() for name, value in concrete(*tensors).items()}
            if self.stand_in is not model:
                _copy(self.stand_in, model)
        return logs

    def _epoch(self, x: tf.Tensor, y: tf.Tensor, batches: tf.Tensor, remainder: tf.Tensor) -> Any:
        def train_on(rows: tf.Tensor) -> None:
            self.stand_in.train_step((tf.gather(x, rows), tf.gather(y, rows)))

        self.stand_in.reset_metrics()
        _repeat(batches.shape[0], lambda step: train_on(batches[step]))
        if remainder.shape[0]:
            train_on(remainder)
        return self.stand_in.get_metrics_result()

    def _evaluation(self, x: tf.Tensor, y: tf.Tensor) -> Any:
        def test_on(rows: tf.Tensor) -> None:
            self.stand_in.test_step((tf.gather(x, rows), tf.gather(y, rows)))

        self.stand_in.reset_metrics()
        n_full, rest = divmod(x.shape[0], _EVALUATION_BATCH)
        _repeat(n_full, lambda step: test_on(step * _EVALUATION_BATCH + tf.range(_EVALUATION_BATCH)))
        if rest:
            test_on(tf.range(x.shape[0] - rest, x.shape[0]))
        return self.stand_in.get_metrics_result()


def _repeat(times: int, action: Callable[[tf.Tensor], None]) -> None:
    """Run ``action(0)`` to ``action(times - 1)`` as a loop of the program; no loop is compiled for no times."""

    def turn(step: tf.Tensor) -> tuple[tf.Tensor]:
        action(step)
        return (step + 1,)

    if times:
        tf.while_loop(lambda step: step < times, turn, (tf.constant(0),))


def program_for(model: keras.Model, x: tf.Tensor, y: tf.Tensor) -> Program:
    """The compiled program of a built and compiled model: the one of its architecture, where it may share.

    Models share if they differ only in names, initial weights, seeds or learning rate. Where code that is not
    Keras's takes part (a subclass, a custom layer, a lambda), a configuration cannot tell one model from
    another, and each model has a program of its own.
    """
    if not _is_told_by_its_configuration(model):
        return _own(model, x, y)
    key = _architecture(model, y)
    with _sharing:
        if key not in _shared:
            stand_in = _rebuilt(model)
            if _layout(stand_in) != _layout(model):  # no configuration tells, for one, of a single frozen variable
                return _own(model, x, y)
            _shared[key] = Program(stand_in, x, y)
            if len(_shared) > _MAX_SHARED:
                _shared.popitem(last=False)
        _shared.move_to_end(key)
        return _shared[key]


def _own(model: keras.Model, x: tf.Tensor, y: tf.Tensor) -> Program:
    # Kept on the model itself, so that they go together, until it is compiled again or frozen differently.
    made_for = [model._compile_config, *model.trainable_variables, *model.variables]
    kept: tuple[list[Any], Program] | None = getattr(model, "_compiled_epoch", None)
    if kept is None or list(map(id, kept[0])) != list(map(id, made_for)):
        kept = made_for, Program(model, x, y)
        object.__setattr__(model, "_compiled_epoch", kept)
    return kept[1]


def _is_told_by_its_configuration(model: keras.Model) -> bool:
    layers = model._flatten_layers()
    if any(hasattr(layer, "adapt") for layer in layers):  # what it adapted to is not in its configuration
        return False
    return all(map(_is_kerass_own, [*layers, *keras.tree.flatten(model._compile_config.config)]))


def _is_kerass_own(part: Any) -> bool:
    """True if neither ``part`` nor a function that it holds, initializers aside, is defined outside Keras."""
    values = getattr(part, "__dict__", {}).values()
    held = [value for value in values if callable(value) and not isinstance(value, keras.Initializer)]
    return all(str(getattr(thing, "__module__", "keras.")).startswith("keras.") for thing in (part, *held))


def _rebuilt(model: keras.Model) -> keras.Model:
    # Initializers and dropout take their seeds from Python's generator. Whether a program was compiled before
    # must not decide what the next model starts with, so the generator is put back.
    state = random.getstate()
    try:
        # Not from_config: a Sequential made by it is built anew for each layer, in time that grows with depth squared.
        stand_in = keras.models.clone_model(model, clone_function=_bare)
        stand_in.compile_from_config(model.get_compile_config())
        for of_stand_in, of_model in zip(_losses(stand_in), _losses(model), strict=True):
            vars(of_stand_in).update(_precision(of_model))  # no configuration tells of it
    finally:
        random.setstate(state)
    return stand_in


def _bare(layer: keras.Layer) -> keras.Layer:
    return type(layer).from_config(_without_initializers(layer.get_config()))


def _architecture(model: keras.Model, y: tf.Tensor) -> str:
    """What decides the compiled program, as text."""
    layers = model._flatten_layers(include_self=False)
    names = {layer.name: f"layer {number}" for number, layer in enumerate(layers)} | {model.name: "model"}
    compiled = model.get_compile_config()
    if isinstance(compiled["optimizer"]["config"]["learning_rate"], float):  # a variable; a schedule is code
        del compiled["optimizer"]["config"]["learning_rate"]
    config = _renamed(_without_initializers(model.get_config()), names)
    precisions = [loss.dtype for loss in _losses(model)]
    described = [config, compiled, precisions, _layout(model), y.shape[1:].as_list()]
    return json.dumps(described, sort_keys=True, default=repr)


def _losses(model: keras.Model) -> list[keras.losses.Loss]:
    return [loss for loss in keras.tree.flatten(model.loss) if isinstance(loss, keras.losses.Loss)]


def _precision(loss: keras.losses.Loss) -> dict[str, Any]:
    return {name: vars(loss)[name] for name in ("_dtype_policy", "_dtype")}


def _without_initializers(config: Any) -> Any:
    if isinstance(config, dict):
        return {
            key: _without_initializers(value)
            for key, value in config.items()
            if not key.endswith("_initializer") and key != "seed"
        }
    return [_without_initializers(value) for value in config] if isinstance(config, (list, tuple)) else config


def _renamed(config: Any, names: dict[str, str], *, is_name: bool = False) -> Any:
    """The configuration with its layers named by their number, where a string stands for a layer."""
    if isinstance(config, dict):
        return {key: _renamed(value, names, is_name=key in _NAMING) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [_renamed(value, names, is_name=is_name) for value in config]
    return names.get(config, config) if is_name and isinstance(config, str) else config


def _layout(model: keras.Model) -> list[tuple[tuple[int, ...], str, bool]]:
    return [(tuple(v.shape), str(v.dtype), v.trainable) for v in _state(model)]


def _state(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _copy(source: keras.Model, target: keras.Model) -> None:
    for theirs, ours in zip(_state(source), _state(target), strict=True):
        # What variable.assign comes down to, in a third of its time: a short epoch of a deep net takes no longer.
        value = tf.raw_ops.ReadVariableOp(resource=theirs.value.handle, dtype=theirs.value.dtype)
        tf.raw_ops.AssignVariableOp(resource=ours.value.handle, value=value)
