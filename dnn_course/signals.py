"""What happens inside a network, layer by layer: activations, back-propagated and weight gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from dnn_course.models import build_on

Function = Callable[..., tf.Tensor]

SATURATED_SLOPE = 0.05
"""A unit counts as saturated where its slope is at most this share of the activation's steepest slope."""

_PROBE = np.linspace(-10, 10, 201, dtype="float32")
_ACTIVATION_LAYERS = (
    keras.layers.Activation, keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU,
)  # fmt: skip


@dataclass(frozen=True)
class LayerSignals:
    """The arrays of one hidden layer, for a batch of N examples; n_in inputs, n units."""

    name: str
    pre_activation: NDArray[np.float32]
    """z, what the activation function is given: (N, n)."""
    activation: NDArray[np.float32]
    """h = φ(z), what it returns: (N, n)."""
    gradient: NDArray[np.float32]
    """∂loss/∂z, back-propagated to the pre-activations: (N, n). The loss is a mean over N: it scales as 1/N."""
    slope: NDArray[np.float32]
    """φ'(z): (N, n)."""
    kernel: NDArray[np.float32]
    """W: (n_in, n)."""
    weight_gradient: NDArray[np.float32]
    """∂loss/∂W: (n_in, n)."""
    steepest: float
    """The steepest slope of the activation function."""

    @property
    def saturated(self) -> float:
        """Share of (example, unit) pairs whose slope is at most 5 % of the activation's steepest slope."""
        return float(np.mean(np.abs(self.slope) <= SATURATED_SLOPE * self.steepest))

    @property
    def dead(self) -> float:
        """Share of units whose slope is zero for every example: no gradient reaches them."""
        return float(np.mean(np.all(self.slope == 0, axis=0)))


@dataclass(frozen=True)
class Signals:
    """The hidden layers of a network, from the input upwards."""

    layers: tuple[LayerSignals, ...]

    def arrays(self, kind: str) -> dict[str, NDArray[np.float32]]:
        """One kind of array, by layer, for histograms: e.g. ``arrays("gradient")``.

        Args:
            kind: ``"pre_activation"``, ``"activation"``, ``"gradient"``, ``"slope"``, ``"kernel"`` or
                ``"weight_gradient"``.
        """
        return {layer.name: getattr(layer, kind) for layer in self.layers}

    @property
    def table(self) -> pd.DataFrame:
        """One row a hidden layer.

        Columns: ``layer`` (from 1), ``name``, ``units``; mean and standard deviation of the activations, standard
        deviations of gradients, weights and weight gradients (over all entries); ``saturated`` and ``dead`` shares.
        """
        return pd.DataFrame(
            {
                "layer": number,
                "name": layer.name,
                "units": layer.activation.shape[1],
                "activation_mean": float(layer.activation.mean(dtype=np.float64)),
                "activation_std": _std(layer.activation),
                "gradient_std": _std(layer.gradient),
                "weight_std": _std(layer.kernel),
                "weight_gradient_std": _std(layer.weight_gradient),
                "saturated": layer.saturated,
                "dead": layer.dead,
            }
            for number, layer in enumerate(self.layers, start=1)
        )


@dataclass
class _Seen:
    """A Dense layer that has run, and what the activation function behind it was given and returned."""

    layer: keras.layers.Dense
    function: Function
    z: tf.Tensor
    h: tf.Tensor


class _Recorder:
    """Collects, while a model runs, a :class:`_Seen` for each Dense layer."""

    def __init__(self, tape: tf.GradientTape) -> None:
        self.tape = tape
        self.seen: list[_Seen] = []

    def dense_activation(self, layer: keras.layers.Dense, function: Function) -> Function:
        def record(z: tf.Tensor) -> tf.Tensor:
            self.tape.watch(z)
            seen = _Seen(layer, function, z, z)
            self.seen.append(seen)  # before it runs: the function may be a layer that is recorded itself
            seen.h = function(z)
            return seen.h

        return record

    def activation_layer(self, call: Function) -> Function:
        def record(z: tf.Tensor, *args: Any, **kwargs: Any) -> tf.Tensor:
            if not self.seen:  # an activation before the first Dense layer belongs to the input
                return call(z, *args, **kwargs)
            self.tape.watch(z)
            seen = self.seen[-1]
            seen.function, seen.z, seen.h = call, z, call(z, *args, **kwargs)
            return seen.h

        return record


