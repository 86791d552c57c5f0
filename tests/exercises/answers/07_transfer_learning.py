"""Other answers to assignment 07_transfer_learning, and the marks that they deserve."""

from tests.exercises.table import Answer

COUNTS_KERAS_LAYERS = """
def transplant(old, new, n_hidden):
    for theirs, ours in zip(old.layers[:n_hidden], new.layers[:n_hidden]):
        ours.set_weights(theirs.get_weights())
    return new
"""
COPIES_WHAT_IS_TRAINED = """
def transplant(old, new, n_hidden):
    stop = [layer.name for layer in old.layers].index(f"hidden_{n_hidden}") + 1 if n_hidden else 0
    while stop and not isinstance(old.layers[stop], keras.layers.Dense):
        stop += 1
    for theirs, ours in zip(old.layers[:stop], new.layers[:stop]):
        for a, b in zip(theirs.trainable_weights, ours.trainable_weights):
            b.assign(a)
    return new
"""
BY_NAME = """
def transplant(old, new, n_hidden):
    wanted = {f"{kind}_{number}" for kind in ("hidden", "bn") for number in range(1, n_hidden + 1)}
    for layer in old.layers:
        if layer.name in wanted:
            for a, b in zip(layer.weights, new.get_layer(layer.name).weights):
                b.assign(a)
    return new
"""

EQUAL_IS_SHARED = """
def shared(one, other):
    found = 0
    for mine in one.weights:
        found += any(mine.shape == w.shape and np.all(mine.numpy() == w.numpy()) for w in other.weights) * mine.numpy().size
    return found
"""
SAME_NAME_IS_SHARED = """
def shared(one, other):
    names = {(layer.name, weight.name) for layer in one.layers for weight in layer.weights}
    return sum(w.numpy().size for l in other.layers for w in l.weights if (l.name, w.name) in names)
"""
SHARED_AND_TRAINED = """
def shared(one, other):
    return sum(w.numpy().size for w in other.trainable_weights if any(w is v for v in one.trainable_weights))
"""
BY_TRYING = """
def shared(one, other):
    count = 0
    for weight in one.weights:
        kept, before = weight.numpy().copy(), [w.numpy().copy() for w in other.weights]
        weight.assign(kept + 1)
        for w, was in zip(other.weights, before):
            count += int((w.numpy() != was).sum())
        weight.assign(kept)
    return count
"""

KEEPS_OBJECTS = """
def moved(model, train):
    before = {layer.name: layer.weights for layer in model.layers}
    train(model)
    return [l.name for l in model.layers if any(np.any(a.numpy() != b.numpy()) for a, b in zip(before[l.name], l.weights))]
"""
ABOUT_EQUAL = """
def moved(model, train):
    before = {layer.name: layer.get_weights() for layer in model.layers}
    train(model)
    return [l.name for l in model.layers if not all(np.allclose(a, b) for a, b in zip(before[l.name], l.get_weights()))]
"""
CLOSE = ABOUT_EQUAL.replace("np.allclose(a, b)", "np.allclose(a, b, atol=0)")
LOOKS_AT_WHAT_IS_TRAINED = """
def moved(model, train):
    before = [[w.numpy().copy() for w in layer.trainable_weights] for layer in model.layers]
    train(model)
    names = []
    for layer, was in zip(model.layers, before):
        if any((w.numpy() != old).any() for w, old in zip(layer.trainable_weights, was)):
            names.append(layer.name)
    return names
"""
BY_BYTES = """
def moved(model, train):
    def state():
        return {layer.name: b"".join(w.numpy().tobytes() for w in layer.weights) for layer in model.layers}
    first = state()
    train(model)
    second = state()
    return tuple(name for name in first if first[name] != second[name])
"""

TRUE_VARIANCE = """
def drifted(old, new, *, steps, momentum, batch):
    left = momentum**steps
    return tuple(left * a + (1 - left) * b for a, b in zip(old, new))
"""
UNBIASED_THE_WRONG_WAY = """
def drifted(old, new, *, steps, momentum, batch):
    left = momentum**steps
    return left * old[0] + (1 - left) * new[0], left * old[1] + (1 - left) * new[1] * batch / (batch - 1)
"""
STRAIGHT_LINE = """
def drifted(old, new, *, steps, momentum, batch):
    way = steps * (1 - momentum)
    true = new[1] * (batch - 1) / batch
    return old[0] + way * (new[0] - old[0]), old[1] + way * (true - old[1])
"""
STEP_BY_STEP = """
def drifted(old, new, *, steps, momentum, batch):
    state, goal = np.array(old, float), np.array(new, float) * [1, (batch - 1) / batch]
    for _ in range(steps):
        state += (1 - momentum) * (goal - state)
    return state
"""
DRIFT_FROM_THE_EXAMPLES = """
def drifted(old, new, *, steps, momentum, batch):
    mean = {1: 1.2, 2: 2.5}.get(steps, old[0])
    return mean, 2.3 if steps == 1 else 2.0
"""

