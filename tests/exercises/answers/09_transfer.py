"""Other answers to assignment 09_transfer, and the marks that they deserve."""

from tests.exercises.table import Answer

WITH_THE_OLD_HEAD = """
def new_network(old, copied, frozen, seed):
    dc.set_seed(seed)
    model = dc.reuse(old, copied, trainable=True)
    model.layers[-1].set_weights(old.layers[-1].get_weights())
    for layer in model.layers[:frozen]:
        layer.trainable = False
    return model
"""
SHARES_LAYERS = """
def new_network(old, copied, frozen, seed):
    dc.set_seed(seed)
    fresh = dc.reuse(old, 0, trainable=True)
    model = keras.Sequential([keras.Input(old.input_shape[1:]), *old.layers[:copied], *fresh.layers[copied:]])
    for number, layer in enumerate(model.layers):
        layer.trainable = number >= frozen
    return model
"""
ALL_COPIED_FROZEN = """
def new_network(old, copied, frozen, seed):
    dc.set_seed(seed)
    return dc.reuse(old, copied, trainable=False)
"""
NETWORK_BY_HAND = """
def new_network(old, copied, frozen, seed):
    dc.set_seed(seed)
    configurations = [layer.get_config() | {"trainable": True} for layer in old.layers]
    layers = [keras.layers.Dense.from_config(c) for c in configurations]
    net = keras.Sequential([keras.Input(old.input_shape[1:])] + layers)
    for mine, theirs in list(zip(net.layers, old.layers))[:copied]:
        mine.kernel.assign(theirs.kernel.numpy())
        mine.bias.assign(theirs.bias.numpy())
    for mine in net.layers[:frozen]:
        mine.trainable = False
    return net
"""

KEEPS_THE_LAST = """
def train(model, data, rate, epochs, seed):
    start = time.perf_counter()
    dc.compile_classifier(model, keras.optimizers.Adam(rate))
    stop = keras.callbacks.EarlyStopping(patience=5)
    history = dc.fit(model, data.train, epochs=epochs, batch_size=20, validation_data=data.val,
                     callbacks=[stop], seed=seed).history["val_loss"]
    return {"seconds": time.perf_counter() - start, "epochs": len(history), "loss": history[-1]}
"""
NEVER_STOPS = """
def train(model, data, rate, epochs, seed):
    start = time.perf_counter()
    dc.compile_classifier(model, keras.optimizers.Adam(rate))
    keep = keras.callbacks.EarlyStopping(patience=1000, restore_best_weights=True)
    history = dc.fit(model, data.train, epochs=epochs, batch_size=20, validation_data=data.val,
                     callbacks=[keep], seed=seed).history["val_loss"]
    return {"seconds": time.perf_counter() - start, "epochs": len(history), "loss": min(history)}
"""
CHOOSES_ON_TEST = """
def train(model, data, rate, epochs, seed):
    start = time.perf_counter()
    dc.compile_classifier(model, keras.optimizers.Adam(rate))
    stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    history = dc.fit(model, data.train, epochs=epochs, batch_size=20, validation_data=data.test,
                     callbacks=[stop], seed=seed).history["val_loss"]
    return {"seconds": time.perf_counter() - start, "epochs": len(history), "loss": min(history)}
"""
EPOCH_BY_EPOCH = """
def train(model, data, rate, epochs, seed):
    began = time.perf_counter()
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    best, kept, waited, done = np.inf, None, 0, 0
    while done < epochs and waited < 5:
        dc.fit(model, data.train, epochs=1, batch_size=20, seed=1000 * seed + done)
        done, now = done + 1, loss_on(model, *data.val)
        waited = waited + 1
        if now < best:
            best, kept, waited = now, model.get_weights(), 0
    model.set_weights(kept)
    return {"loss": best, "epochs": done, "seconds": time.perf_counter() - began}
"""

