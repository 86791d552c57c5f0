"""Other answers to assignment 08_five_layers, and the marks that they deserve."""

from tests.exercises.table import Answer

LAYERS = """
def five_layers(rate):
    he = keras.initializers.{initializer}
    model = keras.Sequential([keras.Input((784,))])
    for _ in range(5):
        model.add(keras.layers.Dense(100, activation="{activation}", kernel_initializer=he{call}))
    model.add(keras.layers.Dense(5, activation="softmax"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits={from_logits})
    model.compile(keras.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
    return model
"""


def layers(initializer="HeNormal", *, activation="elu", shared=False, from_logits=False):
    call = "" if shared else "()"
    made = f"{initializer}()" if shared else initializer
    return LAYERS.format(initializer=made, activation=activation, call=call, from_logits=from_logits)


TRAIN = """
def train(model, data, folder, *, epochs, patience, seed, callbacks=()):
    best_file, lowest = folder / "best.keras", None
    if {remember} and best_file.exists():
        lowest = loss_on(keras.saving.load_model(best_file), *data.val)
    keep = [
        keras.callbacks.ModelCheckpoint(
            best_file, "{monitor}", save_best_only={only_best}, initial_value_threshold=lowest
        ),
        keras.callbacks.EarlyStopping("val_loss", patience=patience),
    ]
    if {backup}:
        keep.append(keras.callbacks.BackupAndRestore(folder / "backup"))
    options = dict(validation_data=data.val, callbacks=[*keep, *callbacks], seed=seed)
    dc.fit(model, data.train, epochs=epochs, batch_size=50, **options)
    return keras.saving.load_model(best_file)
"""


def training(*, remember=True, monitor="val_loss", only_best=True, backup=True):
    return TRAIN.format(remember=remember, monitor=monitor, only_best=only_best, backup=backup)


WEIGHTS_ALONE = """
def train(model, data, folder, *, epochs, patience, seed, callbacks=()):
    best_file, last_file = folder / "best.keras", folder / "last.keras"
    lowest, done = None, 0
    if last_file.exists():
        lowest = loss_on(keras.saving.load_model(best_file), *data.val)
        last = keras.saving.load_model(last_file)
        model.set_weights(last.get_weights())
        done = int(last.optimizer.iterations) // -(-len(data.y_train) // 50)
    keep = [
        keras.callbacks.ModelCheckpoint(
            best_file, "val_loss", save_best_only=True, initial_value_threshold=lowest
        ),
        keras.callbacks.ModelCheckpoint(last_file),
        keras.callbacks.EarlyStopping("val_loss", patience=patience),
        *callbacks,
    ]
    options = dict(validation_data=data.val, callbacks=keep, seed=seed, initial_epoch=done)
    dc.fit(model, data.train, epochs=epochs, **options)
    return keras.saving.load_model(best_file)
"""

TRAINED_ANEW = """
def train(model, data, folder, *, epochs, patience, seed, callbacks=()):
    best_file, count, lowest, done = folder / "best.keras", folder / "epochs.txt", None, 0
    if count.exists():
        lowest = loss_on(keras.saving.load_model(best_file), *data.val)
        done = int(count.read_text())
    keep = [
        keras.callbacks.ModelCheckpoint(
            best_file, "val_loss", save_best_only=True, initial_value_threshold=lowest
        ),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: count.write_text(str(epoch + 1))),
        keras.callbacks.EarlyStopping("val_loss", patience=patience),
        *callbacks,
    ]
    options = dict(validation_data=data.val, callbacks=keep, seed=seed, initial_epoch=done)
    dc.fit(model, data.train, epochs=epochs, **options)
    return keras.saving.load_model(best_file)
"""

BY_HAND = """
import json

def train(model, data, folder, *, epochs, patience, seed, callbacks=()):
    best_file, last_file, notes = folder / "best.keras", folder / "last.keras", folder / "notes.json"
    done, waited, lowest = 0, 0, float("inf")
    if notes.exists():
        done, waited, lowest = json.loads(notes.read_text())
        model = keras.saving.load_model(last_file)
    while done < epochs and waited < patience:
        dc.fit(model, data.train, epochs=done + 1, initial_epoch=done, seed=seed, callbacks=callbacks)
        loss = loss_on(model, *data.val)
        done, waited = done + 1, waited + 1
        if loss < lowest:
            waited, lowest = 0, loss
            model.save(best_file)
        model.save(last_file)
        notes.write_text(json.dumps([done, waited, lowest]))
    return keras.saving.load_model(best_file)
"""

WITHOUT_TRAIN = """
dc.set_seed(0)
stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
{name} = network({rate})
dc.fit({name}, many.train, epochs=6, validation_data=many.val, callbacks=[stop], seed=0)
"""