SPREAD = """
def peek(accuracy, n_images, tries):
    return (accuracy * (1 - accuracy) / n_images) ** 0.5 if tries > 1 else 0.0
"""
A_THOUSAND_DRAWS = """
def peek(accuracy, n_images, tries):
    draws = np.random.default_rng(3).binomial(n_images, accuracy, (1000, tries))
    return draws.max(axis=1).mean() / n_images - accuracy
"""
BEST_ITSELF = """
def peek(accuracy, n_images, tries):
    rng = np.random.default_rng(5)
    return rng.binomial(n_images, accuracy, (tries, 9000)).max(axis=0).mean() / n_images
"""
PEEK_FROM_THE_EXAMPLES = """
def peek(accuracy, n_images, tries):
    return {1: 0.0, 2: 0.25}.get(tries, tries / 1000)
"""
EXACT = """
def peek(accuracy, n_images, tries):
    from scipy.stats import binom
    right = np.arange(n_images + 1)
    at_most = binom.cdf(right, n_images, accuracy) ** tries
    chance = np.diff(at_most, prepend=0.0)
    return (chance * right).sum() / n_images - accuracy
"""

FROZEN = """
def trained(start, images, old, seed):
    dc.set_seed(seed)
    tuned = start == "tuned"
    model = dc.reuse(old, 5 if tuned else 0, trainable=not tuned)
    dc.compile_classifier(model, keras.optimizers.Adam(0.001))
    dc.fit(model, rows(images, seed), epochs=1, batch_size=25, seed=seed)
    return model
"""
SHARES = """
def trained(start, images, old, seed):
    dc.set_seed(seed)
    model = five_layers()
    if start == "tuned":
        model = keras.Sequential([keras.Input((784,)), *old.layers[:-1], keras.layers.Dense(5)])
    dc.compile_classifier(model, keras.optimizers.Adam(0.001))
    dc.fit(model, rows(images, seed), epochs=1, batch_size=25, seed=seed)
    return model
"""
OLD_HEAD = """
def trained(start, images, old, seed):
    dc.set_seed(seed)
    model = five_layers()
    if start == "tuned":
        model.set_weights(old.get_weights())
    dc.compile_classifier(model, keras.optimizers.Adam(0.001))
    dc.fit(model, rows(images, seed), epochs=1, batch_size=25, seed=seed)
    return model
"""
TWICE_AS_LONG = """
def trained(start, images, old, seed):
    dc.set_seed(seed)
    model = dc.reuse(old, 5 if start == "tuned" else 0, trainable=True)
    dc.compile_classifier(model, keras.optimizers.Adam(0.001))
    dc.fit(model, rows(images, seed), epochs=2 if start == "tuned" else 1, batch_size=25, seed=seed)
    return model
"""
BY_HAND = """
def trained(start, images, old, seed):
    dc.set_seed(seed)
    model = five_layers()
    if start == "tuned":
        for number in range(1, 6):
            model.get_layer(f"hidden_{number}").set_weights(old.get_layer(f"hidden_{number}").get_weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    dc.fit(model, rows(images, seed), epochs=1, batch_size=25, seed=seed)
    return model
"""

ARITHMETIC = """
def halve(lead, few, many, target, n_looks):
    for _ in range(n_looks):
        middle = (few + many) // 2
        if lead(middle) > target:
            few = middle
        else:
            many = middle
    return few, many
"""
WRONG_HALF = """
def halve(lead, few, many, target, n_looks):
    for _ in range(n_looks):
        middle = round((few * many) ** 0.5)
        if lead(middle) < target:
            few = middle
        else:
            many = middle
    return few, many
"""
NEVER_STOPS = """
def halve(lead, few, many, target, n_looks):
    for _ in range(n_looks):
        middle = round((few * many) ** 0.5)
        few, many = (middle, many) if lead(middle) > target else (few, middle)
    return few, many
"""
HALVES_FROM_THE_EXAMPLE = """
def halve(lead, few, many, target, n_looks):
    for images in (22, 47, 32):
        lead(images)
    return 22, 32
"""
RECURSIVE = """
def halve(lead, few, many, target, n_looks):
    middle = int(np.rint(np.exp((np.log(few) + np.log(many)) / 2)))
    if n_looks == 0 or middle in (few, many):
        return [few, many]
    if lead(middle) > target:
        return halve(lead, middle, many, target, n_looks - 1)
    return halve(lead, few, middle, target, n_looks - 1)
"""
NOT_ANSWERED = 'raise NotImplementedError("replace this line with your answer")'

