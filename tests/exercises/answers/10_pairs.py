"""Other answers to assignment 10_pairs, and the marks that they deserve."""

from tests.exercises.table import Answer

OVERLAP = """
def divide(y, per_class, seed):
    rng = np.random.default_rng(seed)
    labelled = np.concatenate([rng.choice(np.flatnonzero(y == c), per_class, replace=False) for c in np.unique(y)])
    return labelled, rng.permutation(len(y))
"""
THE_FIRST_ROWS = """
def divide(y, per_class, seed):
    labelled = np.concatenate([np.flatnonzero(y == c)[:per_class] for c in np.unique(y)])
    return labelled, np.setdiff1d(np.arange(len(y)), labelled)
"""
NOT_BY_CLASS = """
def divide(y, per_class, seed):
    rows = np.random.default_rng(seed).permutation(len(y))
    wanted = per_class * len(np.unique(y))
    return rows[:wanted], rows[wanted:]
"""
BY_COUNTING = """
def divide(y, per_class, seed):
    import random

    order = list(range(len(y)))
    random.Random(seed).shuffle(order)
    taken, labelled, rest = {}, [], []
    for row in order:
        taken[y[row]] = taken.get(y[row], 0) + 1
        (labelled if taken[y[row]] <= per_class else rest).append(row)
    return np.array(labelled), np.array(rest)
"""

AT_RANDOM = """
def draw_pairs(y, n, seed):
    first, second = np.random.default_rng(seed).integers(len(y), size=(2, n))
    return first, second, (y[first] == y[second]).astype(int)
"""
ZERO_IS_SAME = """
def draw_pairs(y, n, seed):
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(y == digit) for digit in range(10)]
    pairs = []
    for number in range(n):
        digit, same = number % 10, number % 20 < 10
        if same:
            pair = rng.choice(rows[digit], 2, replace=False)
        else:
            pair = rng.choice(rows[digit]), rng.choice(rows[(digit + rng.integers(1, 10)) % 10])
        pairs.append((*pair, int(not same)))
    return rng.permutation(np.array(pairs)).T
"""
SECOND_AT_RANDOM = """
def draw_pairs(y, n, seed):
    rng = np.random.default_rng(seed)
    same = rng.permutation(np.arange(n) % 2)
    first = rng.integers(len(y), size=n)
    second = np.array([rng.choice(np.flatnonzero(y == y[f])) if s else rng.integers(len(y)) for f, s in zip(first, same)])
    return first, second, same
"""
IN_BLOCKS = """
def draw_pairs(y, n, seed):
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(y == digit) for digit in range(10)]
    equal = [rng.choice(rows[k % 10], 2, replace=False) for k in range(n // 2)]
    unlike = [(rng.choice(rows[k % 10]), rng.choice(rows[(k + rng.integers(1, 10)) % 10])) for k in range(n // 2)]
    first, second = np.array(equal + unlike).T
    return first, second, np.repeat([1, 0], n // 2)
"""
DIGITS_IN_TURN = """
def draw_pairs(y, n, seed):
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(y == digit) for digit in range(10)]
    of_digit = [rng.permutation(np.arange(n // 10) % 2) for _ in range(10)]
    pairs = []
    for number in range(n):
        digit = number % 10
        same = of_digit[digit][number // 10]
        if same:
            pair = rng.choice(rows[digit], 2, replace=False)
        else:
            pair = rng.choice(rows[digit]), rng.choice(rows[(digit + rng.integers(1, 10)) % 10])
        pairs.append((*pair, same))
    return np.array(pairs).T
"""
PAIRS_BY_SHIFTING = """
def draw_pairs(y, n, seed):
    rng = np.random.default_rng(seed)
    same = np.tile(np.repeat([1, 0], 10), n // 20)
    digit = np.tile(np.arange(10), n // 10)
    partner = np.where(same == 1, digit, (digit + rng.integers(1, 10, n)) % 10)
    order, count = np.argsort(y, kind="stable"), np.bincount(y, minlength=10)
    start = np.cumsum(count) - count
    at = rng.integers(0, count[digit])
    elsewhere = rng.integers(0, count[partner] - same)
    elsewhere = elsewhere + ((same == 1) & (elsewhere >= at))
    mixed = rng.permutation(n)
    first, second = order[start[digit] + at], order[start[partner] + elsewhere]
    return [first[mixed], second[mixed], same[mixed].astype(bool)]
"""

BOTH_RIGHT = """
def right_about_pairs(p):
    return 0.5 + p**2 / 2
"""
NO_ACCIDENTS = """
def right_about_pairs(p):
    q = (1 - p) / 9
    return (p**2 + 1 - 2 * p * q - 8 * q**2) / 2
"""
NO_THIRD_DIGIT = """
def right_about_pairs(p):
    q = (1 - p) / 9
    return (p**2 + 9 * q**2 + 1 - 2 * p * q) / 2
"""
EXAMPLE_SHARE = """
def right_about_pairs(p):
    return {1.0: 1.0, 0.1: 0.5, 0.0: 0.506}.get(p, 0.9)
"""
BY_TABLE = """
def right_about_pairs(p):
    p = np.asarray(p)[..., None, None]
    says = (1 - p) / 9 + (p - (1 - p) / 9) * np.eye(10)
    agree = says @ np.swapaxes(says, -1, -2)
    same = np.trace(agree, axis1=-2, axis2=-1) / 10
    unlike = (agree.sum(axis=(-2, -1)) - 10 * same) / 90
    return 0.5 * same + 0.5 * (1 - unlike)
"""

