"""Other answers to assignment 02_initialization, and the marks that they deserve."""

from tests.exercises.table import Answer

BY_MOMENTS = """
def limit(shape, std):
    edge = np.linspace(-1, 1, 200001)
    density = {"uniform": np.ones_like(edge), "triangle": 1 - np.abs(edge)}
    if shape not in density:
        return std
    second = np.sum(density[shape] * edge**2) / np.sum(density[shape])
    return std / second**0.5
"""
BY_TRIAL = """
def std_when_losing(fan_in, p):
    # one input: 1 / (1 - p) with probability 1 - p, else 0
    second_moment = (1 - p) * (1 / (1 - p)) ** 2 + p * 0
    return dc.theory.he_std(fan_in) / second_moment**0.5
"""
BY_THEORY = """
def which_rules(W):
    n_in, n_out = W.shape
    stds = {
        "He": dc.theory.he_std(n_in),
        "Glorot": dc.theory.glorot_std(n_in, n_out),
        "LeCun": dc.theory.lecun_std(n_in),
        "factor 2, fan_avg": 2**0.5 * dc.theory.glorot_std(n_in, n_out),
    }
    second = np.mean(np.square(W))
    return [name for name in stds if 0.9 * stds[name] ** 2 <= second <= 1.1 * stds[name] ** 2]
"""
SAMPLED_GAIN = """
def gain(phi):
    u = np.random.default_rng(77).standard_normal(2_000_000)
    return float(np.mean(phi(u) ** 2)) ** -0.5
"""
SAMPLED_FACTOR = """
def squared_gradient_factor(phi, slope):
    u = np.random.default_rng(78).standard_normal(2_000_000)
    return np.sum(slope(u) ** 2) / np.sum(phi(u) ** 2)
"""
BY_RECURSION = """
def variance_path(phi, sigma_w2, q_first, layers):
    if layers == 1:
        return [q_first]
    z = np.linspace(-10, 10, 20001)
    weight = np.exp(-(z**2) / 2)
    after = sigma_w2 * np.sum(weight * phi(np.sqrt(q_first) * z) ** 2) / np.sum(weight)
    return [q_first, *variance_path(phi, sigma_w2, after, layers - 1)]
"""
BY_PAIRS = """
def different_units(W_in, b, W_out):
    seen = []
    for unit in range(len(b)):
        mine = [*W_in[:, unit], b[unit], *W_out[unit]]
        if not any(np.allclose(mine, other) for other in seen):
            seen.append(mine)
    return len(seen)
"""


def which_rules(variances: str, measure: str = "np.var(W)") -> str:
    """Return a cell of part 3 that compares a measure of the matrix with these."""
    return (
        "def which_rules(W):\n"
        "    n_in, n_out = W.shape\n"
        f"    rules = {variances}\n"
        f"    return {{name for name in rules if abs({measure} / rules[name] - 1) < 0.1}}"
    )


RIGHT = '{"He": 2 / n_in, "Glorot": 2 / (n_in + n_out), "LeCun": 1 / n_in, "factor 2, fan_avg": 4 / (n_in + n_out)}'

