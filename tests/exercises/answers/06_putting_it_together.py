"""Other answers to assignment 06_putting_it_together, and the marks that they deserve."""

from tests.exercises.table import Answer

REPAIRED = """
def repaired(data, seed, epochs):
    dc.set_seed(seed)
    model, rng = network(), np.random.default_rng(seed)
    x, y = data.train
    accuracies = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for rows in [order[i : i + 50] for i in range(0, len(x), 50)]:
            with tf.GradientTape() as tape:
                loss = model.compute_loss(y=y[rows], y_pred=model(x[rows], training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply(gradients, model.trainable_variables)
        accuracies.append(accuracy(model, *data.val))
        if accuracies[-1] == max(accuracies):
            best = model.get_weights()
    for variable, value in zip(model.weights, best, strict=True):
        variable.assign(value)
    tested = accuracy(model, *data.test)
    return model, {"val_accuracy": accuracies, "test_accuracy": tested}
"""

FAULTS = {
    "flag in training": ("model(x[rows], training=True)", "model(x[rows])"),
    "flag in looking": ("accuracy(model, *data.val)", "accuracy(model, *data.val, training=True)"),
    "one batch": ("[order[i : i + 50] for i in range(0, len(x), 50)]", "[order]"),
    "no copy": ("model.get_weights()", "model.weights"),
    "validation for test": ("*data.test", "*data.val"),
    "last batch left out": ("range(0, len(x), 50)", "range(0, len(x) - 49, 50)"),
    "last epoch tested": (
        "    for variable, value in zip(model.weights, best, strict=True):\n        variable.assign(value)\n"
        "    tested = accuracy(model, *data.test)\n",
        "    tested = accuracy(model, *data.test)\n    model.set_weights(best)\n",
    ),
}


def with_faults(*names):
    """The repaired script, with some of its faults put back."""
    source = REPAIRED
    for name in names:
        right, wrong = FAULTS[name]
        assert source.count(right) == 1
        source = source.replace(right, wrong)
    return source


REPAIRED_BY_KERAS = """
def repaired(data, seed, epochs):
    dc.set_seed(seed)
    model = network()
    keeper = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=epochs, restore_best_weights=True
    )
    history = dc.fit(
        model, data.train, epochs=epochs, validation_data=data.val, callbacks=[keeper], seed=seed
    )
    tested = model.evaluate(*data.test, verbose=0)[1]
    return model, {"val_accuracy": history.history["val_accuracy"], "test_accuracy": tested}
"""

REPAIRED_CHOSEN_BY_TEST = """
def repaired(data, seed, epochs):
    dc.set_seed(seed)
    model = network()
    accuracies, best, highest = [], None, -1
    for epoch in range(epochs):
        dc.fit(model, data.train, epochs=epoch + 1, initial_epoch=epoch, seed=seed)
        accuracies.append(accuracy(model, *data.val))
        if accuracy(model, *data.test) > highest:
            highest, best = accuracy(model, *data.test), model.get_weights()
    model.set_weights(best)
    return model, {"val_accuracy": accuracies, "test_accuracy": highest}
"""

GO_ON_BY_TRYING = """
def go_on(newest, before, data, *, seed, epochs):
    try:
        model = keras.saving.load_model(newest)
    except Exception:
        model = keras.saving.load_model(before)
    steps = model.optimizer.iterations.numpy()
    for done in range(epochs):
        if done * np.ceil(len(data[1]) / 50) >= steps:
            dc.fit(model, data, epochs=done + 1, initial_epoch=done, seed=seed)
            steps = model.optimizer.iterations.numpy()
    return model
"""

GO_ON = """
def go_on(newest, before, data, *, seed, epochs):
    whole = zipfile.is_zipfile(newest) and zipfile.ZipFile(newest).testzip() is None
    model = keras.saving.load_model(newest if whole else before)
    done = int(model.optimizer.iterations) // -(-len(data[0]) // 50)
    if done < epochs:
        dc.fit(model, data, epochs=epochs, initial_epoch=done, seed=seed)
    return model
"""