SIDE_BY_SIDE = """
def pair_network(tower):
    pair = keras.Input((2, 784))
    ends = keras.layers.Concatenate()([tower(pair[:, 0]), tower(pair[:, 1])])
    return keras.Model(pair, keras.layers.Dense(2)(keras.layers.Dense(10, activation="elu")(ends)))
"""
TWO_TOWERS = """
def pair_network(tower):
    pair, other = keras.Input((2, 784)), new_tower(77)
    one, two = pair[:, 0], pair[:, 1]
    apart = keras.ops.abs(tower(one) - tower(two)) + keras.ops.abs(other(one) - other(two))
    return keras.Model(pair, keras.layers.Dense(2)(keras.layers.Dense(10, activation="elu")(apart)))
"""
A_COPY = """
def pair_network(tower):
    pair, copy = keras.Input((2, 784)), keras.models.clone_model(tower)
    copy.set_weights(tower.get_weights())
    apart = keras.ops.square(copy(pair[:, 0]) - copy(pair[:, 1]))
    return keras.Model(pair, keras.layers.Dense(2)(keras.layers.Dense(10, activation="elu")(apart)))
"""
STACKED = """
def pair_network(tower):
    pairs = keras.Input((2, 784))
    ends = pairs
    for layer in tower.layers:
        ends = layer(ends)
    mean = keras.ops.mean(ends, axis=1, keepdims=True)
    spread = keras.ops.mean(keras.ops.square(ends - mean), axis=1)
    hidden = keras.layers.Dense(10, activation="elu", kernel_initializer="he_normal")(spread)
    return keras.Model(pairs, keras.layers.Dense(2)(hidden))
"""

ALL_LEARN = """
def digit_network(tower, frozen, seed):
    dc.set_seed(seed)
    model = dc.mlp([100] * 5, activation="elu", kernel_initializer="he_normal")
    model.trainable = True
    for copy, layer in zip(model.layers, tower.layers):
        copy.set_weights(layer.get_weights())
    return model
"""
SHARED_TOWER = """
def digit_network(tower, frozen, seed):
    dc.set_seed(seed)
    for layer in tower.layers:
        layer.trainable = not frozen
    net = keras.Sequential([keras.Input((784,)), *tower.layers, keras.layers.Dense(10)])
    return net
"""
NEVER_COPIED = """
def digit_network(tower, frozen, seed):
    dc.set_seed(seed)
    model = dc.mlp([100] * 5, activation="elu", kernel_initializer="he_normal")
    for layer in model.layers[:-1]:
        layer.trainable = not frozen
    return model
"""
BY_REUSE_OF_THE_TOWER = """
def digit_network(tower, frozen, seed):
    dc.set_seed(seed)
    return dc.reuse(tower, 4, trainable=not frozen, n_classes=10)
"""
BY_REUSE = """
def digit_network(tower, frozen, seed):
    dc.set_seed(seed)
    whole = dc.mlp([100] * 5, activation="elu", n_classes=10, kernel_initializer="he_normal")
    whole.set_weights([*tower.get_weights(), *whole.get_weights()[-2:]])
    return dc.reuse(whole, 5, trainable=not frozen)
"""

SUMS = """
def by_comparison(likeness, examples, labels, x):
    classes, found = sorted(set(labels)), []
    for image in x:
        alike = likeness(np.repeat(image[None], len(examples), axis=0), examples)
        found.append(classes[int(np.argmax([sum(alike[labels == c]) for c in classes]))])
    return np.array(found)
"""
MOST_SIMILAR = """
def by_comparison(likeness, examples, labels, x):
    alike = np.stack([likeness(np.repeat(image[None], len(examples), axis=0), examples) for image in x])
    return labels[alike.argmax(axis=1)]
"""
CLASS_NUMBERS_FROM_0 = """
def by_comparison(likeness, examples, labels, x):
    scores = [np.stack([likeness(x, np.tile(e, (len(x), 1))) for e in examples[labels == c]]).mean(axis=0)
              for c in np.unique(labels)]
    return np.argmax(scores, axis=0)
"""
EXAMPLE_COMPARISON = """
def by_comparison(likeness, examples, labels, x):
    return [7, 4, 1]
"""
ONE_EXAMPLE_AT_A_TIME = """
def by_comparison(likeness, examples, labels, x):
    total, count = {}, {}
    for example, label in zip(examples, labels):
        score = np.array(likeness(np.array(x), np.tile(example, (len(x), 1))), dtype=float)
        total[label] = total.get(label, 0) + score
        count[label] = count.get(label, 0) + 1
    names = list(total)
    table = np.array([total[name] / count[name] for name in names])
    return [names[place] for place in table.argmax(axis=0)]
"""
NOT_ANSWERED = 'raise NotImplementedError("replace this line with your answer")'

