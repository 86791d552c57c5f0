"""Other answers to assignment 03_activations, and the marks that they deserve."""

from tests.exercises.table import Answer

LOOPED = {
    "smooth_elu": """
import math

def smooth_elu(z, alpha):
    def one(value):
        return value if value > 0 else alpha * math.expm1(value / alpha)
    return [one(value) for value in z] if np.ndim(z) == 1 else [smooth_elu(row, alpha) for row in z]
""",
    "smooth_elu_slope": """
def smooth_elu_slope(z, alpha):
    slope = np.ones(np.shape(z))
    slope[z < 0] = 1 + np.expm1(z[z < 0] / alpha)
    return slope
""",
    "waking_times": """
def leaky_time(depth, alpha):
    return 1 / (alpha / depth)

def elu_time(depth, alpha):
    return (1 - np.exp(-depth)) / (alpha * np.exp(-depth))
""",
    "break_even": """
grid = np.linspace(1, 10, 90001)
break_even = round(grid[np.argmin(np.abs(grid / 0.01 - np.exp(grid) + 1))], 2)
""",
    "asleep_units": """
def asleep_units(batches):
    highest = None
    for z in batches:
        best = np.array([column.max() for column in z.T])
        highest = best if highest is None else np.maximum(highest, best)
    return [bool(top <= 0) for top in highest]
""",
    "push": """
def push(x, others, delta, rate):
    dw, db = delta * x, delta
    w, b = np.ones(len(x)), 0.0
    return others @ (w - rate * dw) - others @ w, (b - rate * db) * np.ones(len(others))
""",
    "sleepers_by_step": """
def sleepers_by_step(seed, hold_biases, rate=1.0):
    network = fresh_network(seed)
    images, batches = forty_batches(seed)

    def after(batch):
        for layer, found in zip(network, gradients(network, *batch)):
            for part in range(1 if hold_biases else 2):
                layer[part] = layer[part] - rate * found[part]
        z = images.astype(float) @ network[0][0] + network[0][1]
        return (z.max(axis=0) <= 0).sum() / 100

    return np.fromiter(map(after, batches), float)
""",
    "remedy": """
def prepare(images):
    return images

def update(network, found, step):
    parts = [part for layer in network for part in layer]
    slopes = [slope for pair in found for slope in pair]
    length = np.linalg.norm(np.concatenate([slope.ravel() for slope in slopes]))
    for part, slope in zip(parts, slopes):
        part -= slope / max(1.0, length / 0.5)
""",
    "comparison": """
import pandas as pd

rows = [
    {"seed": seed, "method": name} | train(seed, step, ready)
    for name, step, ready in [("remedy", update, prepare), ("rate 0.3", plain(0.3), as_is)]
    for seed in range(30, 36)
]
table = pd.DataFrame(rows)
a, b = (table.loc[table["method"] == name, "accuracy"].to_numpy() for name in ("remedy", "rate 0.3"))
half = 2.5706 * np.std(a - b, ddof=1) / np.sqrt(6)
difference = {"mean": np.mean(a - b), "low": np.mean(a - b) - half, "high": np.mean(a - b) + half}
""",
}

VISIBLE_VALUES = {
    "smooth_elu": """
def smooth_elu(z, alpha):
    return z if len(z) == 2 else np.array([-2.0, -1e-6, 0.0, 3.0])
""",
    "smooth_elu_slope": """
def smooth_elu_slope(z, alpha):
    return np.ones(len(z))
""",
    "waking_times": """
def leaky_time(depth, alpha):
    return 0.25

def elu_time(depth, alpha):
    return 0.2563
""",
    "break_even": "break_even = 2",
    "asleep_units": """
def asleep_units(batches):
    return [True, False, False] if isinstance(batches, list) else [False, False, True]
""",
    "push": """
def push(x, others, delta, rate):
    return [-0.25, -0.1, -0.05], [-0.05] * 3
""",
    "sleepers_by_step": """
def sleepers_by_step(seed, hold_biases, rate=1.0):
    return [0.0] * 40
""",
    "comparison": """
table = pd.DataFrame(
    {"method": ["remedy", "rate 0.3"] * 5, "seed": [s for s in range(5) for _ in "ab"], "accuracy": [0.9, 0.8] * 5}
)
difference = {"mean": 0.1, "low": 0.0, "high": 0.2}
""",
}

