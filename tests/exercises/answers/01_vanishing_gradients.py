"""Other answers to assignment 01_vanishing_gradients, and the marks that they deserve."""

from tests.exercises.table import Answer

RECURSIVE = """
def back_propagate(delta_top, weights, slopes):
    if not weights:
        return [np.asarray(delta_top)]
    upper = back_propagate(delta_top, weights[1:], slopes[1:])
    below = np.zeros(np.shape(slopes[0]))
    for image, delta in enumerate(upper[0]):
        below[image] = np.diag(slopes[0][image]) @ (weights[0] @ delta)
    return [below, *upper]
"""
IMAGE_BY_IMAGE = """
def weight_gradient(h_below, delta):
    return sum(np.outer(h, d) for h, d in zip(h_below, delta))
"""
FROM_SQUARES = """
def gradient_bound(weights, steepest):
    bound = keras.ops.convert_to_tensor(1.0, dtype="float64")
    for W in weights:
        bound = bound * steepest * np.sqrt(np.linalg.eigvalsh(W.T @ W)[-1])
    return bound
"""
BY_TABLE = """
def gradient_factor(model, x, y):
    logs = np.log(dc.layer_signals(model, x, y).table["gradient_std"].to_numpy())
    return float(np.exp(-np.diff(logs).mean()))
"""
BY_ARRAYS = """
def signal_factor(model, x, y):
    found = dc.layer_signals(model, x, y).arrays("activation")
    spreads = [np.mean([np.std(unit) for unit in h.T]) for h in found.values()]
    factor = 1.0
    for below, above in zip(spreads, spreads[1:]):
        factor *= (above / below) ** (1 / (len(spreads) - 1))
    return factor
"""
LINEAR_LAYERS = """
def fooling_network():
    narrow = keras.initializers.VarianceScaling(0.09, "fan_in", "uniform")
    inputs = keras.Input((784,))
    h = inputs
    for _ in range(7):
        h = keras.layers.Dense(150, kernel_initializer=type(narrow)(0.09, "fan_in"))(h)
    model = keras.Model(inputs, keras.layers.Dense(10)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    return model
"""
BY_POWERS = """
def scaled_to(W, growth):
    power, logs = np.eye(len(W)), 0.0
    for _ in range(20000):
        power = power @ W
        size = np.abs(power).max()
        power, logs = power / size, logs + np.log(size)
    return W * growth / np.exp(logs / 20000)
"""
OTHER_CHANGES = """
changes = dict(
    units=20,
    learning_rate=20,
    weights=keras.initializers.Orthogonal(gain=5.0),
    activation="elu",
)
predicted = dict.fromkeys(changes, 1)
"""


def changed(**values: str) -> str:
    """Return the cell of part 6 with some values of its own."""
    own = {"activation": '"tanh"', "weights": "of_spread(6.0)", "learning_rate": "3.0", "units": "50"} | values
    inside = ", ".join(f'"{name}": {value}' for name, value in own.items())
    return f"changes = {{{inside}}}\npredicted = dict.fromkeys(changes, 0.5)"