ANSWERS = [
    Answer(
        "all done in other ways: by counting, without a loop, by matrices, stacked, by reuse, one example at a time",
        cells={
            "divide": BY_COUNTING,
            "draw_pairs": PAIRS_BY_SHIFTING,
            "right_about_pairs": BY_TABLE,
            "pair_network": STACKED,
            "digit_network": BY_REUSE,
            "by_comparison": ONE_EXAMPLE_AT_A_TIME,
        },
        lost={},
    ),
    Answer(
        "sets that overlap; pairs at random; both images right; side by side; nothing frozen; sums",
        cells={
            "divide": OVERLAP,
            "draw_pairs": AT_RANDOM,
            "right_about_pairs": BOTH_RIGHT,
            "pair_network": SIDE_BY_SIDE,
            "digit_network": ALL_LEARN,
            "by_comparison": SUMS,
        },
        lost={
            "test_divide": 2,
            "test_labels_of_pairs": 2,
            "test_balance_of_pairs": 2,
            "test_right_about_pairs": 3,
            "test_pair_network": 2,
            "test_digit_network": 2,
            "test_by_comparison": 2,
        },
        says={
            "test_divide": "to one only",
            "test_pair_network": "change places",
            "test_by_comparison": "not sums",
        },
    ),
    Answer(
        "the first rows; 0 for the same; no luck when both are misread; two towers; a shared tower; the most similar",
        cells={
            "divide": THE_FIRST_ROWS,
            "draw_pairs": ZERO_IS_SAME,
            "right_about_pairs": NO_ACCIDENTS,
            "pair_network": TWO_TOWERS,
            "digit_network": SHARED_TOWER,
            "by_comparison": MOST_SIMILAR,
        },
        lost={
            "test_divide": 2,
            "test_labels_of_pairs": 2,
            "test_right_about_pairs": 3,
            "test_pair_network": 2,
            "test_digit_network": 2,
            "test_by_comparison": 2,
        },
        says={
            "test_divide": "chosen at random",
            "test_labels_of_pairs": "Turned round",
            "test_pair_network": "A second tower",
            "test_digit_network": "shared, not copied",
            "test_by_comparison": "single most similar",
        },
    ),
    Answer(
        "not by class; second image at random; no third digit; a copy of the tower; nothing copied; classes from 0",
        cells={
            "divide": NOT_BY_CLASS,
            "draw_pairs": SECOND_AT_RANDOM,
            "right_about_pairs": NO_THIRD_DIGIT,
            "pair_network": A_COPY,
            "digit_network": NEVER_COPIED,
            "by_comparison": CLASS_NUMBERS_FROM_0,
        },
        lost={
            "test_divide": 2,
            "test_labels_of_pairs": 2,
            "test_balance_of_pairs": 2,
            "test_right_about_pairs": 3,
            "test_pair_network": 2,
            "test_digit_network": 2,
            "test_by_comparison": 2,
        },
        says={"test_pair_network": "would not be trained"},
    ),
    Answer(
        "pairs in two blocks",
        cells={"draw_pairs": IN_BLOCKS},
        lost={"test_balance_of_pairs": 2},
        says={"test_balance_of_pairs": "not mixed"},
    ),
    Answer(
        "labels mixed, but the digits in turn; the tower's fifth layer taken for an output layer",
        cells={"draw_pairs": DIGITS_IN_TURN, "digit_network": BY_REUSE_OF_THE_TOWER},
        lost={"test_balance_of_pairs": 2, "test_digit_network": 2},
        says={"test_balance_of_pairs": "in turn, or in blocks", "test_digit_network": "something else"},
    ),
    Answer(
        "the values of the visible tests: share of pairs, comparison",
        cells={"right_about_pairs": EXAMPLE_SHARE, "by_comparison": EXAMPLE_COMPARISON},
        lost={"test_right_about_pairs": 3, "test_by_comparison": 2},
    ),
    Answer(
        "parts 1 and 2 not answered, the rest right",
        cells={"divide": NOT_ANSWERED, "draw_pairs": NOT_ANSWERED},
        lost={"test_divide": 2, "test_labels_of_pairs": 2, "test_balance_of_pairs": 2},
    ),
    Answer(
        "a network for pairs that is frozen as a whole",
        cells={
            "pair_network": (
                "def pair_network(tower):\n"
                "    pair = keras.Input((2, 784))\n"
                "    apart = keras.ops.abs(tower(pair[:, 0]) - tower(pair[:, 1]))\n"
                "    compare = keras.layers.Dense(10, activation='elu')(apart)\n"
                "    net = keras.Model(pair, keras.layers.Dense(2)(compare))\n"
                "    net.trainable = False\n"
                "    return net"
            )
        },
        lost={"test_learns_pairs": 1},
        says={"test_learns_pairs": "compare"},
    ),
]