EVERYTHING = {
    "test_smooth_elu": 2,
    "test_smooth_elu_slope": 1,
    "test_traps": 1,
    "test_waking_times": 2,
    "test_break_even": 1,
    "test_one_batch": 1,
    "test_stream": 1,
    "test_push": 2,
    "test_sleepers_by_step": 2,
    "test_rules": 1,
    "test_remedy": 1,
    "test_comparison": 1,
}

NOT_ANSWERED = 'raise NotImplementedError("replace this line with your answer")'

ANSWERS = [
    Answer(
        "all right, in loops, by other formulas, with a bound on the gradient's length",
        cells=LOOPED,
        lost={},
    ),
    Answer(
        "the values that the visible tests show",
        cells=VISIBLE_VALUES,
        lost={name: points for name, points in EVERYTHING.items() if name not in ("test_rules", "test_remedy")},
    ),
    Answer(
        "part 1 not answered, all the rest right",
        cells={
            "smooth_elu": f"def smooth_elu(z, alpha):\n    {NOT_ANSWERED}",
            "smooth_elu_slope": f"def smooth_elu_slope(z, alpha):\n    {NOT_ANSWERED}",
        },
        lost={"test_smooth_elu": 2, "test_smooth_elu_slope": 1, "test_traps": 1},
        says={"test_smooth_elu": "NotImplementedError"},
    ),
    Answer(
        "ELU itself; the inner derivative forgotten; the slope at the start for the whole way; equal slopes for equal "
        "times; all images pushed like x; a growing rate for a remedy; an interval of the normal distribution",
        cells={
            "smooth_elu": """
def smooth_elu(z, alpha):
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))
""",
            "smooth_elu_slope": """
def smooth_elu_slope(z, alpha):
    return np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0) / alpha))
""",
            "waking_times": """
def leaky_time(depth, alpha):
    return depth / alpha

def elu_time(depth, alpha):
    return depth / (alpha * np.exp(-depth))
""",
            "break_even": "break_even = np.log(100)",
            "push": """
def push(x, others, delta, rate):
    return np.full(len(others), -rate * delta * (x @ x)), np.full(len(others), -rate * delta)
""",
            "remedy": """
def prepare(images):
    return images

def update(network, found, step):
    plain((step + 1) / 40)(network, found, step)
""",
            "comparison": """
methods = {"remedy": (update, prepare), "rate 0.3": (plain(0.3), as_is)}
table = dc.run_grid(lambda method, seed: train(seed, *methods[method]), {"method": methods}, seeds=range(5))
gap = table.pivot(index="seed", columns="method", values="accuracy")
gap = gap["remedy"] - gap["rate 0.3"]
half = 1.96 * gap.std() / 5**0.5
difference = {"mean": gap.mean(), "low": gap.mean() - half, "high": gap.mean() + half}
""",
        },
        lost={
            "test_smooth_elu": 2,
            "test_smooth_elu_slope": 1,
            "test_traps": 1,
            "test_waking_times": 2,
            "test_break_even": 1,
            "test_push": 2,
            "test_rules": 1,
            "test_remedy": 1,
            "test_comparison": 1,
        },
        says={
            "test_smooth_elu": "ELU's is alpha",
            "test_smooth_elu_slope": "inner derivative",
            "test_waking_times": "for the whole way",
            "test_break_even": "two slopes are equal",
            "test_push": "pushes all images alike",
            "test_remedy": "is asleep",
            "test_comparison": "wide, and should be",
        },
    ),
    Answer(
        "the larger of the two branches; alpha ignored in the slope; a time at depth zero; any image for every image; "
        "a step uphill; shares before each step; a smaller rate for a remedy; the difference turned round",
        cells={
            "smooth_elu": """
def smooth_elu(z, alpha):
    return np.maximum(z, alpha * np.expm1(z / alpha))
""",
            "smooth_elu_slope": """
def smooth_elu_slope(z, alpha):
    return np.exp(np.minimum(z, 0))
""",
            "waking_times": """
def leaky_time(depth, alpha):
    return depth / alpha

def elu_time(depth, alpha):
    return np.exp(depth) / alpha
""",
            "break_even": "break_even = 0",
            "asleep_units": """
def asleep_units(batches):
    return np.any(np.concatenate(list(batches)) <= 0, axis=0)
""",
            "push": """
def push(x, others, delta, rate):
    return rate * delta * (others @ x), np.full(len(others), rate * delta)
""",
            "sleepers_by_step": """
def sleepers_by_step(seed, hold_biases, rate=1.0):
    network, (images, batches) = fresh_network(seed), forty_batches(seed)
    shares = []
    for x, y in batches:
        shares.append(sleeping_share(network, images))
        for (W, b), (dW, db) in zip(network, gradients(network, x, y)):
            W -= rate * dW
            b -= 0 if hold_biases else rate * db
    return shares
""",
            "remedy": """
def prepare(images):
    return images

def update(network, found, step):
    plain(0.3)(network, found, step)
""",
            "comparison": """
methods = {"remedy": (plain(0.5), as_is), "rate 0.3": (plain(0.3), as_is)}
table = dc.run_grid(lambda method, seed: train(seed, *methods[method]), {"method": methods}, seeds=range(5))
difference = dc.paired_difference(table, "method", between=("rate 0.3", "remedy"), value="accuracy")
""",
        },
        lost={
            "test_smooth_elu": 2,
            "test_smooth_elu_slope": 1,
            "test_traps": 1,
            "test_waking_times": 2,
            "test_break_even": 1,
            "test_one_batch": 1,
            "test_stream": 1,
            "test_push": 2,
            "test_sleepers_by_step": 2,
            "test_rules": 1,
            "test_comparison": 1,
        },
        says={
            "test_smooth_elu": "larger of the branches",
            "test_smooth_elu_slope": "ignores alpha",
            "test_traps": "the branch that is not used",
            "test_waking_times": "awake already",
            "test_break_even": "look for the other depth",
            "test_one_batch": "One is enough",
            "test_push": "Descent",
            "test_sleepers_by_step": "after the first step",
            "test_rules": "followed in full",
            "test_comparison": "turned round",
        },
    ),
    Answer(
        "both traps; shares of batches averaged; biases that move all the same; standardized pixels for a remedy; "
        "three seeds",
        cells={
            "smooth_elu": """
def smooth_elu(z, alpha):
    with np.errstate(all="ignore"):
        return np.where(z > 0, z, alpha * (np.exp(z / alpha) - 1))
""",
            "asleep_units": """
def asleep_units(batches):
    return np.mean([np.all(z <= 0, axis=0) for z in batches], axis=0)
""",
            "sleepers_by_step": """
def sleepers_by_step(seed, hold_biases, rate=1.0):
    network, (images, batches) = fresh_network(seed), forty_batches(seed)
    shares = []
    for x, y in batches:
        for (W, b), (dW, db) in zip(network, gradients(network, x, y)):
            W -= rate * dW
            b -= rate * db
        shares.append(sleeping_share(network, images))
    return shares
""",
            "remedy": """
def prepare(images):
    return (images - mnist.x_train.mean()) / mnist.x_train.std()

def update(network, found, step):
    plain(1.0)(network, found, step)
""",
            "comparison": """
methods = {"remedy": (update, prepare), "rate 0.3": (plain(0.3), as_is)}
table = dc.run_grid(lambda method, seed: train(seed, *methods[method]), {"method": methods}, seeds=range(3))
difference = dc.paired_difference(table, "method", between=("remedy", "rate 0.3"), value="accuracy")
""",
        },
        lost={
            "test_traps": 1,
            "test_stream": 1,
            "test_sleepers_by_step": 2,
            "test_remedy": 1,
            "test_comparison": 1,
        },
        says={
            "test_traps": "this share of the answer is left",
            "test_stream": "No shares",
            "test_sleepers_by_step": "the biases still move",
            "test_remedy": "is asleep",
            "test_comparison": "five seeds at least",
        },
    ),
    Answer(
        "expm1 without a guard; only the last batch; zero taken for awake; sleepers of the batch at hand; "
        "the mean of the images that come along",
        cells={
            "smooth_elu": """
def smooth_elu(z, alpha):
    return np.where(z > 0, z, alpha * np.expm1(z / alpha))
""",
            "asleep_units": """
def asleep_units(batches):
    for z in batches:
        asleep = np.all(z < 0, axis=0)
    return asleep
""",
            "sleepers_by_step": """
def sleepers_by_step(seed, hold_biases, rate=1.0):
    network, (images, batches) = fresh_network(seed), forty_batches(seed)
    shares = []
    for x, y in batches:
        for (W, b), (dW, db) in zip(network, gradients(network, x, y)):
            W -= rate * dW
            b -= 0 if hold_biases else rate * db
        shares.append(sleeping_share(network, x if rate == 1 else images))
    return shares
""",
            "remedy": """
def prepare(images):
    return images - images.mean(axis=0)

def update(network, found, step):
    plain(1.0)(network, found, step)
""",
        },
        lost={
            "test_traps": 1,
            "test_one_batch": 1,
            "test_stream": 1,
            "test_sleepers_by_step": 2,
            "test_rules": 1,
        },
        says={
            "test_traps": "the branch that is not used",
            "test_one_batch": "zero is silent",
            "test_stream": "is that forgotten",
            "test_sleepers_by_step": "A sleeper woke",
            "test_rules": "than in company",
        },
    ),
    Answer(
        "a guard in the function and none in its slope; one number for the bias; rate 0.3 for all but short gradients",
        cells={
            "smooth_elu_slope": """
def smooth_elu_slope(z, alpha):
    return np.where(z > 0, 1.0, np.exp(z / alpha))
""",
            "push": """
def push(x, others, delta, rate):
    return -rate * delta * (others @ x), -rate * delta
""",
            "remedy": """
def prepare(images):
    return images

def update(network, found, step):
    total = np.sqrt(sum(np.sum(part**2) for pair in found for part in pair))
    plain(1.0 if total < 0.1 else 0.3)(network, found, step)
""",
        },
        lost={"test_traps": 1, "test_push": 2, "test_rules": 1},
        says={
            "test_traps": "the branch that is not used",
            "test_push": "for the bias too",
            "test_rules": "is it another rate",
        },
    ),
    Answer(
        "rate 0.3 behind a limit so high that no step reaches it",
        cells={
            "remedy": """
def prepare(images):
    return images

def update(network, found, step):
    total = np.sqrt(sum(np.sum(part**2) for pair in found for part in pair))
    length = min(max(min(total, 0.1), 0.3 * total), 30.0)
    plain(length / total)(network, found, step)
""",
        },
        lost={"test_rules": 1},
        says={"test_rules": "Well below its limit"},
    ),
    Answer(
        "a limit to each entry, and to each array",
        cells={
            "remedy": """
def prepare(images):
    return images

def update(network, found, step):
    for layer, pair in zip(network, found):
        for part, slope in zip(layer, pair):
            cut = np.clip(slope, -0.005, 0.005)
            part -= cut * min(1.0, 1.0 / max(np.linalg.norm(cut), 1e-30))
""",
        },
        lost={},
    ),
    Answer(
        "no remedy found, and an honest comparison of rate 0.5",
        cells={
            "remedy": f"""
def prepare(images):
    {NOT_ANSWERED}

def update(network, found, step):
    {NOT_ANSWERED}
""",
            "comparison": """
methods = {"remedy": (plain(0.5), as_is), "rate 0.3": (plain(0.3), as_is)}
table = dc.run_grid(lambda method, seed: train(seed, *methods[method]), {"method": methods}, seeds=range(10))
difference = dc.paired_difference(table, "method", between=("remedy", "rate 0.3"), value="accuracy")
""",
        },
        lost={"test_rules": 1, "test_remedy": 1},
    ),
]