GO_ON_FULL_BATCHES_ONLY = GO_ON.replace("-(-len(data[0]) // 50)", "(len(data[0]) // 50)")
GO_ON_FROM_THE_FIRST = GO_ON.replace("initial_epoch=done, ", "")
GO_ON_NOT_LOOKED_INTO = GO_ON.replace(" and zipfile.ZipFile(newest).testzip() is None", "")
GO_ON_TRUSTING = GO_ON.replace("newest if whole else before", "newest")
GO_ON_OTHER_ORDER = GO_ON.replace(", seed=seed)", ")")

GO_ON_WEIGHTS_ALONE = """
def go_on(newest, before, data, *, seed, epochs):
    whole = zipfile.is_zipfile(newest) and zipfile.ZipFile(newest).testzip() is None
    saved = keras.saving.load_model(newest if whole else before)
    done = int(saved.optimizer.iterations) // 5
    model = dc.compile_classifier(dc.mlp([20]), keras.optimizers.Adam(0.01))
    model.set_weights(saved.get_weights())
    if done < epochs:
        dc.fit(model, data, epochs=epochs, initial_epoch=done, seed=seed)
    return model
"""

SEEDS_FROM_ABOVE = """
def seeds_needed(spread, effect):
    enough = [n for n in range(2, 20_000) if t_quantile(n) * spread < effect * n**0.5]
    return np.int64(enough[0])
"""

SEEDS_KNOWN_SPREAD = """
def seeds_needed(spread, effect):
    return max(2, int(np.ceil((1.96 * spread / effect) ** 2)))
"""

SEEDS_NO_ROOT = """
def seeds_needed(spread, effect):
    return next(n for n in range(2, 100_000) if t_quantile(n) * spread / n < effect)
"""

LUCK_INTEGRATED = """
def luck_of_best(k, n, p):
    from scipy.stats import binom
    below = binom.cdf(np.arange(n + 1), n, p) ** k
    return np.sum(1 - below[:-1]) / n - p
"""

LUCK_ONE_ERROR = """
def luck_of_best(k, n, p):
    return (p * (1 - p) / n) ** 0.5 if k > 1 else 0.0
"""

LUCK_POINTS = """
def luck_of_best(k, n, p):
    right = np.random.default_rng(0).binomial(n, p, (10_000, k))
    return 100 * (right.max(1).mean() / n - p)
"""

LUCK_UPPER_END = """
def luck_of_best(k, n, p):
    return 1.96 * (p * (1 - p) / n) ** 0.5
"""

REFEREE_LOOPS = """
def choose_and_test(candidates, seeds, validate, exam):
    best, chosen, kept, means = -1.0, None, [], {}
    for name in candidates:
        models = []
        for seed in seeds:
            models.append(candidates[name](seed))
        means[name] = float(sum(map(validate, models)) / len(models))
        if means[name] > best:
            best, chosen, kept = means[name], name, models
    return chosen, pd.Series(means), sum(map(exam, kept)) / len(kept)
"""

REFEREE = """
def choose_and_test(candidates, seeds, validate, exam):
    models = {name: [train(seed) for seed in seeds] for name, train in candidates.items()}
    means = {name: np.mean([validate(m) for m in group]) for name, group in models.items()}
    chosen = max(means, key=means.get)
    return chosen, means, np.mean([exam(m) for m in models[chosen]])
"""

REFEREE_BEST_SEED = REFEREE.replace(
    "chosen = max(means, key=means.get)",
    "chosen = max(models, key=lambda name: max(validate(m) for m in models[name]))",
)
REFEREE_ALL_TESTED = REFEREE.replace(
    "return chosen, means, np.mean([exam(m) for m in models[chosen]])",
    "tests = {name: np.mean([exam(m) for m in group]) for name, group in models.items()}\n"
    "    return chosen, means, tests[chosen]",
)
REFEREE_BY_TEST = REFEREE.replace(
    "chosen = max(means, key=means.get)",
    "tests = {name: np.mean([exam(m) for m in group]) for name, group in models.items()}\n"
    "    chosen = max(tests, key=tests.get)",
)
REFEREE_ONE_SEED = REFEREE.replace(
    "np.mean([exam(m) for m in models[chosen]])", "exam(max(models[chosen], key=validate))"
)
REFEREE_TRAINS_AGAIN = REFEREE.replace("for m in models[chosen]", "for m in map(candidates[chosen], seeds)")