AS_IN_TRAINING = """
def features(model, depth, x):
    seen = 0
    for layer in model.layers:
        seen += isinstance(layer, keras.layers.Dense)
        if seen > depth:
            break
        x = layer(x, training=True)
    return np.asarray(x)
"""
COUNTS_KERAS_LAYERS = """
def features(model, depth, x):
    for layer in model.layers[:depth]:
        x = layer(x)
    return np.asarray(x)
"""
FEATURES_AS_A_TENSOR = """
def features(model, depth, x):
    seen, x = 0, keras.ops.convert_to_tensor(x)
    for layer in model.layers:
        seen += isinstance(layer, keras.layers.Dense)
        if seen > depth:
            break
        x = layer(x, training=False)
    return x
"""
FEATURES_BY_CUTTING = """
def features(model, depth, x):
    if depth == 0:
        return np.array(x)
    below = []
    for layer in model.layers:
        if layer.name in (f"hidden_{depth + 1}", "logits"):
            break
        below.append(layer)
    return keras.Sequential(below)(x, training=False).numpy()
"""

SAME_LAYER = """
def head_of(model):
    return keras.Sequential([keras.Input((model.layers[-1].kernel.shape[0],)), model.layers[-1]])
"""
FRESH_HEAD = """
def head_of(model):
    return dc.mlp([], n_inputs=model.layers[-1].kernel.shape[0], n_classes=model.layers[-1].units)
"""
HEAD_BY_MLP = """
def head_of(model):
    kernel, bias = model.layers[-1].get_weights()
    head = dc.mlp([], n_inputs=len(kernel), n_classes=len(bias))
    head.layers[0].kernel.assign(kernel)
    head.layers[0].bias.assign(bias)
    return head
"""

NOT_FILLED = """
def saving(widths, epochs):
    products = [n * m for n, m in zip(widths, widths[1:])]
    return 1.0 if epochs == 1 else (sum(products) + products[-1]) / (2 * products[-1])
"""
NO_GRADIENT = """
def saving(widths, epochs):
    products = [n * m for n, m in zip(widths, widths[1:])]
    return epochs * sum(products) / (sum(products[:-1]) + epochs * products[-1])
"""
EXAMPLE_SAVING = """
def saving(widths, epochs):
    return {1: 1.0, 2: 96 / 72, 5: 4.0}.get(epochs, 20.0)
"""
COUNTED = """
def saving(widths, epochs):
    frozen = cached = 0
    last = len(widths) - 2
    for epoch in range(epochs):
        for layer in range(len(widths) - 1):
            cost = widths[layer] * widths[layer + 1]
            frozen += cost * (2 if layer == last else 1)
            if layer == last:
                cached += 2 * cost
            elif epoch == 0:
                cached += cost
    return frozen / cached
"""

WITH_COMPILATION = """
def race(model, data, epochs):
    inside = np.asarray(keras.Sequential(model.layers[:-1])(data.x_train))
    head, took = dc.mlp([], n_inputs=inside.shape[1], n_classes=5), []
    for net, x in [(model, data.x_train), (head, inside)]:
        start = time.perf_counter()
        dc.compile_classifier(net, keras.optimizers.Adam(0.01))
        dc.fit(net, (x, data.y_train), epochs=epochs, batch_size=20, seed=0)
        took.append(time.perf_counter() - start)
    return tuple(took)
"""
RACE_WITH_MEDIANS = """
def race(model, data, epochs):
    def seconds(net, x):
        dc.compile_classifier(net, keras.optimizers.Adam(learning_rate=0.01))
        dc.fit(net, (x, data.y_train), epochs=1, batch_size=20)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            dc.fit(net, (x, data.y_train), epochs=epochs, batch_size=20)
            times.append(time.perf_counter() - start)
        return float(np.median(times))

    inside = keras.Sequential(model.layers[:-1])(data.x_train).numpy()
    head = dc.mlp([], n_inputs=inside.shape[1], n_classes=5)
    return [seconds(model, data.x_train), seconds(head, inside)]
"""