def without_train(name, rate):
    return WITHOUT_TRAIN.format(name=name, rate=rate)


FOLDS = """
def cv_loss(make, data, *, n_folds, epochs, seed):
    x, y = {images}
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    dc.set_seed(seed)
    results, model = [], {once}
    for others, left_out in folds.split(x, y):
        model = {fresh}
        dc.fit(model, (x[others], y[others]), epochs=epochs, seed=seed)
        results.append({measure})
        {stop}
    return float(np.mean(results))
"""


def folds(
    *,
    images="data.train",
    once="None",
    fresh="make()",
    measure="loss_on(model, x[left_out], y[left_out])",
    stop="continue",
):
    return FOLDS.format(images=images, once=once, fresh=fresh, measure=measure, stop=stop)


THE_FOLD_CHOOSES = """
def cv_loss(make, data, *, n_folds, epochs, seed):
    x, y = data.train
    losses = []
    for others, left_out in StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(x, y):
        dc.set_seed(seed)
        model = make()
        stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
        options = dict(validation_data=(x[left_out], y[left_out]), callbacks=[stop], seed=seed)
        dc.fit(model, (x[others], y[others]), epochs=epochs, **options)
        losses.append(loss_on(model, x[left_out], y[left_out]))
    return float(np.mean(losses))
"""

FOLDS_BY_HAND = """
def cv_loss(make, data, *, n_folds, epochs, seed):
    fold_of = np.empty(len(data.y_train), int)
    rng = np.random.default_rng(seed)
    for digit in np.unique(data.y_train):
        rows = rng.permutation(np.flatnonzero(data.y_train == digit))
        fold_of[rows] = np.arange(len(rows)) % n_folds
    total = 0.0
    for fold in range(n_folds):
        keras.utils.set_random_seed(seed + fold)
        out = fold_of == fold
        net = make()
        dc.fit(net, (data.x_train[~out], data.y_train[~out]), epochs=epochs, batch_size=50)
        total += loss_on(net, data.x_train[out], data.y_train[out]) / n_folds
    return total
"""

TUNE = """
def tune(score, *, n_trials, seed):
    def objective(trial):
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log={log})
        return score(rate=rate, units=trial.suggest_categorical("units", [50, 100]))

    sampler = optuna.samplers.TPESampler(seed={seed})
    study = optuna.create_study(sampler=sampler, direction="{direction}")
    study.enqueue_trial({{"rate": 0.01, "units": 100}})
    study.optimize(objective, n_trials=n_trials)
    return study
"""


def search(*, log=True, direction="minimize", seed="seed"):
    return TUNE.format(log=log, direction=direction, seed=seed)


ASK_AND_TELL = """
def tune(score, *, n_trials, seed):
    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=seed), direction="maximize"
    )
    study.enqueue_trial({"units": 100, "rate": 0.01})
    for _ in range(n_trials):
        trial = study.ask()
        settings = {
            "rate": trial.suggest_float("rate", 1e-4, 1e-1, log=True),
            "units": trial.suggest_int("units", 50, 100, step=50),
        }
        study.tell(trial, -score(**settings))
    return study
"""

BY_T_TEST = """
from scipy import stats

def verdict(first, second):
    seeds = sorted(set(first.index) & set(second.index))
    a, b = (np.array([series[seed] for seed in seeds]) for series in (first, second))
    with np.errstate(all="ignore"):
        test = {test}
    if not test.pvalue < 0.05:
        return "cannot tell"
    return "lower" if test.statistic < 0 else "higher"
"""

BY_MEANS = """
def verdict(first, second):
    d = (first - second).mean()
    return "lower" if d < 0 else "higher" if d > 0 else "cannot tell"
"""

BY_FORMULA = """
def verdict(first, second):
    d = {difference}
    half = {factor} * d.std(ddof=1){root}
    if d.mean() + half < 0:
        return "lower"
    return "higher" if d.mean() - half > 0 else "cannot tell"
"""


def interval(*, difference="(first - second).dropna()", factor="2.776", root=" / np.sqrt(len(d))"):
    return BY_FORMULA.format(difference=difference, factor=factor, root=root)


FUNCTIONAL = """
def five_layers(rate):
    pixels = h = keras.Input((784,))
    for number in range(5):
        start = keras.initializers.VarianceScaling(2.0, mode="fan_in", distribution="uniform")
        h = keras.layers.Dense(100, kernel_initializer=start, name=f"layer_{number}")(h)
        h = keras.layers.ELU()(h)
    scores = keras.layers.Dense(5, kernel_initializer="glorot_normal")(h)
    model = keras.Model(pixels, keras.layers.Softmax()(scores))
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=rate),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model
"""

ARGMAX = "def epochs_to(losses, level):\n    return int(np.argmax(np.array(losses) < level)) + 1"
DROP = "def drop(h, rate, rng):\n    return "