def layer_signals(model: keras.Model, x: Any, y: Any, *, training: bool = True) -> Signals:
    r"""Run one batch forward and back and keep what every hidden layer saw.

    For each hidden layer :math:`h = \phi(z)`: the pre-activations :math:`z`, the activations :math:`h`, the
    back-propagated gradients :math:`\partial \mathcal{L} / \partial z` and the weight gradients
    :math:`\partial \mathcal{L} / \partial W`, with :math:`\mathcal{L}` the compiled loss, a mean over the batch, plus
    the penalties on weights. :math:`z` is what the activation function is given: after batch normalization where that
    comes first.

    Works for any Keras model whose hidden layers are ``Dense``: Sequential, functional or subclassed, with the
    activation inside the layer or in a layer behind it, with batch normalization and dropout. The model is left as it
    was: moving averages and random states are put back.

    Args:
        model: a compiled model.
        x: inputs, (N, n_inputs).
        y: labels, one for each input.
        training: run batch normalization and dropout as in training (True) or as in inference (False).

    Returns:
        The signals of the hidden layers, in the order in which they ran. The last ``Dense`` layer is the output.

    Raises:
        ValueError: if the model is not compiled or has no hidden ``Dense`` layer.

    >>> import dnn_course as dc
    >>> model = dc.compile_classifier(dc.mlp([20, 20]), "sgd")
    >>> signals = layer_signals(model, *dc.load_mnist().sample(2, seed=0).train)
    >>> signals.layers[0].gradient.shape
    (20, 20)
    """
    if not getattr(model, "compiled", False):
        raise ValueError("layer_signals needs the loss of a compiled model: call model.compile(...) first")
    x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    build_on(model, x)
    dense = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dense)]
    with _state_kept(model), tf.GradientTape() as tape:
        tape.watch([layer.kernel.value for layer in dense])
        recorder = _Recorder(tape)
        with _recording(model, recorder):
            outputs = model(x, training=training)
        loss = model.compute_loss(x=x, y=y, y_pred=outputs, training=training)
    hidden = recorder.seen[:-1]
    if not hidden:
        raise ValueError("layer_signals needs two Dense layers or more, the last the output; found no hidden one")
    zs, kernels = [seen.z for seen in hidden], [seen.layer.kernel.value for seen in hidden]
    gradients, weight_gradients = tape.gradient(loss, [zs, kernels], unconnected_gradients="zero")
    return Signals(
        tuple(
            LayerSignals(
                name=seen.layer.name,
                pre_activation=seen.z.numpy(),
                activation=seen.h.numpy(),
                gradient=gradient.numpy(),
                slope=_slope(seen.function, seen.z).numpy(),
                kernel=seen.layer.kernel.numpy(),
                weight_gradient=weight_gradient.numpy(),
                steepest=float(np.abs(_slope(seen.function, _probe(seen.z))).max()),
            )
            for seen, gradient, weight_gradient in zip(hidden, gradients, weight_gradients, strict=True)
        )
    )


@contextmanager
def _recording(model: keras.Model, recorder: _Recorder) -> Iterator[None]:
    """Let the model's layers tell the recorder what goes through them, for the time of the block."""
    replaced: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, new: Any) -> None:
        replaced.append((owner, name, vars(owner).get(name)))
        object.__setattr__(owner, name, new)

    try:
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.Dense):
                replace(layer, "activation", recorder.dense_activation(layer, layer.activation))
            elif isinstance(layer, _ACTIVATION_LAYERS):
                replace(layer, "call", recorder.activation_layer(layer.call))
        yield
    finally:
        for owner, name, old in replaced:
            if old is None:
                object.__delattr__(owner, name)
            else:
                object.__setattr__(owner, name, old)


@contextmanager
def _state_kept(model: keras.Model) -> Iterator[None]:
    """Put moving averages and random states back as they were."""
    before = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def _slope(function: Function, z: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(z)
        h = function(z)
    return tape.gradient(h, z, unconnected_gradients="zero")


def _probe(z: tf.Tensor) -> tf.Tensor:
    """The inputs -10, -9.9 ... 10, for as many units as z has."""
    return tf.constant(np.repeat(_PROBE[:, None], z.shape[-1], axis=1))


def _std(values: NDArray[np.float32]) -> float:
    return float(values.std(dtype=np.float64))