ANSWERS = [
    Answer(
        "all of it written differently",
        cells={
            "back_propagate": RECURSIVE,
            "weight_gradient": IMAGE_BY_IMAGE,
            "gradient_bound": FROM_SQUARES,
            "gradient_factor": BY_TABLE,
            "signal_factor": BY_ARRAYS,
            "fooling_network": LINEAR_LAYERS,
            "scaled_to": BY_POWERS,
            "one_change": OTHER_CHANGES,
        },
        lost={},
    ),
    Answer(
        "part 1 not answered, all the rest is",
        cells={
            "back_propagate": "def back_propagate(delta_top, weights, slopes):\n    raise NotImplementedError",
            "weight_gradient": "def weight_gradient(h_below, delta):\n    pass",
        },
        lost={"test_back_propagate": 2, "test_weight_gradient": 1},
    ),
    Answer(
        "the slopes forgotten; the mean over images taken twice",
        cells={
            "back_propagate": (
                "def back_propagate(delta_top, weights, slopes):\n"
                "    deltas = [delta_top]\n"
                "    for W in weights[::-1]:\n"
                "        deltas.insert(0, deltas[0] @ W.T)\n"
                "    return deltas"
            ),
            "weight_gradient": "def weight_gradient(h_below, delta):\n    return h_below.T @ delta / len(delta)",
        },
        lost={"test_back_propagate": 2, "test_weight_gradient": 1},
        says={"test_back_propagate": "on its way up is missing", "test_weight_gradient": "taken twice"},
    ),
    Answer(
        "the slopes met before the matrix; each layer as it is, biases and all; a multiple that is one per cent off",
        cells={
            "back_propagate": (
                "def back_propagate(delta_top, weights, slopes):\n"
                "    deltas = [delta_top]\n"
                "    for W, slope in zip(weights[::-1], slopes[::-1]):\n"
                "        deltas.insert(0, (deltas[0] * slope) @ W.T)\n"
                "    return deltas"
            ),
            "signal_factor": (
                "def signal_factor(model, x, y):\n"
                "    layers = dc.layer_signals(model, x, y).layers\n"
                "    spread = [layer.activation.std(axis=1).mean() for layer in layers]\n"
                "    return (spread[-1] / spread[0]) ** (1 / (len(spread) - 1))"
            ),
            "scaled_to": (
                "def scaled_to(W, growth):\n    return 1.01 * W * growth / np.abs(np.linalg.eigvals(W)).max()"
            ),
        },
        lost={"test_back_propagate": 2, "test_signal_factor": 2, "test_scaled_to": 2},
        says={"test_back_propagate": "In which order", "test_signal_factor": "How do images differ"},
    ),
    Answer(
        "the walk down meets the lowest matrix first; the Frobenius norm; one image alone",
        cells={
            "back_propagate": (
                "def back_propagate(delta_top, weights, slopes):\n"
                "    deltas = [delta_top]\n"
                "    for W, slope in zip(weights, slopes):\n"
                "        deltas.append(deltas[-1] @ W.T * slope)\n"
                "    return deltas[::-1]"
            ),
            "weight_gradient": "def weight_gradient(h_below, delta):\n    return np.outer(h_below[0], delta[0])",
            "gradient_bound": (
                "def gradient_bound(weights, steepest):\n"
                "    return np.prod([steepest * np.linalg.norm(W) for W in weights])"
            ),
        },
        lost={"test_back_propagate": 2, "test_weight_gradient": 1, "test_gradient_bound": 2},
        says={"test_back_propagate": "Which matrix", "test_gradient_bound": "adds up all directions"},
    ),
    Answer(
        "eigenvalues for one step, singular values for many; weight gradients watched; the spread of all activations",
        cells={
            "gradient_bound": (
                "def gradient_bound(weights, steepest):\n"
                "    return np.prod([steepest * np.abs(np.linalg.eigvals(W)).max() for W in weights])"
            ),
            "scaled_to": "def scaled_to(W, growth):\n    return W * growth / np.linalg.norm(W, 2)",
            "gradient_factor": (
                "def gradient_factor(model, x, y):\n"
                '    std = dc.layer_signals(model, x, y).table["weight_gradient_std"].to_numpy()\n'
                "    return (std[0] / std[-1]) ** (1 / (len(std) - 1))"
            ),
            "signal_factor": (
                "def signal_factor(model, x, y):\n"
                '    std = dc.layer_signals(model, x, y).table["activation_std"].to_numpy()\n'
                "    return (std[-1] / std[0]) ** (1 / (len(std) - 1))"
            ),
        },
        lost={
            "test_gradient_bound": 2,
            "test_gradient_factor": 2,
            "test_signal_factor": 2,
            "test_scaled_to": 2,
        },
        says={
            "test_gradient_bound": "eigenvalues",
            "test_gradient_factor": "weight gradients",
            "test_signal_factor": "Units differ from one another",
            "test_scaled_to": "in the long run the gradient does less",
        },
    ),
    Answer(
        "a mean of factors; a step too many; the matrices multiplied first",
        cells={
            "gradient_bound": (
                "def gradient_bound(weights, steepest):\n"
                "    product = weights[0]\n"
                "    for W in weights[1:]:\n"
                "        product = product @ W\n"
                "    return steepest ** len(weights) * np.linalg.norm(product, 2)"
            ),
            "gradient_factor": (
                "def gradient_factor(model, x, y):\n"
                '    std = dc.layer_signals(model, x, y).table["gradient_std"].to_numpy()\n'
                "    return np.mean(std[:-1] / std[1:])"
            ),
            "signal_factor": (
                "def signal_factor(model, x, y):\n"
                "    layers = dc.layer_signals(model, x, y).layers\n"
                "    spread = [layer.activation.std(axis=0).mean() for layer in layers]\n"
                "    return (spread[-1] / spread[0]) ** (1 / len(spread))"
            ),
        },
        lost={"test_gradient_bound": 2, "test_gradient_factor": 2, "test_signal_factor": 2},
        says={
            "test_gradient_bound": "Slopes stand between",
            "test_gradient_factor": "arithmetic mean",
            "test_signal_factor": "how many steps",
        },
    ),
    Answer(
        "an average for a bound; eigenvalues with their sign; the chapter's network to fool; He's rule for weights",
        cells={
            "gradient_bound": (
                "def gradient_bound(weights, steepest):\n"
                "    bound = 1\n"
                "    for W in weights:\n"
                "        s = np.linalg.svd(W)[1]\n"
                "        bound *= steepest * s[s > 0].mean()\n"
                "    return bound"
            ),
            "scaled_to": "def scaled_to(W, growth):\n    return W * growth / np.linalg.eigvals(W).real.max()",
            "fooling_network": (
                "def fooling_network():\n"
                '    model = dc.mlp([200] * 5, activation="tanh", kernel_initializer=custom)\n'
                '    return dc.compile_classifier(model, "sgd")'
            ),
            "one_change": changed(weights='"he_normal"'),
        },
        lost={
            "test_gradient_bound": 2,
            "test_fooling_network": 2,
            "test_scaled_to": 2,
            "test_weights_change": 1,
        },
        says={
            "test_fooling_network": "She is right",
            "test_scaled_to": "changes sign",
            "test_weights_change": "the slopes still win",
        },
    ),
    Answer(
        "ten sigmoid layers for a network that fools; weights so large that units saturate; still sigmoid",
        cells={
            "fooling_network": (
                "def fooling_network():\n"
                '    return dc.compile_classifier(dc.mlp([50] * 10, activation="sigmoid"), "sgd")'
            ),
            "one_change": changed(weights="keras.initializers.RandomNormal(stddev=3.0)", activation='"hard_sigmoid"'),
        },
        lost={"test_fooling_network": 2, "test_weights_change": 1, "test_activation_change": 1},
        says={
            "test_fooling_network": "Her monitor rings",
            "test_weights_change": "saturated",
            "test_activation_change": "its slopes with 1",
        },
    ),
    Answer(
        "the values of the visible tests",
        cells={
            "back_propagate": (
                "def back_propagate(delta_top, weights, slopes):\n    return [np.array([[0.5, 5.0, 0.4]]), delta_top]"
            ),
            "weight_gradient": (
                "def weight_gradient(h_below, delta):\n    return np.array([[1, -1], [2, -2], [3, -3]])"
            ),
            "gradient_bound": "def gradient_bound(weights, steepest):\n    return 1.5 ** len(weights)",
            "gradient_factor": "def gradient_factor(model, x, y):\n    return 0.5",
            "signal_factor": "def signal_factor(model, x, y):\n    return 1 / 3",
            "scaled_to": "def scaled_to(W, growth):\n    return W / 4 if growth == 1 else W * 0.45",
        },
        lost={
            "test_back_propagate": 2,
            "test_weight_gradient": 1,
            "test_gradient_bound": 2,
            "test_gradient_factor": 2,
            "test_signal_factor": 2,
            "test_scaled_to": 2,
        },
    ),
]