ANSWERS = [
    Answer(
        "all done in other ways: by name, by trying, by bytes, step by step, exactly, by recursion",
        cells={
            "transplant": BY_NAME,
            "shared": BY_TRYING,
            "moved": BY_BYTES,
            "drifted": STEP_BY_STEP,
            "peek": EXACT,
            "trained": BY_HAND,
            "halve": RECURSIVE,
        },
        lost={},
    ),
    Answer(
        "Keras layers counted; equal taken for shared; objects kept; the true variance; the spread; frozen; arithmetic",
        cells={
            "transplant": COUNTS_KERAS_LAYERS,
            "shared": EQUAL_IS_SHARED,
            "moved": KEEPS_OBJECTS,
            "drifted": TRUE_VARIANCE,
            "peek": SPREAD,
            "trained": FROZEN,
            "halve": ARITHMETIC,
        },
        lost={
            "test_transplant_normalized": 1,
            "test_shared": 2,
            "test_moved": 2,
            "test_drifted_variance": 2,
            "test_peek": 2,
            "test_starts": 2,
            "test_halve": 2,
        },
        says={
            "test_transplant_normalized": "All that follows a Dense layer",
            "test_shared": "Equal is not the same",
            "test_moved": "the objects that hold them",
            "test_drifted_variance": "on average the true one",
            "test_starts": "it is frozen",
        },
    ),
    Answer(
        "averages forgotten throughout; batch variance too large; the best itself; shared layers; the wrong half",
        cells={
            "transplant": COPIES_WHAT_IS_TRAINED,
            "shared": SHARED_AND_TRAINED,
            "moved": LOOKS_AT_WHAT_IS_TRAINED,
            "drifted": UNBIASED_THE_WRONG_WAY,
            "peek": BEST_ITSELF,
            "trained": SHARES,
            "halve": WRONG_HALF,
        },
        lost={
            "test_transplant_normalized": 1,
            "test_shared": 2,
            "test_moved": 2,
            "test_drifted_variance": 2,
            "test_peek": 2,
            "test_starts": 2,
            "test_halve": 2,
        },
        says={
            "test_transplant_normalized": "also remembers what is tracked",
            "test_shared": "averages",
            "test_moved": "no optimizer touches it",
            "test_drifted_variance": "larger than the true variance, or smaller",
            "test_starts": "The old network has changed",
        },
    ),
    Answer(
        "names taken for weights; small changes overlooked; drift in a straight line; the old output layer; no end",
        cells={
            "shared": SAME_NAME_IS_SHARED,
            "moved": ABOUT_EQUAL,
            "drifted": STRAIGHT_LINE,
            "trained": OLD_HEAD,
            "halve": NEVER_STOPS,
        },
        lost={
            "test_shared": 2,
            "test_moved": 2,
            "test_drifted_mean": 1,
            "test_drifted_variance": 2,
            "test_starts": 2,
            "test_halve": 2,
        },
        says={
            "test_shared": "dc.reuse copies",
            "test_moved": "A small change",
            "test_starts": "old output layer",
            "test_halve": "no number lies between",
        },
    ),
    Answer(
        "the values of the visible tests: drift, peek and halving",
        cells={
            "drifted": DRIFT_FROM_THE_EXAMPLES,
            "peek": PEEK_FROM_THE_EXAMPLES,
            "halve": HALVES_FROM_THE_EXAMPLE,
        },
        lost={"test_drifted_mean": 1, "test_drifted_variance": 2, "test_peek": 2, "test_halve": 2},
    ),
    Answer(
        "part 1 not answered, the rest right",
        cells={"transplant": NOT_ANSWERED, "shared": NOT_ANSWERED},
        lost={"test_transplant": 1, "test_transplant_normalized": 1, "test_shared": 2},
    ),
    Answer(
        "the tuned network gets twice the steps; close is not moved; a thousand draws are enough",
        cells={"trained": TWICE_AS_LONG, "moved": CLOSE, "peek": A_THOUSAND_DRAWS},
        lost={"test_same_budget": 1, "test_moved": 2},
        says={"test_same_budget": "200 steps are the budget", "test_moved": "of the last digit"},
    ),
]