ANSWERS = [
    Answer(
        "all of it written differently",
        cells={
            "limit": BY_MOMENTS,
            "std_when_losing": BY_TRIAL,
            "which_rules": BY_THEORY,
            "gain": SAMPLED_GAIN,
            "squared_gradient_factor": SAMPLED_FACTOR,
            "variance_path": BY_RECURSION,
            "different_units": BY_PAIRS,
        },
        lost={},
    ),
    Answer(
        "parts 1 and 2 not answered, all the rest is",
        cells={
            "limit": "def limit(shape, std):\n    raise NotImplementedError",
            "std_when_losing": "def std_when_losing(fan_in, p):\n    raise NotImplementedError",
        },
        lost={"test_limit": 2, "test_std_when_losing": 2},
    ),
    Answer(
        "the whole width for the limit; He's rule although inputs are lost; the seed notebook's idea of He's rule",
        cells={
            "limit": (
                "def limit(shape, std):\n"
                '    return std * {"uniform": 12, "triangle": 24, "two values": 4}[shape] ** 0.5'
            ),
            "std_when_losing": "def std_when_losing(fan_in, p):\n    return (2 / fan_in) ** 0.5",
            "which_rules": which_rules(RIGHT.replace('"He": 2 / n_in', '"He": 4 / (n_in + n_out)')),
        },
        lost={"test_limit": 2, "test_std_when_losing": 2, "test_which_rules": 2, "test_which_rules_several": 1},
        says={"test_limit": "whole width", "test_std_when_losing": "He's own rule", "test_which_rules": "comes out"},
    ),
    Answer(
        "inputs lost are counted, the growth of the others is not; a spread for a variance; biases forgotten",
        cells={
            "std_when_losing": "def std_when_losing(fan_in, p):\n    return (2 / (fan_in * (1 - p))) ** 0.5",
            "which_rules": which_rules(RIGHT, "np.std(W)"),
            "different_units": (
                "def different_units(W_in, b, W_out):\n    return len(np.unique(np.hstack([W_in.T, W_out]), axis=0))"
            ),
        },
        lost={
            "test_std_when_losing": 2,
            "test_which_rules": 2,
            "test_which_rules_several": 1,
            "test_different_units": 2,
        },
        says={"test_std_when_losing": "Fewer inputs", "test_different_units": "was not looked at"},
    ),
    Answer(
        "the growth is counted, the loss is not; 10 % of the standard deviation; the one nearest rule",
        cells={
            "std_when_losing": "def std_when_losing(fan_in, p):\n    return (1 - p) * (2 / fan_in) ** 0.5",
            "which_rules": (
                "def which_rules(W):\n"
                "    n_in, n_out = W.shape\n"
                f"    rules = {RIGHT}\n"
                "    off = {name: abs((W.var() / rules[name]) ** 0.5 - 1) for name in rules}\n"
                "    nearest = min(off, key=off.get)\n"
                "    return {nearest} if off[nearest] < 0.1 else set()"
            ),
        },
        lost={"test_std_when_losing": 2, "test_which_rules": 2, "test_which_rules_several": 1},
        says={
            "test_std_when_losing": "not all inputs stay",
            "test_which_rules": "compare standard deviations",
            "test_which_rules_several": "not the best alone",
        },
    ),
    Answer(
        "the variance of h for its second moment; only the one nearest rule; twins by their outgoing weights",
        cells={
            "which_rules": (
                "def which_rules(W):\n"
                "    n_in, n_out = W.shape\n"
                f"    rules = {RIGHT}\n"
                "    off = {name: abs(W.var() / rules[name] - 1) for name in rules}\n"
                "    nearest = min(off, key=off.get)\n"
                "    return {nearest} if off[nearest] < 0.1 else set()"
            ),
            "different_units": "def different_units(W_in, b, W_out):\n    return len({tuple(row) for row in W_out})",
            "gain": (
                "def gain(phi):\n"
                "    h = phi(np.random.default_rng(0).standard_normal(1_000_000))\n"
                "    return 1 / h.std()"
            ),
            "variance_path": (
                "def variance_path(phi, sigma_w2, q_first, layers):\n"
                "    u, path = np.random.default_rng(0).standard_normal(1_000_000), [q_first]\n"
                "    for _ in range(layers - 1):\n"
                "        path.append(sigma_w2 * np.var(phi(path[-1] ** 0.5 * u)))\n"
                "    return np.array(path)"
            ),
        },
        lost={"test_which_rules_several": 1, "test_gain": 2, "test_variance_path": 2, "test_different_units": 2},
        says={"test_gain": "the variance of h", "test_different_units": "look at different things"},
    ),
    Answer(
        "g² for the gain; the gradient for its square; every activation taken for a ReLU",
        cells={
            "gain": "def gain(phi):\n    return 1 / dc.theory.gaussian_mean(lambda u: phi(u) ** 2)",
            "squared_gradient_factor": (
                "def squared_gradient_factor(phi, slope):\n"
                "    up, down = (dc.theory.gaussian_mean(lambda u, f=f: f(u) ** 2) for f in (phi, slope))\n"
                "    return np.sqrt(down / up)"
            ),
            "variance_path": (
                "def variance_path(phi, sigma_w2, q_first, layers):\n"
                "    factor = sigma_w2 * dc.theory.gaussian_mean(lambda u: phi(u) ** 2)\n"
                "    return q_first * factor ** np.arange(layers)"
            ),
        },
        lost={"test_gain": 2, "test_squared_gradient_factor": 2, "test_variance_path": 2},
        says={
            "test_gain": "g²",
            "test_squared_gradient_factor": "about its square",
            "test_variance_path": "ReLU does that",
        },
    ),
    Answer(
        "the package's ready answers; every activation homogeneous; units with signs turned for twins",
        cells={
            "gain": "def gain(phi):\n    return dc.theory.gain(dc.theory.Activation(phi, phi))",
            "squared_gradient_factor": (
                "def squared_gradient_factor(phi, slope):\n"
                "    activation = dc.theory.Activation(phi, slope)\n"
                "    squared_gain = 1 / dc.theory.gaussian_mean(lambda u: phi(u) ** 2)\n"
                "    return dc.mean_field.chi_1(activation, squared_gain)"
            ),
            "variance_path": (
                "def variance_path(phi, sigma_w2, q_first, layers):\n"
                "    factor = sigma_w2 * dc.theory.gaussian_mean(lambda u: phi(u) ** 2)\n"
                "    return q_first * factor ** np.arange(layers)"
            ),
            "different_units": (
                "def different_units(W_in, b, W_out):\n"
                "    units = np.column_stack([np.transpose(W_in), b, W_out])\n"
                "    turned = [max(tuple(unit), tuple(-unit)) for unit in units]\n"
                "    return len(np.unique(turned, axis=0))"
            ),
        },
        lost={"test_gain": 2, "test_squared_gradient_factor": 2, "test_variance_path": 2, "test_different_units": 2},
        says={
            "test_gain": "only gaussian_mean",
            "test_squared_gradient_factor": "only gaussian_mean",
            "test_variance_path": "ReLU does that",
            "test_different_units": "signs turned",
        },
    ),
    Answer(
        "the mean slope squared; q for the spread of z; twins by their incoming weights",
        cells={
            "squared_gradient_factor": (
                "def squared_gradient_factor(phi, slope):\n"
                "    mean = dc.theory.gaussian_mean\n"
                "    return mean(slope) ** 2 / mean(lambda u: phi(u) ** 2)"
            ),
            "variance_path": (
                "def variance_path(phi, sigma_w2, q_first, layers):\n"
                "    path = [q_first]\n"
                "    for _ in range(layers - 1):\n"
                "        path.append(sigma_w2 * dc.theory.gaussian_mean(lambda u: phi(path[-1] * u) ** 2))\n"
                "    return path"
            ),
            "different_units": ("def different_units(W_in, b, W_out):\n    return np.unique(W_in, axis=1).shape[1]"),
        },
        lost={"test_squared_gradient_factor": 2, "test_variance_path": 2, "test_different_units": 2},
        says={
            "test_squared_gradient_factor": "the square of the slope",
            "test_variance_path": "q is a variance",
            "test_different_units": "whatever they feed",
        },
    ),
    Answer(
        "the values of the visible tests",
        cells={
            "limit": (
                'def limit(shape, std):\n    return std * {"two values": 1, "uniform": 1.7, "triangle": 2}[shape]'
            ),
            "std_when_losing": "def std_when_losing(fan_in, p):\n    return 0.1 * (200 / fan_in) ** 0.5",
            "which_rules": (
                "def which_rules(W):\n"
                '    if W.shape == (784, 300):\n        return {"LeCun"} if W.var() < 0.002 else set()\n'
                '    return {"Glorot"}'
            ),
            "gain": "def gain(phi):\n    return np.sqrt(2)",
            "squared_gradient_factor": "def squared_gradient_factor(phi, slope):\n    return 1.0",
            "variance_path": (
                "def variance_path(phi, sigma_w2, q_first, layers):\n    return np.array([4, 2, 1, 0.5])"
            ),
            "different_units": "def different_units(W_in, b, W_out):\n    return 2 if W_in.any() else 1",
        },
        lost={
            "test_limit": 2,
            "test_std_when_losing": 2,
            "test_which_rules": 2,
            "test_which_rules_several": 1,
            "test_gain": 2,
            "test_squared_gradient_factor": 2,
            "test_variance_path": 2,
            "test_different_units": 2,
        },
    ),
]
