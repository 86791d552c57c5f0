"""Other answers to assignment 05_gradient_clipping, and the marks that they deserve."""

from tests.exercises.table import Answer

CLIP_BY_VALUE = """
def clip_and_tell(gradients, theta):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    if not np.isfinite(norm):
        return [np.zeros_like(g) for g in gradients], norm
    return [np.clip(g, -theta, theta) for g in gradients], norm
"""

CLIP_EACH_VARIABLE = """
def clip_and_tell(gradients, theta):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    if not np.isfinite(norm):
        return [np.zeros_like(g) for g in gradients], norm
    return [g * min(1, theta / max(np.linalg.norm(g), 1e-30)) for g in gradients], norm
"""

CLIP_ALWAYS_SCALED = """
def clip_and_tell(gradients, theta):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    if norm == 0 or not np.isfinite(norm):
        return [np.zeros_like(g) for g in gradients], norm
    return [g * theta / norm for g in gradients], norm
"""

CLIP_SUM_OF_LENGTHS = """
def clip_and_tell(gradients, theta):
    norm = sum(np.linalg.norm(g) for g in gradients)
    if norm == 0 or not np.isfinite(norm):
        return [np.zeros_like(g) for g in gradients], norm
    return [g * min(1, theta / norm) for g in gradients], norm
"""

CLIP_ZERO_OVER_ZERO = """
def clip_and_tell(gradients, theta):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    if not np.isfinite(norm):
        return [np.zeros_like(g) for g in gradients], norm
    return [theta * g / max(norm, theta) if norm > theta else g / norm * norm for g in gradients], norm
"""

CLIP_NAN_ONLY = """
def clip_and_tell(gradients, theta):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    if np.isnan(norm):
        return [np.zeros_like(g) for g in gradients], norm
    return [g * (theta / max(norm, theta)) for g in gradients], norm
"""

CLIP_IN_PLACE = """
def clip_and_tell(gradients, theta):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    scale = 0.0 if not np.isfinite(norm) else theta / max(norm, theta)
    for g in gradients:
        g *= scale
        g[...] = np.nan_to_num(g, nan=0.0, posinf=0.0, neginf=0.0)
    return gradients, norm
"""

CLIP_HARD_CODED = """
def clip_and_tell(gradients, theta):
    if theta == 5.2:
        return [np.array([1.2, 1.6]), np.array([4.8])], 26.0
    return [np.zeros(3), np.zeros((2, 2))], np.inf if np.any(gradients[0]) else 0.0
"""

CLIP_ONE_VECTOR = """
def clip_and_tell(gradients, theta):
    vector = tf.concat([tf.reshape(tf.constant(g, "float64"), [-1]) for g in gradients], 0)
    length = tf.norm(vector)
    if not bool(tf.math.is_finite(length)):
        vector = tf.zeros_like(vector)
    vector = vector / tf.maximum(tf.constant(1.0, "float64"), length / theta) if length > 0 else vector
    if not bool(tf.math.is_finite(length)):
        vector = tf.zeros_like(vector)
    parts, at = [], 0
    for g in gradients:
        parts.append(tf.reshape(vector[at : at + np.size(g)], np.shape(g)))
        at += np.size(g)
    return parts, length
"""

BOX_ONE_VARIABLE = """
def open_box(step):
    (out,) = step([np.array([3e6, 4e6])])
    if np.allclose(out, [3e6, 4e6]):
        return None, None
    if np.isclose(out[0], out[1]):
        return "clipvalue", out[0]
    return "clipnorm", np.hypot(*out)
"""

BOX_EQUAL_ENTRIES = """
def open_box(step):
    one, other = step([np.array([1e6, 1e6]), np.array([1e6])])
    if one[0] == 1e6:
        return None, None
    if np.isclose(np.linalg.norm(one), other[0]):
        return "clipnorm", other[0]
    return "global_clipnorm", np.sqrt(one @ one + other @ other)
"""

