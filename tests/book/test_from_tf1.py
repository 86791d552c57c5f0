"""The page “From TensorFlow 1 to tf.keras”: its new lines run and do what is said, its old ones are all there."""

import importlib
import inspect
import os
import re
import runpy
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import dnn_course as dc
from tools.book import ROOT

PAGE = (ROOT / "book" / "from_tf1.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?:python|\{code-block\} python\n:class: (tf1))\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OLD = "\n".join(code for tf1, code in BLOCK.findall(PAGE) if tf1)
NEW = "\n".join(code for tf1, code in BLOCK.findall(PAGE) if not tf1)

# Every call of the original notebook. First those of TensorFlow that are no more, …
GONE = [
    "tf.GraphKeys",
    "tf.Session",
    "tf.contrib.layers.variance_scaling_initializer",
    "tf.get_collection",
    "tf.get_default_graph",
    "tf.global_variables_initializer",
    "tf.layers.batch_normalization",
    "tf.layers.dense",
    "tf.placeholder",
    "tf.placeholder_with_default",
    "tf.reset_default_graph",
    "tf.summary.FileWriter",
    "tf.summary.merge_all",
    "tf.train.AdamOptimizer",
    "tf.train.GradientDescentOptimizer",
    "tf.train.Saver",
    "tf.train.import_meta_graph",
    "tf.variance_scaling_initializer",
]
# … then those that still have their name, whatever they have become, …
KEPT = [
    "tf.Variable",
    "tf.cast",
    "tf.clip_by_value",
    "tf.float32",
    "tf.int64",
    "tf.name_scope",
    "tf.nn.elu",
    "tf.nn.in_top_k",
    "tf.nn.relu",
    "tf.nn.sparse_softmax_cross_entropy_with_logits",
    "tf.reduce_max",
    "tf.reduce_mean",
    "tf.reduce_min",
    "tf.sqrt",
    "tf.square",
    "tf.summary.histogram",
    "tf.summary.scalar",
]
# … then methods and modules: those that only TensorFlow 1 had, and the others.
METHODS_GONE = [
    ".add_summary(",
    ".compute_gradients(",
    ".eval(",
    ".next_batch(",
    ".num_examples",
    "UPDATE_OPS",
    "feed_dict",
    "input_data",
    "read_data_sets",
    "sess.graph",
    "sess.run(",
]
METHODS = [
    ".apply_gradients(",
    ".as_graph_def(",
    ".get_operations(",
    ".get_tensor_by_name(",
    ".minimize(",
    ".restore(",
    ".save(",
    "datetime.now()",
    "partial(",
    "train_test_split(",
]


def attribute(name):
    """Return what ``tf.…`` is now; raise AttributeError where it is nothing any more."""
    thing = tf
    for part in name.split(".")[1:]:
        thing = getattr(thing, part)
    return thing


def has(code, name):
    """Whether the name itself is in some code, not only a longer one that begins like it."""
    return re.search(rf"{re.escape(name)}(?!\w)" if name[-1].isalnum() else re.escape(name), code) is not None


@pytest.mark.parametrize("name", [*GONE, *KEPT, *METHODS_GONE, *METHODS])
def test_every_call_of_the_original_notebook_is_on_the_page(name):
    assert has(OLD, name)


def test_no_other_name_of_tensorflow_is_on_the_old_side():
    named = set(re.findall(r"(?<![\w.])tf\.[\w.]+\w", OLD))
    assert {name for name in named if not any(name.startswith(known) for known in [*GONE, *KEPT])} == set()


@pytest.mark.parametrize("name", GONE)
def test_what_is_said_to_be_gone_is_gone(name):
    with pytest.raises(AttributeError):
        attribute(name)
    assert not has(NEW, name)


def test_the_first_two_errors_of_today_are_those_that_the_errata_name():
    errata = (ROOT / "book" / "errata.md").read_text(encoding="utf-8")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("tensorflow.examples.tutorials.mnist")
    with pytest.raises(AttributeError) as error:
        attribute("tf.reset_default_graph")
    assert f"`AttributeError: {error.value}`" in errata


@pytest.mark.parametrize("name", KEPT)
def test_what_is_said_to_exist_still_does(name):
    attribute(name)


@pytest.mark.parametrize("name", [*METHODS_GONE, "compat.v1"])
def test_the_new_side_does_without_the_old(name):
    assert not has(NEW, name)


def program():
    """Return the page with all but the new lines blank, so that an error names a line of the page."""
    kept = [""] * len(PAGE.splitlines())
    for match in BLOCK.finditer(PAGE):
        if not match[1]:
            first = PAGE.count("\n", 0, match.start()) + 1
            lines = match[2].splitlines()
            kept[first : first + len(lines)] = lines
    return "\n".join(kept) + "\n"


OLD_KERNEL = np.full((784, 300), 0.5, dtype="float32")


def save_as_tensorflow_1_did():
    """Write a checkpoint for the page to read."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("hidden1/kernel", initializer=OLD_KERNEL)
        tf.compat.v1.get_variable("hidden1/bias", initializer=np.ones(300, dtype="float32"))
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, "old/model.ckpt")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """What the page's program leaves behind: its names, and in this folder its files."""
    folder = tmp_path_factory.mktemp("from_tf1")
    before = Path.cwd()
    os.chdir(folder)
    try:
        save_as_tensorflow_1_did()
        (folder / "from_tf1.py").write_text(program(), encoding="utf-8")
        yield runpy.run_path("from_tf1.py")
    finally:
        os.chdir(before)


def same_weights(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_data(page):
    assert page["n_examples"] == len(page["x_train"]) == 1000
    assert page["x_val"].shape == (5000, 784)
    assert page["inputs"].shape == (None, 784)
    assert len(page["batches"]) == 20
    assert (len(page["x_fifth"]), len(page["x_rest"])) == (100, 400)
    assert set(page["y_rest"]) == set(page["y_fifth"]) == set(range(5))


def test_a_named_initializer_gives_each_layer_weights_of_its_own_and_one_object_does_not(page):
    first, second = (layer.kernel.numpy() for layer in page["two"].layers)
    assert not np.allclose(first, second)
    he = page["he"]
    assert np.array_equal(he((784, 784)), he((784, 784)))


@pytest.mark.parametrize(("name", "variance"), [("fan_avg", 4 / (784 + 300)), ("lecun", 1 / 784), ("he", 2 / 784)])
def test_initializers_have_the_variance_that_is_said(page, name, variance):
    assert np.var(page[name]((784, 300))) == pytest.approx(variance, rel=0.02)
    assert isinstance(keras.layers.Dense(1).kernel_initializer, keras.initializers.GlorotUniform)


def test_a_symbolic_tensor_is_refused_as_said(page):
    with pytest.raises(ValueError, match="A KerasTensor cannot be used as input to a TensorFlow function"):
        tf.nn.elu(page["hidden1"])


def test_old_layers_are_not_in_compat_either():
    with pytest.raises(AttributeError, match="not available with Keras 3"):
        tf.compat.v1.layers.dense  # noqa: B018


def test_loss_is_that_of_tensorflow_and_without_logits_another(page):
    y, outputs = page["y_val"], page["outputs"]
    by_tf = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=outputs))
    assert float(page["cross_entropy"](y, outputs)) == pytest.approx(float(by_tf), rel=1e-5)
    forgotten = keras.losses.SparseCategoricalCrossentropy()
    assert abs(float(forgotten(y, outputs)) - float(by_tf)) > 0.1