# The competition is marked by hand: with the plain network alone it takes a third of the time.
PLAIN_ALONE = {"candidates": 'candidates = {"plain": plain}'}

ANSWERS = [
    Answer(
        "all right, written quite differently",
        cells={
            "repaired": REPAIRED_BY_KERAS,
            "go_on": GO_ON_BY_TRYING,
            "pair_spread": "def pair_spread(sigma, rho):\n    return (2 * sigma**2 - 2 * rho * sigma * sigma) ** 0.5",
            "seeds_needed": SEEDS_FROM_ABOVE,
            "luck_of_best": LUCK_INTEGRATED,
            "choose_and_test": REFEREE_LOOPS,
        }
        | PLAIN_ALONE,
        lost={},
    ),
    Answer(
        "the script with its five faults",
        cells={"repaired": with_faults(*list(FAULTS)[:5])} | PLAIN_ALONE,
        lost={
            "test_flag_in_training": 2,
            "test_flag_in_looking": 1,
            "test_batches": 1,
            "test_best_epoch": 1,
            "test_report": 1,
        },
        says={
            "test_flag_in_training": "told that it is training",
            "test_flag_in_looking": "Looking at it",
            "test_batches": "How many steps",
            "test_best_epoch": "the place where they stand",
            "test_report": "on the validation images",
        },
    ),
    Answer(
        "only the flag in training is not set; full batches only; shared luck forgotten",
        cells={
            "repaired": with_faults("flag in training"),
            "go_on": GO_ON_FULL_BATCHES_ONLY,
            "pair_spread": "def pair_spread(sigma, rho):\n    return sigma * 2**0.5",
        }
        | PLAIN_ALONE,
        lost={"test_flag_in_training": 2, "test_go_on": 2, "test_pair_spread": 1},
        says={
            "test_flag_in_training": "off zero by 0",
            "test_go_on": "How many has each epoch",
            "test_pair_spread": "nothing in common",
        },
    ),
    Answer(
        "only the flag in looking is set; from the first epoch again; the spread as if known",
        cells={
            "repaired": with_faults("flag in looking"),
            "go_on": GO_ON_FROM_THE_FIRST,
            "seeds_needed": SEEDS_KNOWN_SPREAD,
        }
        | PLAIN_ALONE,
        lost={"test_flag_in_looking": 1, "test_go_on": 2, "test_damaged": 2, "test_seeds_needed": 2},
        says={
            "test_flag_in_looking": "Looking at it",
            "test_go_on": "done again",
            "test_seeds_needed": "estimated, too",
        },
    ),
    Answer(
        "only one batch a pass; a fresh optimizer; no root; the error of one result; the best seed",
        cells={
            "repaired": with_faults("one batch"),
            "go_on": GO_ON_WEIGHTS_ALONE,
            "seeds_needed": SEEDS_NO_ROOT,
            "luck_of_best": LUCK_ONE_ERROR,
            "choose_and_test": REFEREE_BEST_SEED,
        }
        | PLAIN_ALONE,
        lost={
            "test_batches": 1,
            "test_go_on": 2,
            "test_damaged": 2,
            "test_seeds_needed": 2,
            "test_luck": 2,
            "test_choice": 1,
        },
        says={
            "test_go_on": "start afresh",
            "test_seeds_needed": "By n or by its root",
            "test_luck": "standard error of one",
            "test_choice": "best seed",
        },
    ),
    Answer(
        "only no copy of the best weights; no look into the file; the spread of the sum; points; all tested",
        cells={
            "repaired": with_faults("no copy"),
            "go_on": GO_ON_NOT_LOOKED_INTO,
            "pair_spread": "def pair_spread(sigma, rho):\n    return sigma * (2 + 2 * rho) ** 0.5",
            "luck_of_best": LUCK_POINTS,
            "choose_and_test": REFEREE_ALL_TESTED,
        }
        | PLAIN_ALONE,
        lost={
            "test_best_epoch": 1,
            "test_damaged": 2,
            "test_pair_spread": 1,
            "test_luck": 2,
            "test_exam": 1,
        },
        says={
            "test_best_epoch": "the place where they stand",
            "test_pair_spread": "spread of the sum",
            "test_luck": "a share",
            "test_exam": "First choose",
        },
    ),
    Answer(
        "only validation for test; trusting the newest file; the variance; chosen by the test",
        cells={
            "repaired": with_faults("validation for test"),
            "go_on": GO_ON_TRUSTING,
            "pair_spread": "def pair_spread(sigma, rho):\n    return 2 * sigma**2 * (1 - rho)",
            "luck_of_best": LUCK_UPPER_END,
            "choose_and_test": REFEREE_BY_TEST,
        }
        | PLAIN_ALONE,
        lost={
            "test_report": 1,
            "test_damaged": 2,
            "test_pair_spread": 1,
            "test_luck": 2,
            "test_choice": 1,
            "test_exam": 1,
        },
        says={
            "test_report": "on the validation images",
            "test_pair_spread": "variance",
            "test_luck": "not chosen",
            "test_choice": "looking at the test",
        },
    ),
    Answer(
        "the epoch chosen by the test; another order of the images; only the best seed tested",
        cells={
            "repaired": REPAIRED_CHOSEN_BY_TEST,
            "go_on": GO_ON_OTHER_ORDER,
            "choose_and_test": REFEREE_ONE_SEED,
        }
        | PLAIN_ALONE,
        lost={"test_best_epoch": 1, "test_report": 1, "test_go_on": 2, "test_damaged": 2, "test_exam": 1},
        says={"test_go_on": "other steps", "test_exam": "Not the mean of three"},
    ),
    Answer(
        "the visible values typed in; trained again for the exam",
        cells={
            "repaired": "def repaired(data, seed, epochs):\n"
            "    return network(), {'val_accuracy': [0.04, 0.03, 0.02, 0.02], 'test_accuracy': 0.02}",
            "go_on": "def go_on(newest, before, data, *, seed, epochs):\n"
            "    return start_training(data, 7 if epochs == 5 else 8, seed, epochs)",
            "pair_spread": "def pair_spread(sigma, rho):\n    return 1.1314",
            "seeds_needed": "def seeds_needed(spread, effect):\n    return 2 if effect == 5 else 14",
            "luck_of_best": "def luck_of_best(k, n, p):\n    return 0.0 if k == 1 else 0.0052",
            "choose_and_test": REFEREE_TRAINS_AGAIN,
        }
        | PLAIN_ALONE,
        lost={
            "test_flag_in_training": 2,
            "test_batches": 1,
            "test_best_epoch": 1,
            "test_report": 1,
            "test_flag_in_looking": 1,
            "test_go_on": 2,
            "test_damaged": 2,
            "test_pair_spread": 1,
            "test_seeds_needed": 2,
            "test_luck": 2,
            "test_exam": 1,
        },
        says={"test_exam": "trainings?"},
    ),
    Answer(
        "the last batch is left out, and the last epoch tested instead of the best",
        cells={"repaired": with_faults("last batch left out", "last epoch tested")} | PLAIN_ALONE,
        lost={"test_batches": 1, "test_report": 1},
        says={"test_batches": "left out in each pass", "test_report": "of the last epoch"},
    ),
    Answer(
        "nothing before the third part",
        cells=dict.fromkeys(["repaired", "go_on"], "raise NotImplementedError") | PLAIN_ALONE,
        lost={
            "test_flag_in_training": 2,
            "test_flag_in_looking": 1,
            "test_batches": 1,
            "test_best_epoch": 1,
            "test_report": 1,
            "test_go_on": 2,
            "test_damaged": 2,
        },
    ),
]