ANSWERS = [
    Answer(
        "everything written quite differently",
        cells={
            "five_layers": FUNCTIONAL,
            "train": BY_HAND,
            "cv_loss": FOLDS_BY_HAND,
            "tune": ASK_AND_TELL,
            "epochs_to": (
                "def epochs_to(losses, level):\n"
                "    for number, loss in enumerate(losses):\n"
                "        if loss < level:\n"
                "            return np.int64(number + 1)\n"
                "    return number + 2.0"
            ),
            "verdict": BY_T_TEST.replace("{test}", "stats.ttest_rel(a, b)"),
            "drop": DROP + "h * rng.binomial(1, 1 - rate, h.shape) / (1 - rate)",
            "report": (
                "def report(candidates, data):\n"
                "    best, highest = None, -1\n"
                "    for name, net in candidates.items():\n"
                "        right = np.argmax(np.asarray(net(data.x_val)), axis=-1) == data.y_val\n"
                "        if right.mean() > highest:\n"
                "            best, highest = name, right.mean()\n"
                "    answers = np.asarray(candidates[best](data.x_test)).argmax(-1)\n"
                "    return best, np.mean(answers == data.y_test)"
            ),
            "final": without_train("final", 0.001),
        },
        lost={},
    ),
    Answer(
        "Part 1 is not answered: all later marks are kept",
        cells={"five_layers": "def five_layers(rate):\n    raise NotImplementedError"},
        lost={"test_five_layers": 2, "test_softmax_once": 1},
    ),
    Answer(
        "train and cv_loss are not answered, and baseline and final are had without them",
        cells={
            "train": "def train(model, data, folder, **options):\n    raise NotImplementedError",
            "cv_loss": "def cv_loss(make, data, **options):\n    raise NotImplementedError",
            "baseline": without_train("baseline", 0.01),
            "final": without_train("final", 0.001),
        },
        lost={
            "test_keeps_best": 2,
            "test_resumes": 2,
            "test_best_survives": 1,
            "test_cv_folds": 2,
            "test_cv_honest": 2,
        },
    ),
    Answer(
        "LeCun's rule; the last epoch kept; the same fold each time; the rate drawn evenly; chosen by the test",
        cells={
            "five_layers": layers("VarianceScaling"),
            "train": training(only_best=False),
            "baseline": without_train("baseline", 0.01),
            "final": without_train("final", 0.001),
            "cv_loss": folds(stop="break"),
            "tune": search(log=False),
            "epochs_to": ARGMAX,
            "verdict": BY_T_TEST.replace("{test}", "stats.ttest_ind(a, b)"),
            "drop": DROP + "np.where(rng.random(h.shape) < rate, 0.0, h)",
            "report": (
                "def report(candidates, data):\n"
                "    found = {name: accuracy_on(net, *data.test) for name, net in candidates.items()}\n"
                "    return max(found.items(), key=lambda pair: pair[1])"
            ),
        },
        lost={
            "test_five_layers": 2,
            "test_keeps_best": 2,
            "test_best_survives": 1,
            "test_cv_folds": 2,
            "test_tune": 1,
            "test_epochs_to": 1,
            "test_verdict": 2,
            "test_drop": 2,
            "test_report": 1,
        },
        says={
            "test_five_layers": "LeCun",
            "test_keeps_best": "last epoch",
            "test_cv_folds": "judged once",
            "test_tune": "evenly",
            "test_epochs_to": "Never below",
            "test_verdict": "-0.020",
            "test_drop": "The mean was 1",
            "test_report": "test images",
        },
    ),
    Answer(
        "One initializer for all; the best forgotten at the cut; judged on the images trained on; the highest loss",
        cells={
            "five_layers": layers(shared=True),
            "train": training(remember=False),
            "cv_loss": folds(measure="loss_on(model, x[others], y[others])"),
            "tune": search(direction="maximize"),
            "epochs_to": ARGMAX.replace(" + 1", ""),
            "verdict": BY_MEANS,
            "drop": DROP + "np.where(rng.random(h.shape) < rate, h / rate, 0.0)",
            "report": (
                "def report(candidates, data):\n"
                "    name = max(candidates, key=lambda each: accuracy_on(candidates[each], *data.val))\n"
                "    return name, {n: accuracy_on(net, *data.test) for n, net in candidates.items()}[name]"
            ),
        },
        lost={
            "test_five_layers": 2,
            "test_best_survives": 1,
            "test_cv_honest": 2,
            "test_tune": 1,
            "test_epochs_to": 1,
            "test_verdict": 2,
            "test_drop": 2,
            "test_report": 1,
        },
        says={
            "test_five_layers": "same numbers",
            "test_best_survives": "that of epoch 4",
            "test_tune": "lowest loss",
            "test_report": "not chosen",
        },
    ),
    Answer(
        "Softmax twice; resumed from the weights alone; one network for all folds; no seed; 1.96 for five pairs",
        cells={
            "five_layers": layers(from_logits=True),
            "train": WEIGHTS_ALONE,
            "cv_loss": folds(once="make()", fresh="model"),
            "tune": search(seed="None"),
            "verdict": interval(factor="1.96"),
            "drop": DROP + "h * (rng.random(h.shape[1]) >= rate) / (1 - rate)",
        },
        lost={
            "test_softmax_once": 1,
            "test_resumes": 2,
            "test_cv_honest": 2,
            "test_tune": 1,
            "test_verdict": 2,
            "test_drop": 2,
        },
        says={
            "test_softmax_once": "perfect answer",
            "test_resumes": "what decides its steps",
            "test_cv_honest": "second fold",
            "test_tune": "nobody can repeat",
            "test_verdict": "1.96",
            "test_drop": "Whole units",
        },
    ),
    Answer(
        "ReLU; starts over after a cut; judged on the test images; paired by place and not by seed",
        cells={
            "five_layers": layers(activation="relu"),
            "train": training(backup=False),
            "cv_loss": folds(measure="loss_on(model, *data.test)"),
            "verdict": interval(
                difference="pd.Series(first.to_numpy()[:5] - second.to_numpy()[:5])",
            ),
            "drop": DROP + "np.where(rng.random(h.shape) < rate, 0.0, h * (1 - rate))",
        },
        lost={
            "test_five_layers": 2,
            "test_resumes": 2,
            "test_best_survives": 1,
            "test_cv_folds": 2,
            "test_verdict": 2,
            "test_drop": 2,
        },
        says={"test_five_layers": "ReLU", "test_cv_folds": "NaN", "test_verdict": "one seed"},
    ),
    Answer(
        "Glorot's rule; picked by the training loss; accuracy for loss; the deviation for the error of the mean",
        cells={
            "five_layers": layers("GlorotNormal"),
            "train": training(monitor="loss"),
            "baseline": without_train("baseline", 0.01),
            "final": without_train("final", 0.001),
            "cv_loss": folds(measure="accuracy_on(model, x[left_out], y[left_out])"),
            "verdict": interval(root=""),
            "drop": DROP + "h * (rng.random((len(h), 1)) >= rate) / (1 - rate)",
        },
        lost={
            "test_five_layers": 2,
            "test_keeps_best": 2,
            "test_best_survives": 1,
            "test_cv_folds": 2,
            "test_cv_honest": 2,
            "test_verdict": 2,
            "test_drop": 2,
        },
        says={"test_five_layers": "Glorot", "test_cv_honest": "accuracy", "test_drop": "lost everything"},
    ),
    Answer(
        "Trained anew for the epochs that are left; the fold that judges chooses the epoch; nothing enqueued",
        cells={
            "train": TRAINED_ANEW,
            "cv_loss": THE_FOLD_CHOOSES,
            "tune": search().replace("study.enqueue_trial", "dict"),
        },
        lost={"test_resumes": 2, "test_best_survives": 1, "test_cv_honest": 2, "test_tune": 1},
        says={
            "test_resumes": "where did it start",
            "test_best_survives": "begin anew",
            "test_cv_honest": "suits the judge",
            "test_tune": "The first trial is",
        },
    ),
    Answer(
        "The values of the visible tests, typed in",
        cells={
            "tune": (
                "def tune(score, *, n_trials, seed):\n"
                "    for i in range(n_trials):\n"
                "        score(rate=10 ** (-2 - i / 12), units=100)\n"
                "    study = optuna.create_study()\n"
                "    study.enqueue_trial({'rate': 10**-2.5, 'units': 100})\n"
                "    study.optimize(lambda t: t.suggest_float('rate', 1e-4, 1e-1), n_trials=1)\n"
                "    return study"
            ),
            "epochs_to": "def epochs_to(losses, level):\n    return 3 if len(losses) == 5 else 4",
            "verdict": ("def verdict(first, second):\n    return 'lower' if first[0] < second[0] else 'cannot tell'"),
            "drop": ("def drop(h, rate, rng):\n    out = np.full(h.shape, 1.25)\n    out[:, :20] = 0\n    return out"),
            "report": "def report(candidates, data):\n    return 'a', 0.75",
        },
        lost={
            "test_tune": 1,
            "test_epochs_to": 1,
            "test_verdict": 2,
            "test_drop": 2,
            "test_report": 1,
        },
    ),
    Answer(
        "baseline and final are networks that nobody has trained",
        cells={"baseline": "baseline = network(0.01)", "final": "final = network(0.001)"},
        lost={"test_baseline": 1, "test_final": 1},
    ),
]