def test_training_counts_its_steps_and_lowers_the_loss(page):
    assert page["steps_so_far"] == 0
    assert page["steps_taken"] == 1 + 2 * 20
    assert page["history"].history["loss"][1] < page["history"].history["loss"][0] < page["first_loss"]
    assert page["last_loss"] < 0.5 * page["first_loss"]


def test_clipping_limits_every_entry_of_a_step(page):
    """Large output weights make the gradient's entries far larger than 1; the step shows them cut to 1."""
    model, rate, threshold = page["model"], 0.05, 1.0
    kept = model.get_weights()
    kernel = model.get_layer("outputs").kernel
    kernel.assign(1000 * kernel)
    offsets = model.layers[2].beta
    before = offsets.numpy()
    page["train_step"](page["x_train"], (page["y_train"] + 1) % 10)
    moved = np.abs(offsets.numpy() - before)
    model.set_weights(kept)
    assert moved.max() == pytest.approx(rate * threshold, rel=1e-4)


def test_a_step_is_a_graph_for_each_shape_and_for_each_python_number(page):
    assert page["train_step"].experimental_get_tracing_count() == len({1000, 50})
    scaled = tf.function(lambda x, rate: x * rate)
    for x, rate in ((np.zeros(2), 1.0), (np.ones(2), 1.0), (np.ones(2), 2.0), (np.ones(2), 3.0)):
        scaled(x, rate)
    assert scaled.experimental_get_tracing_count() == len({1.0, 2.0, 3.0})