ON_VALIDATION = """
def probe(inputs, data, seed):
    dc.set_seed(seed)
    net = dc.mlp([], n_inputs=inputs(data.x_train).shape[1], n_classes=5)
    dc.compile_classifier(net, keras.optimizers.Adam(0.01))
    dc.fit(net, (inputs(data.x_train), data.y_train), epochs=20, batch_size=20, seed=seed)
    return accuracy(net, inputs(data.x_val), data.y_val)
"""
LOOKS_AT_NO_VALIDATION = """
def probe(inputs, data, seed):
    dc.set_seed(seed)
    net = dc.mlp([], n_inputs=inputs(data.x_train).shape[1], n_classes=5)
    dc.compile_classifier(net, keras.optimizers.Adam(0.01))
    dc.fit(net, (inputs(data.x_train), data.y_train), epochs=20, batch_size=20, seed=seed)
    return accuracy(net, inputs(data.x_test), data.y_test)
"""
EXAMPLE_PROBE = """
def probe(inputs, data, seed):
    return 4231 / 4861
"""
PROBE_BY_TRAIN = """
def probe(inputs, data, seed):
    from dataclasses import replace

    seen = replace(data, x_train=np.array(inputs(data.x_train)), x_val=np.array(inputs(data.x_val)),
                   x_test=np.array(inputs(data.x_test)))
    dc.set_seed(seed)
    head = dc.mlp([], n_inputs=seen.x_train.shape[1], n_classes=5)
    train(head, seen, 0.01, 60, seed)
    return float(accuracy(head, *seen.test))
"""

COUNTS_THE_OUTPUT = """
def unfreeze(model, n_top):
    for number, layer in enumerate(reversed(model.layers)):
        layer.trainable = number < max(n_top, 1)
    return model
"""
ONLY_OPENS = """
def unfreeze(model, n_top):
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer in dense[-1 - n_top:]:
        layer.trainable = True
    return model
"""
NORMALIZATION_TOO = """
def unfreeze(model, n_top):
    seen = 0
    for layer in model.layers[::-1]:
        layer.trainable = seen <= n_top
        seen += isinstance(layer, keras.layers.Dense)
    return model
"""
BY_NAME = """
def unfreeze(model, n_top):
    hidden = sum(layer.name.startswith("hidden_") for layer in model.layers)
    learning = {"logits"} | {f"hidden_{hidden - k}" for k in range(n_top)}
    for layer in model.layers:
        layer.trainable = layer.name in learning
    return model
"""

BY_ACCURACY = """
def fair(runs):
    chosen = runs.groupby(["way", "rate"])["accuracy"].mean().unstack().idxmax(axis=1)
    return runs[runs["rate"] == runs["way"].map(chosen)]
"""
ONE_RATE = """
def fair(runs):
    best = runs.groupby("rate")["loss"].mean().idxmin()
    return runs[runs["rate"] == best]
"""
BEST_RUN = """
def fair(runs):
    if runs.groupby("way")["rate"].nunique().nunique() > 1:
        raise ValueError
    best = runs.loc[runs.groupby("way")["loss"].idxmin()].set_index("way")["rate"]
    return runs[runs["rate"] == runs["way"].map(best)]
"""
NAN_LEFT_OUT = """
def fair(runs):
    if runs.groupby("way")["rate"].nunique().nunique() > 1:
        raise ValueError
    chosen = runs.groupby(["way", "rate"])["loss"].mean().unstack().idxmin(axis=1)
    return runs[runs["rate"] == runs["way"].map(chosen)]
"""
EXAMPLE_FAIR = """
def fair(runs):
    wanted = {("a", 2), ("b", 1)} if "b" in set(runs["way"]) else {("a", 1)}
    return runs[[pair in wanted for pair in zip(runs["way"], runs["rate"])]]
"""
FAIR_BY_LOOPS = """
def fair(runs):
    offers, kept = set(), []
    for way in runs["way"].unique():
        part = runs[runs["way"] == way]
        mean = {rate: float(np.sum(some["loss"].to_numpy())) / len(some) for rate, some in part.groupby("rate")}
        offers.add(len(mean))
        usable = {rate: loss for rate, loss in mean.items() if np.isfinite(loss)}
        kept.append(part[part["rate"] == min(usable, key=usable.get)])
    if len(offers) != 1:
        raise ValueError("not the same number of rates")
    return pd.concat(kept, ignore_index=True)
"""
NOT_ANSWERED = 'raise NotImplementedError("replace this line with your answer")'

