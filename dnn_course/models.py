"""The course's one network builder, and the re-use of lower layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np

from dnn_course import runtime  # noqa: F401  (TensorFlow must be quiet before Keras brings it in)


def mlp(
    hidden: Sequence[int],
    *,
    activation: str | keras.layers.Layer = "relu",
    kernel_initializer: str | keras.Initializer = "glorot_uniform",
    bias_initializer: str | keras.Initializer = "zeros",
    batch_normalization: Literal["before", "after"] | None = None,
    momentum: float = 0.99,
    dropout: float = 0.0,
    kernel_regularizer: keras.Regularizer | None = None,
    n_inputs: int = 784,
    n_classes: int = 10,
    dtype: Literal["float32", "float64"] = "float32",
) -> keras.Sequential:
    r"""A multilayer perceptron that ends in logits.

    Hidden layer :math:`l` computes :math:`h^l = \phi(z^l)` with :math:`z^l = h^{l-1} W^l + b^l`; the output
    layer is linear, :math:`\mathrm{logits} = h^L W^{L+1} + b^{L+1}`. With batch normalization *before* the
    activation, :math:`h^l = \phi(\mathrm{BN}(h^{l-1} W^l))`, without the bias that it would cancel; *after*
    it, :math:`h^l = \mathrm{BN}(\phi(z^l))`. Dropout comes last in each hidden layer.

    Args:
        hidden: units of each hidden layer, from the input upwards, e.g. ``[300, 100]``.
        activation: :math:`\phi`, any Keras activation by name, or a layer such as
            ``keras.layers.LeakyReLU(negative_slope=0.01)``: each hidden layer gets a copy of its own.
        kernel_initializer: how :math:`W` is drawn, in every layer.
        bias_initializer: how :math:`b` is drawn, in every layer.
        batch_normalization: ``"before"`` or ``"after"`` the activation, or None.
        momentum: of the moving averages of batch normalization.
        dropout: share of a hidden layer's outputs that is dropped while training.
        kernel_regularizer: a penalty on each :math:`W`.
        n_inputs: width of an input row.
        n_classes: number of logits.
        dtype: of weights and arithmetic. Processors sum in different orders, so the last bits of their results
            differ, and a deep net in training amplifies the difference. In ``"float64"``, two to three times
            slower, it starts a billion times smaller and stays out of sight.

    Returns:
        A built, uncompiled ``keras.Sequential``: input (batch, n_inputs), output (batch, n_classes).

    Raises:
        ValueError: for a width below 1, an unknown place of batch normalization, a dropout outside [0, 1), or
            an initializer with a seed of its own.

    >>> mlp([300, 100]).count_params()
    266610
    """
    if any(units < 1 for units in hidden):
        raise ValueError(f"every hidden layer needs at least one unit, got {list(hidden)}")
    if batch_normalization not in (None, "before", "after"):
        raise ValueError(f'batch_normalization is None, "before" or "after"; got {batch_normalization!r}')
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is a share from 0 up to, not including, 1; got {dropout}")
    for initializer in (kernel_initializer, bias_initializer):
        if getattr(initializer, "_init_seed", None) is not None:
            raise ValueError(
                f"{type(initializer).__name__} has a seed of its own, so all layers of one shape would start "
                "with the same weights. Leave its seed out and call dnn_course.set_seed(...) first."
            )

    def dense(units: int, **options: object) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            kernel_initializer=_of_its_own(kernel_initializer),
            bias_initializer=_of_its_own(bias_initializer),
            kernel_regularizer=kernel_regularizer,
            dtype=dtype,
            **options,
        )

    own_layer = activation if isinstance(activation, keras.layers.Layer) else None
    in_front = batch_normalization == "before"
    layers: list[keras.layers.Layer] = []
    for number, units in enumerate(hidden, start=1):
        activate, normalize = [], []
        if own_layer:
            config = own_layer.get_config() | {"name": f"activation_{number}", "dtype": dtype}
            activate = [type(own_layer).from_config(config)]
        elif in_front:
            activate = [keras.layers.Activation(activation, name=f"activation_{number}", dtype=dtype)]
        if batch_normalization:
            normalize = [keras.layers.BatchNormalization(momentum=momentum, name=f"bn_{number}", dtype=dtype)]
        in_dense = None if activate else activation
        layers.append(dense(units, activation=in_dense, use_bias=not in_front, name=f"hidden_{number}"))
        layers += normalize + activate if in_front else activate + normalize
        if dropout:
            layers.append(keras.layers.Dropout(dropout, name=f"dropout_{number}", dtype=dtype))
    return keras.Sequential([keras.Input((n_inputs,)), *layers, dense(n_classes, name="logits")])


def _of_its_own(initializer: str | keras.Initializer) -> keras.Initializer:
    # An initializer object draws its seed when it is made and then gives the same numbers at every call, so
    # layers that share one would start alike, and so would the models of a whole grid.
    got = keras.initializers.get(initializer)
    return type(got).from_config(got.get_config())


def compile_classifier(model: keras.Model, optimizer: str | keras.Optimizer) -> keras.Model:
    r"""Compile a model that gives logits to classify by integer labels.

    The loss is the mean cross-entropy :math:`-\log p_y` with :math:`p = \mathrm{softmax}(\mathrm{logits})`,
    in nats; the metric is accuracy.

    Args:
        model: a model whose output is (batch, n_classes) logits.
        optimizer: a Keras optimizer, or its name for the defaults.

    Returns:
        The same model, for chaining.

    >>> compile_classifier(mlp([10]), "sgd").optimizer.name
    'SGD'
    """
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype=model.layers[-1].compute_dtype)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def build_on(model: keras.Model, x: Any) -> Any:
    """Make the variables of a model that has not run yet, and return its outputs, symbolic where Keras keeps them."""
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *x.shape[1:]))  # a call with one row would settle it on batches of one
    known = getattr(model, "outputs", None)  # a subclass has none
    if not known:
        return model(x[:1])
    return known[0] if len(known) == 1 else known


def reuse(model: keras.Sequential, n_layers: int, *, trainable: bool, n_classes: int | None = None) -> keras.Sequential:
    """A new model that starts from the lowest hidden layers of another, with fresh layers above.

    The lower layers' weights are copied, so training the new model leaves ``model`` as it is. A hidden layer
    is a ``Dense`` layer together with the activation, batch normalization and dropout that follow it.

    Args:
        model: the trained model, its last layer the logits.
        n_layers: hidden layers to take over, counted from the input.
        trainable: False freezes the layers taken over.
        n_classes: number of logits of the new model; by default as many as before.

    Returns:
        A built, uncompiled ``keras.Sequential`` of the same shape below the logits.

    Raises:
        ValueError: if ``model`` is not Sequential, ends in something other than ``Dense``, or has fewer
            hidden layers.

    >>> pretrained = mlp([20, 20], n_classes=5)
    >>> new = reuse(pretrained, 1, trainable=False)
    >>> [layer.trainable for layer in new.layers]
    [False, True, True]
    """
    if not isinstance(model, keras.Sequential) or not isinstance(model.layers[-1], keras.layers.Dense):
        raise ValueError("reuse needs a Sequential model whose last layer is the Dense layer of the logits")
    n_hidden = sum(isinstance(layer, keras.layers.Dense) for layer in model.layers) - 1
    if not 0 <= n_layers <= n_hidden:
        raise ValueError(f"n_layers must be from 0 to {n_hidden}, the model's hidden layers; got {n_layers}")

    head = model.layers[-1].get_config() | {"trainable": True}
    if n_classes is not None:
        head["units"] = n_classes
    copies = [type(layer).from_config(layer.get_config()) for layer in model.layers[:-1]]
    new = keras.Sequential([keras.Input(model.input_shape[1:]), *copies, keras.layers.Dense.from_config(head)])
    dense_seen = 0
    for layer, copy in zip(model.layers, copies, strict=False):
        dense_seen += isinstance(layer, keras.layers.Dense)
        if dense_seen <= n_layers:
            copy.set_weights(layer.get_weights())
        copy.trainable = trainable or dense_seen > n_layers
    return new


def largest_difference(one: keras.Model | Sequence[Any], other: keras.Model | Sequence[Any]) -> float:
    r"""How far apart two sets of weights are, :math:`\max_i |a_i - b_i|` over all entries of all arrays.

    Zero means the same network, to the last bit; a frozen layer is one whose weights have moved by zero.

    Args:
        one: a model, of which all weights count (batch normalization's averages among them), or its weights as
            ``get_weights`` gives them.
        other: the same of the other model.

    Returns:
        The largest difference, in the weights' own units.

    Raises:
        ValueError: if the two differ in the number or the shapes of their arrays.

    >>> model = mlp([3], n_inputs=2)
    >>> before = model.get_weights()
    >>> _ = model.layers[-1].bias.assign([0.5] * 10)
    >>> largest_difference(model, before)
    0.5
    """
    a, b = ([np.asarray(w) for w in (x.get_weights() if isinstance(x, keras.Model) else x)] for x in (one, other))
    if [w.shape for w in a] != [w.shape for w in b]:
        raise ValueError(f"the weights do not match: {[w.shape for w in a]} and {[w.shape for w in b]}")
    return max((float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True) if x.size), default=0.0)