def test_a_layer_said_not_to_train_stays_as_it_is(page):
    part = page["part"]
    before = {name: part.get_layer(name).get_weights() for name in ("hidden1", "outputs")}
    part.fit(page["x_train"], page["y_train"], verbose=0)
    assert np.array_equal(part.get_layer("hidden1").kernel, before["hidden1"][0])
    assert not np.array_equal(part.get_layer("outputs").kernel, before["outputs"][0])


def test_starting_anew_resets_names_and_settings():
    keras.config.set_dtype_policy("float64")
    assert keras.layers.Dense(1).name != keras.layers.Dense(1).name
    keras.utils.clear_session()
    assert keras.config.dtype_policy().name == "float32"
    assert keras.layers.Dense(1).name == "dense"


def test_adams_constant_is_the_one_said():
    assert keras.optimizers.Adam().epsilon == 1e-7


def test_only_a_call_in_training_mode_moves_the_averages(page):
    assert not np.allclose(page["before"], page["after"])
    layer = page["bn_layer"]
    before = layer.moving_mean.numpy()
    page["fresh"](page["x_train"], training=False)
    assert np.array_equal(before, layer.moving_mean.numpy())


def test_accuracy_by_hand_is_that_of_evaluate(page):
    assert page["accuracy"] == pytest.approx(page["on_val"]["accuracy"], abs=1e-6)
    assert page["accuracy"] > 0.7
    assert page["gap"] == page["on_train"]["accuracy"] - page["on_val"]["accuracy"]
    assert list(inspect.signature(tf.nn.in_top_k).parameters)[:3] == ["targets", "predictions", "k"]


def test_a_summary_outside_a_writers_block_is_lost():
    assert not tf.summary.scalar("lost", 1.0, step=0)


def scalars(folder):
    events = EventAccumulator(str(folder)).Reload()
    return events, set(events.Tags()["scalars"]) | set(events.Tags()["tensors"])


def test_tensorboard_finds_what_was_written(page):
    logdir = page["logdir"]
    assert ":" not in str(logdir)
    assert "accuracy" in scalars(logdir / "own")[1]
    events, tags = scalars(logdir / "train")
    assert {"epoch_loss", "epoch_accuracy", "keras"} <= tags
    assert {"kernel/histogram", "bias/histogram"} <= tags
    assert not any("hidden1" in tag or "outputs" in tag for tag in tags)
    assert not events.Tags()["graph"]
    assert scalars(logdir / "graph")[0].Tags()["graph"]
    assert {"epoch_loss", "epoch_accuracy"} <= scalars(logdir / "validation")[1]


def test_what_was_saved_comes_back(page):
    restored, fresh = page["restored"], page["fresh"]
    assert same_weights(restored, fresh)
    assert restored.compiled
    assert int(restored.optimizer.iterations) == 3 * 20
    assert restored.evaluate(page["x_val"], page["y_val"], return_dict=True, verbose=0)["accuracy"] > 0.7


def test_a_file_of_weights_has_the_state_of_the_optimizer_too(page, tmp_path):
    model, path = page["model"], tmp_path / "again.weights.h5"
    model.save_weights(path)
    other = keras.models.clone_model(model)
    other.compile("adam", loss=page["cross_entropy"])
    other.optimizer.build(other.trainable_variables)
    other.load_weights(path)
    states = zip(other.optimizer.variables, model.optimizer.variables, strict=True)
    assert all(np.array_equal(loaded, saved) for loaded, saved in states)


def test_a_cloned_model_starts_afresh(page):
    assert not same_weights(keras.models.clone_model(page["model"]), keras.models.clone_model(page["model"]))


def test_an_old_checkpoint_is_read(page):
    assert page["names"] == ["hidden1/bias", "hidden1/kernel"]
    kernel, bias = page["model"].get_layer("hidden1").get_weights()
    assert np.array_equal(kernel, OLD_KERNEL)
    assert np.array_equal(bias, np.ones(300))


def test_layers_weights_and_operations_are_found_by_name(page):
    assert page["features"].shape == (5, 300)
    assert page["up_to_there"].get_layer("hidden1") is page["layer"]
    assert {"X", "hidden1", "outputs"} <= set(page["layers"])
    assert {"hidden1/kernel", "ann/outputs/kernel"} <= set(page["paths"])
    assert any("MatMul" in name for name in page["op_names"])


def test_the_course_trains_as_fit_does(page):
    model = dc.compile_classifier(keras.models.clone_model(page["model"]), "sgd")
    losses = dc.fit(model, (page["x_train"], page["y_train"]), epochs=2).history["loss"]
    assert losses[1] < losses[0]