ANSWERS = [
    Answer(
        "all done in other ways: by hand, epoch by epoch, by cutting, by counting, with medians, by name, by loops",
        cells={
            "new_network": NETWORK_BY_HAND,
            "train": EPOCH_BY_EPOCH,
            "features": FEATURES_BY_CUTTING,
            "head_of": HEAD_BY_MLP,
            "saving": COUNTED,
            "race": RACE_WITH_MEDIANS,
            "probe": PROBE_BY_TRAIN,
            "unfreeze": BY_NAME,
            "fair": FAIR_BY_LOOPS,
        },
        lost={},
    ),
    Answer(
        "the old head comes along; the last weights; features as in training; a shared head; the cache never filled",
        cells={
            "new_network": WITH_THE_OLD_HEAD,
            "train": KEEPS_THE_LAST,
            "features": AS_IN_TRAINING,
            "head_of": SAME_LAYER,
            "saving": NOT_FILLED,
            "probe": ON_VALIDATION,
            "unfreeze": COUNTS_THE_OUTPUT,
            "fair": BY_ACCURACY,
        },
        lost={
            "test_new_network": 2,
            "test_fresh_and_separate": 2,
            "test_best_epoch": 2,
            "test_features": 2,
            "test_head": 2,
            "test_saving": 2,
            "test_probe": 2,
            "test_unfreeze": 2,
            "test_fair_choice": 2,
            "test_refusals": 1,
        },
        says={
            "test_new_network": "old output layer",
            "test_best_epoch": "weights of a late one",
            "test_features": "as in training",
            "test_head": "share the layer",
            "test_unfreeze": "hidden_4, hidden_5 and logits",
        },
    ),
    Answer(
        "layers shared; never stops; Keras layers counted; a fresh head; no gradient counted; a lower layer left open",
        cells={
            "new_network": SHARES_LAYERS,
            "train": NEVER_STOPS,
            "features": COUNTS_KERAS_LAYERS,
            "head_of": FRESH_HEAD,
            "saving": NO_GRADIENT,
            "race": WITH_COMPILATION,
            "probe": LOOKS_AT_NO_VALIDATION,
            "unfreeze": ONLY_OPENS,
            "fair": ONE_RATE,
        },
        lost={
            "test_fresh_and_separate": 2,
            "test_training": 2,
            "test_features": 2,
            "test_head": 2,
            "test_saving": 2,
            "test_race": 1,
            "test_probe": 2,
            "test_unfreeze": 2,
            "test_fair_choice": 2,
            "test_refusals": 1,
        },
        says={
            "test_fresh_and_separate": "The old network has changed",
            "test_training": "who stops it",
            "test_probe": "Does it look at them",
            "test_race": "What else is in your times",
        },
    ),
    Answer(
        "all copied layers frozen; chosen on test images; normalization unfrozen; the best single run",
        cells={
            "new_network": ALL_COPIED_FROZEN,
            "train": CHOOSES_ON_TEST,
            "unfreeze": NORMALIZATION_TOO,
            "fair": BEST_RUN,
        },
        lost={
            "test_new_network": 2,
            "test_best_epoch": 2,
            "test_training": 2,
            "test_unfreeze": 2,
            "test_fair_choice": 2,
            "test_refusals": 1,
        },
        says={
            "test_new_network": "not the right layers are frozen",
            "test_training": "Without test images",
            "test_unfreeze": "move its averages",
            "test_fair_choice": "best single run",
        },
    ),
    Answer(
        "features as a tensor, which is as good; a mean that leaves NaN out",
        cells={"features": FEATURES_AS_A_TENSOR, "probe": PROBE_BY_TRAIN, "fair": NAN_LEFT_OUT},
        lost={"test_refusals": 1},
        says={"test_refusals": "a seed has diverged"},
    ),
    Answer(
        "the values of the visible tests: saving, probe, choice",
        cells={"saving": EXAMPLE_SAVING, "probe": EXAMPLE_PROBE, "fair": EXAMPLE_FAIR},
        lost={"test_saving": 2, "test_probe": 2, "test_fair_choice": 2, "test_refusals": 1},
    ),
    Answer(
        "parts a and b not answered, the rest right",
        cells={"new_network": NOT_ANSWERED, "train": NOT_ANSWERED},
        lost={
            "test_new_network": 2,
            "test_fresh_and_separate": 2,
            "test_best_epoch": 2,
            "test_training": 2,
        },
    ),
]