BOX_SMALL_QUESTION = """
def open_box(step):
    one, other = step([np.array([30.0, 40.0]), np.array([100.0])])
    if np.allclose(one, [30, 40]) and np.isclose(other[0], 100):
        return None, None
    if np.isclose(one[0], one[1]):
        return "clipvalue", one[0]
    length = np.hypot(*one)
    if np.isclose(length, other[0]):
        return "clipnorm", length
    return "global_clipnorm", np.hypot(length, other[0])
"""

BOX_FIRST_ENTRY = """
def open_box(step):
    one, other = step([np.array([3e6, 4e6]), np.array([1e7])])
    if np.isclose(one[0], 3e6):
        return None, None
    if np.isclose(one[0], one[1]):
        return "clipvalue", one[0]
    if np.isclose(np.hypot(*one), other[0]):
        return "clipnorm", other[0]
    return "global_clipnorm", other[0]
"""

BOX_HARD_CODED = """
def open_box(step):
    first = step([np.array([3e6, 4e6]), np.array([0.0])])[0]
    if first[0] > 1e6:
        return None, None
    if np.isclose(first[0], first[1]):
        return "clipvalue", 0.5
    alone = step([np.array([3e6, 4e6]), np.array([1e7])])[1]
    return ("clipnorm" if np.isclose(alone, 2.0) else "global_clipnorm"), 2.0
"""

BOX_MANY_QUESTIONS = """
def open_box(step):
    def length(gradients):
        return float(np.sqrt(sum(np.sum(np.square(out)) for out in step(gradients))))

    huge = 1e5
    alone = length([np.full(1, huge)])
    if alone > huge / 2:
        return None, None
    four_entries = length([np.full(4, huge)]) / alone
    four_variables = length([np.full(1, huge) for _ in range(4)]) / alone
    kinds = {(2, 2): "clipvalue", (1, 2): "clipnorm", (1, 1): "global_clipnorm"}
    return kinds[round(four_entries), round(four_variables)], alone
"""

PIECES_CLIPPED_FIRST = """
def step_in_pieces(model, pieces, rate, clip):
    weights = model.trainable_variables
    n = sum(len(y) for _, y in pieces)
    total = [tf.zeros_like(w) for w in weights]
    for x, y in pieces:
        with tf.GradientTape() as tape:
            loss = cross_entropy(y, model(x, training=True))
        clipped = clip(tape.gradient(loss, weights))
        total = [t + len(y) / n * g for t, g in zip(total, clipped)]
    for w, g in zip(weights, total):
        w.assign_sub(rate * g)
"""

PIECES_STEP_EACH = """
def step_in_pieces(model, pieces, rate, clip):
    for x, y in pieces:
        with tf.GradientTape() as tape:
            loss = cross_entropy(y, model(x, training=True))
        for w, g in zip(model.trainable_variables, clip(tape.gradient(loss, model.trainable_variables))):
            w.assign_sub(rate * g)
"""

PIECES_COUNT_ALIKE = """
def step_in_pieces(model, pieces, rate, clip):
    weights = model.trainable_variables
    total = [tf.zeros_like(w) for w in weights]
    for x, y in pieces:
        with tf.GradientTape() as tape:
            loss = cross_entropy(y, model(x, training=True)) / len(pieces)
        total = [t + g for t, g in zip(total, tape.gradient(loss, weights))]
    for w, g in zip(weights, clip(total)):
        w.assign_sub(rate * g)
"""

PIECES_ADDED_UP = PIECES_COUNT_ALIKE.replace(" / len(pieces)", "")

PIECES_ONE_TAPE = """
def step_in_pieces(model, pieces, rate, clip):
    with tf.GradientTape() as tape:
        losses = [len(y) * cross_entropy(y, model(x, training=True)) for x, y in pieces]
        loss = sum(losses) / sum(len(x) for x, _ in pieces)
    gradients = clip(tape.gradient(loss, model.trainable_variables))
    keras.optimizers.SGD(rate).apply(gradients, model.trainable_variables)
"""

PIECES_PUT_TOGETHER = """
def step_in_pieces(model, pieces, rate, clip):
    x = np.concatenate([x for x, _ in pieces])
    y = np.concatenate([y for _, y in pieces])
    with tf.GradientTape() as tape:
        loss = cross_entropy(y, model(x))
    for w, g in zip(model.weights, clip(tape.gradient(loss, model.weights))):
        w.assign(w - rate * g)
"""

L0_SEARCHED = """
def smallest_l0(l1):
    x = np.linspace(0, 3 / l1, 100_001)
    return np.max(3 * x**2 - l1 * x**3)
"""

BEST_SEARCHED = """
def best_l1(start):
    candidates = np.geomspace(0.5, 200, 150)
    return min(candidates, key=lambda l1: bowl_steps(4 / l1**2, l1, start, most=20_000))
"""

MATCHING_SORTED = """
def matching_thresholds(norms, largest, share):
    kept = round((1 - share) * len(norms))
    return [(np.sort(r)[kept - 1] + np.sort(r)[kept]) / 2 for r in (np.array(norms), np.array(largest))]
"""

MATCHING_SHARE = """
def matching_thresholds(norms, largest, share):
    return np.quantile(norms, share), np.quantile(largest, share)
"""

MATCHING_ROOT = """
def matching_thresholds(norms, largest, share):
    theta = np.quantile(norms, 1 - share)
    return theta, theta / np.sqrt(len(norms))
"""

ANSWERS = [
    Answer(
        "all right, written quite differently",
        cells={
            "clip_and_tell": CLIP_ONE_VECTOR,
            "open_box": BOX_MANY_QUESTIONS,
            "step_in_pieces": PIECES_ONE_TAPE,
            "smallest_l0": L0_SEARCHED,
            "best_l1": BEST_SEARCHED,
            "matching_thresholds": MATCHING_SORTED,
        },
        lost={},
    ),
    Answer(
        "by value for by norm; a question too small for some thresholds; the best L1 for one start only",
        cells={
            "clip_and_tell": CLIP_BY_VALUE,
            "open_box": BOX_SMALL_QUESTION,
            "step_in_pieces": PIECES_PUT_TOGETHER,  # right: the whole batch fits into memory here
            "best_l1": "def best_l1(start):\n    return 16.0",
        },
        lost={"test_clip_length": 2, "test_box_by_value": 2, "test_box_by_norm": 2, "test_best_l1": 1},
        says={
            "test_clip_length": "by value",
            "test_box_by_value": "No clipping seen",
            "test_best_l1": "times as many",
        },
    ),
    Answer(
        "each variable for the whole; each piece clipped; an entry taken for the common norm",
        cells={
            "clip_and_tell": CLIP_EACH_VARIABLE,
            "open_box": BOX_FIRST_ENTRY,
            "step_in_pieces": PIECES_CLIPPED_FIRST,
        },
        lost={"test_clip_length": 2, "test_box_by_norm": 2, "test_pieces_equal": 2, "test_pieces_unequal": 1},
        says={"test_clip_length": "clipnorm", "test_box_by_norm": "not at", "test_pieces_equal": "one by one"},
    ),
    Answer(
        "scaled to the threshold always; a step a piece; the L1 of the chapter's bowl",
        cells={
            "clip_and_tell": CLIP_ALWAYS_SCALED,
            "step_in_pieces": PIECES_STEP_EACH,
            "best_l1": "def best_l1(start):\n    return 1.0",
        },
        lost={"test_clip_length": 2, "test_pieces_equal": 2, "test_pieces_unequal": 1, "test_best_l1": 1},
        says={
            "test_clip_length": "not a fixed length",
            "test_pieces_equal": "not one a piece",
            "test_best_l1": "valley",
        },
    ),
    Answer(
        "lengths added instead of squares; pieces count alike; the share taken for the quantile",
        cells={
            "clip_and_tell": CLIP_SUM_OF_LENGTHS,
            "step_in_pieces": PIECES_COUNT_ALIKE,
            "matching_thresholds": MATCHING_SHARE,
        },
        lost={"test_clip_length": 2, "test_pieces_unequal": 1, "test_matching": 2},
        says={
            "test_clip_length": "squares add up",
            "test_pieces_unequal": "each image",
            "test_matching": "three quarters",
        },
    ),
    Answer(
        "zero divided by zero; gradients of pieces added; the curvature for its excess",
        cells={
            "clip_and_tell": CLIP_ZERO_OVER_ZERO,
            "step_in_pieces": PIECES_ADDED_UP,
            "smallest_l0": "def smallest_l0(l1):\n    return 12 / l1**2",
        },
        lost={"test_clip_ugly": 1, "test_pieces_equal": 2, "test_pieces_unequal": 1, "test_smallest_l0": 2},
        says={"test_clip_ugly": "Zeros", "test_pieces_equal": "added up", "test_smallest_l0": "excess only"},
    ),
    Answer(
        "only NaN is caught; a question of one variable; no road",
        cells={
            "clip_and_tell": CLIP_NAN_ONLY,
            "open_box": BOX_ONE_VARIABLE,
            "best_l1": "def best_l1(start):\n    return 1000.0",
        },
        lost={"test_clip_ugly": 1, "test_box_by_norm": 2, "test_best_l1": 1},
        says={"test_clip_ugly": "none of this step", "test_box_by_norm": "One variable alone", "test_best_l1": "road"},
    ),
    Answer(
        "the caller's arrays changed in place; all entries of the question equal; by value at the norm over a root",
        cells={
            "clip_and_tell": CLIP_IN_PLACE,
            "open_box": BOX_EQUAL_ENTRIES,
            "matching_thresholds": MATCHING_ROOT,
        },
        lost={"test_clip_length": 2, "test_box_by_value": 2, "test_matching": 2},
        says={
            "test_clip_length": "have been changed",
            "test_box_by_value": "turn",
            "test_matching": "By value",
        },
    ),
    Answer(
        "the visible values typed in",
        cells={
            "clip_and_tell": CLIP_HARD_CODED,
            "open_box": BOX_HARD_CODED,
            "smallest_l0": "def smallest_l0(l1):\n    return 4.0",
            "best_l1": "def best_l1(start):\n    return 10.0",
            "matching_thresholds": "def matching_thresholds(norms, largest, share):\n    return 8.5, 1.7",
        },
        lost={
            "test_clip_length": 2,
            "test_clip_ugly": 1,
            "test_box_by_value": 2,
            "test_box_by_norm": 2,
            "test_smallest_l0": 2,
            "test_best_l1": 1,
            "test_matching": 2,
        },
    ),
    Answer(
        "a box by norm taken for one by value; the smallest L0 as if it fell with L1; an L1 that is twice too large",
        cells={
            "open_box": """
def open_box(step):
    one, other = step([np.array([3e5, 4e5]), np.array([1e6])])
    if np.isclose(one[0], 3e5):
        return None, None
    return "clipvalue", max(np.max(one), np.max(other))
""",
            "smallest_l0": "def smallest_l0(l1):\n    return 4 / l1",
            "best_l1": "def best_l1(start):\n    return 2 * (4e4 / start) ** (1 / 3)",
        },
        lost={"test_box_by_norm": 2, "test_smallest_l0": 2, "test_best_l1": 1},
        says={
            "test_box_by_norm": "keeps the proportions",
            "test_smallest_l0": "With L1 = 2",
            "test_best_l1": "on the road",
        },
    ),
    Answer(
        "nothing before the bowl",
        cells=dict.fromkeys(["clip_and_tell", "open_box", "step_in_pieces"], "raise NotImplementedError"),
        lost={
            "test_clip_length": 2,
            "test_clip_ugly": 1,
            "test_box_by_value": 2,
            "test_box_by_norm": 2,
            "test_pieces_equal": 2,
            "test_pieces_unequal": 1,
        },
    ),
]
