"""The page that trains a network in the reader's browser: what it computes, what its presets do, and its controls."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnn_course.data import load_mnist
from tests.book.browser import PHONE, axe_findings, opened

PAGE = "book/train_it_yourself.html"

# Runs in the page: a worker of its own is told the settings, trains, and its reports are put together.
RUN = """
async ({settings, kernels, steps}) => {
  dcTrain.testWorker ??= dcTrain.newWorker();
  const worker = await dcTrain.testWorker;
  const id = (dcTrain.testRun = (dcTrain.testRun ?? 0) + 1);
  const run = {losses: [], validations: [], reports: []};
  const ended = new Promise((resolve) => {
    worker.onmessage = ({data}) => {
      if (data.run !== id) return;
      if (data.type === "done") return resolve({...run, why: data.why, own: data.own});
      const {losses, validations, ...rest} = data;
      run.losses.push(...losses);
      run.validations.push(...validations);
      run.reports.push(rest);
    };
  });
  const given = kernels?.map(({shape, values}) => ({shape, values: Float32Array.from(values)}));
  worker.postMessage({type: "configure", run: id, settings: {...dcTrain.START, ...settings}, kernels: given});
  worker.postMessage({type: "train", steps});
  const {losses, validations, reports, ...end} = await ended;
  // JSON has no NaN, and needs none: a loss that is not finite is null.
  return JSON.stringify({losses, validations, first: reports[0], last: reports.at(-1), ...end});
}
"""

# The digits as the page hands them to a worker.
DIGITS = """
async () => {
  const send = Worker.prototype.postMessage;
  let told;
  Worker.prototype.postMessage = function (message, ...rest) {
    if (message.type === "data") told = message;
    return send.call(this, message, ...rest);
  };
  (await dcTrain.newWorker()).terminate();
  Worker.prototype.postMessage = send;
  const plain = ({images, labels}) => [[...images], [...labels]];
  const {mean, std, train, validation} = told;
  return JSON.stringify({mean, std, train: plain(train), validation: plain(validation)});
}
"""

# For some milliseconds: the share of the time that went into frames of more than a tenth of a second.
SLOW_FRAMES = """
(duration) => new Promise((resolve) => {
  const start = performance.now();
  let [last, slow] = [start, 0];
  requestAnimationFrame(function frame() {
    const now = performance.now();
    if (now - last > 100) slow += now - last;
    last = now;
    if (now - start < duration) requestAnimationFrame(frame);
    else resolve(slow / (now - start));
  });
})
"""

OPTIMIZERS = {
    "sgd": lambda **clipping: keras.optimizers.SGD(0.1, **clipping),
    "momentum": lambda **clipping: keras.optimizers.SGD(0.1, momentum=0.9, **clipping),
    "adam": lambda **clipping: keras.optimizers.Adam(0.1, **clipping),
}
CLIPPINGS = {"none": None, "value": "clipvalue", "norm": "clipnorm", "global norm": "global_clipnorm"}

# By preset: how many steps are enough, and what must then be so. In a report, layers[0] is the one above the input.
OUTCOMES = {
    "A network that works": (100, lambda run: run.loss < 0.6 and run.accuracy > 0.8),
    "Ten sigmoid layers": (60, lambda run: run.chance and run.ratio < 1e-4),
    "Weights that saturate": (100, lambda run: run.mean("saturated") > 0.8 and run.accuracy < 0.6),
    "All weights zero": (30, lambda run: run.chance and run.mean("gradient") == 0),
    "All weights alike": (100, lambda run: run.mean("alike") == 1 and run.loss > 1.7),
    "Weights too small": (50, lambda run: run.chance and run.ratio < 1e-3),
    "Weights too large": (10, lambda run: run.overflowed),
    "He’s rule": (120, lambda run: run.loss < 1.2 and 0.1 < run.ratio < 30),
    "Dead units": (100, lambda run: run.mean("dead") > 0.8 and run.loss > 1.5),
    "SELU, twenty layers": (30, lambda run: run.loss < 1 and 0.5 < run.spread < 2),
    "Rescued by normalization": (80, lambda run: run.accuracy > 0.4 and 0.5 < run.spread < 2),
    "The flag lost": (60, lambda run: run.chance and run.averages == 0),
    "Cold averages": (150, lambda run: run.accuracy < 0.3 and run.own > 0.7),
    "Batches of two": (300, lambda run: run.accuracy < 0.6),
    "Twenty normalized layers": (40, lambda run: run.loss < run.validations[0] and run.first_ratio > 10),
    "The loss explodes": (20, lambda run: run.overflowed),
    "The same, clipped": (100, lambda run: run.accuracy > 0.7 and run.clipped > 0.8),
    "A division forgotten": (20, lambda run: run.overflowed),
    "Forgotten, and hidden": (100, lambda run: run.accuracy > 0.6 and run.loss > 1.5 and run.clipped == 1),
    "Too few images": (300, lambda run: run.losses[-1] < 0.01 and run.loss > 1.03 * min(run.validations)),
    "A nervous Adam": (300, lambda run: max(run.validations[10:]) > 1.5 * min(run.validations)),
}


class Run:
    """What the worker told of a run."""

    def __init__(self, told):
        self.losses = [loss for _, loss in told["losses"]]
        self.validations = [loss for _, loss, _ in told["validations"]]
        _, self.loss, self.accuracy = told["validations"][-1]
        self.first, self.layers = told["first"]["layers"], told["last"]["layers"]
        self.averages, self.step = told["last"]["averages"], told["last"]["step"]
        self.overflowed = told["why"] == "not finite"
        self.clipped = told["last"]["clipped"] / max(self.step, 1)
        self.own = told["own"] and told["own"]["accuracy"]

    def mean(self, name):
        return np.mean([layer[name] for layer in self.layers])

    @property
    def chance(self):
        return abs(self.loss - np.log(10)) < 0.15 and self.accuracy < 0.25

    @property
    def ratio(self):
        return self.layers[0]["gradient"] / self.layers[-1]["gradient"]

    @property
    def first_ratio(self):
        return self.first[0]["gradient"] / self.first[-1]["gradient"]

    @property
    def spread(self):
        return self.layers[-1]["spread"] / self.layers[0]["spread"]

    def __repr__(self):
        signals = [(f"{la['gradient']:.1e}", f"{la['spread']:.2g}") for la in (self.layers[0], self.layers[-1])]
        return (
            f"Run({self.step} steps, {self.loss}, {self.accuracy}, clipped {self.clipped}, own {self.own}, {signals})"
        )


@pytest.fixture(scope="module")
def lab(browser, html):
    """The page, opened from a file, to run a worker of the tests' own in; nothing is pressed here."""
    with opened(browser, f"{html.as_uri()}/", PAGE, theme="light", width=1440) as (page, faults):
        ready(page)
        yield page
        assert not faults


@pytest.fixture(scope="module")
def digits(lab):
    """Images, standardized, and labels of the training and the validation part."""
    told = json.loads(lab.evaluate(DIGITS))
    standardized = lambda pixels: (np.reshape(pixels, (-1, 196)) / 255 - told["mean"]) / told["std"]  # noqa: E731
    return {part: (standardized(told[part][0]), np.array(told[part][1])) for part in ("train", "validation")}


@pytest.fixture
def kernels():
    """The weights of three hidden layers of 20 units."""
    rng = np.random.default_rng(0)
    shapes = [(196, 20), (20, 20), (20, 20), (20, 10)]
    return [rng.normal(0, 1.2 / shape[0] ** 0.5, shape).astype(np.float32) for shape in shapes]


def trained(page, settings, steps, kernels=None):
    given = kernels and [{"shape": kernel.shape, "values": kernel.ravel().tolist()} for kernel in kernels]
    return Run(json.loads(page.evaluate(RUN, {"settings": settings, "steps": steps, "kernels": given})))


def ready(page):
    page.wait_for_function("document.querySelector('.dc-status')?.textContent.startsWith('Ready')", timeout=15_000)


def ended(page):
    page.wait_for_function("/^(Finished|Stopped)/.test(document.querySelector('.dc-status').textContent)")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def in_keras(kernels, activation, normalization):
    """The same network in Keras, with its optimizer to come."""
    functions = {"leaky_relu": lambda z: keras.ops.leaky_relu(z, 0.01)}
    model = keras.Sequential([keras.Input((196,))])
    for kernel in kernels[:-1]:
        model.add(keras.layers.Dense(kernel.shape[1], use_bias=normalization == "none"))
        if normalization == "on":
            model.add(keras.layers.BatchNormalization(momentum=0.9))
        model.add(keras.layers.Activation(functions.get(activation, activation)))
    model.add(keras.layers.Dense(10))
    for layer, kernel in zip([la for la in model.layers if isinstance(la, keras.layers.Dense)], kernels, strict=True):
        layer.kernel.assign(kernel)
    return model


def cross_entropy(labels, logits):
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return keras.ops.mean(losses)


@pytest.mark.parametrize("normalization", ["none", "on"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu"])
def test_loss_and_gradients_are_those_of_keras(lab, digits, kernels, activation, normalization):
    """A batch of all of a hundred images: the order in which they come does not matter then."""
    settings = {"activation": activation, "normalization": normalization, "images": 100, "batch": 200, "rate": 0.1}
    run = trained(lab, settings, 1, kernels)
    model = in_keras(kernels, activation, normalization)
    images, labels = digits["train"][0][:100], digits["train"][1][:100]
    with tf.GradientTape() as tape:
        signal, before = tf.constant(images, tf.float32), []
        for layer in model.layers:
            before += [signal] if isinstance(layer, keras.layers.Activation) else []
            batch_norm = isinstance(layer, keras.layers.BatchNormalization)
            signal = layer(signal, training=True) if batch_norm else layer(signal)
        loss = cross_entropy(labels, signal)
    hidden = [la.kernel.value for la in model.layers[:-1] if isinstance(la, keras.layers.Dense)]
    norms = [float(tf.norm(gradient)) for gradient in tape.gradient(loss, [*before, *hidden])]
    assert run.losses[0] == pytest.approx(float(loss), rel=1e-4)
    assert [layer["gradient"] for layer in run.first] == pytest.approx(norms[:3], rel=1e-4)
    assert [layer["weightGradient"] for layer in run.first] == pytest.approx(norms[3:], rel=1e-4)
    if normalization == "none":  # else the averages have moved since
        images, labels = digits["validation"]
        logits = model(images, training=False)
        assert run.validations[0] == pytest.approx(float(cross_entropy(labels, logits)), rel=1e-4)


@pytest.mark.parametrize(
    ("optimizer", "clipping"),
    [
        ("sgd", "none"),
        ("sgd", "value"),
        ("adam", "norm"),
        ("momentum", "global norm"),
    ],
)
def test_steps_are_those_of_keras(lab, digits, kernels, optimizer, clipping):
    """Ten steps with batch normalization, at a threshold that clips; then inference, with the moving averages."""
    threshold = 0.01
    settings = {"activation": "tanh", "normalization": "on", "images": 100, "batch": 200, "rate": 0.1}
    settings |= {"optimizer": optimizer, "clipping": clipping, "threshold": threshold}
    run = trained(lab, settings, 10, kernels)
    model = in_keras(kernels, "tanh", "on")
    keyword = CLIPPINGS[clipping]
    clip = {keyword: threshold} if keyword else {}
    model.compile(OPTIMIZERS[optimizer](**clip), cross_entropy, run_eagerly=True)  # ten steps are not worth a graph
    images, labels = digits["train"][0][:100], digits["train"][1][:100]
    losses = [model.train_on_batch(images, labels) for _ in range(10)]
    images, labels = digits["validation"]
    assert len(run.losses) == 10
    assert run.losses[0] == pytest.approx(float(losses[0]), rel=1e-4)
    assert run.loss == pytest.approx(float(cross_entropy(labels, model(images, training=False))), rel=1e-3)
    assert run.clipped == 0 if clipping == "none" else run.clipped > 0.5


def test_digits_are_mnist_made_smaller(digits):
    mnist = load_mnist()
    images, labels = digits["train"]
    assert np.array_equal(labels, mnist.y_train[:3_000])
    assert np.array_equal(digits["validation"][1], mnist.y_val[:500])
    corner = mnist.x_train[:3_000].reshape(-1, 28, 28)[:, 14:16, 14:16].mean(axis=(1, 2))
    assert np.corrcoef(images[:, 7 * 14 + 7], corner)[0, 1] > 0.9999
    assert images.mean() == pytest.approx(0, abs=1e-6)
    assert images.std() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", OUTCOMES)
def test_preset_does_what_the_page_says(lab, name):
    settings = lab.evaluate("name => Object.assign({}, ...Object.values(dcTrain.PRESETS))[name]", name)
    steps, outcome = OUTCOMES[name]
    assert steps <= settings.pop("steps")
    run = trained(lab, settings, steps)
    assert outcome(run), run


def test_every_preset_is_explained_and_tested(lab):
    names = lab.locator(".dc-presets button").all_text_contents()
    assert names == list(OUTCOMES)
    assert names == lab.locator("#the-presets dt").all_text_contents()


def test_page_stays_responsive_and_pauses(browser, html):
    """While twenty layers train, frames follow one another, also on a busy machine, and Pause acts."""
    with opened(browser, f"{html.as_uri()}/", PAGE, theme="light", width=1440) as (page, faults):
        ready(page)
        press(page, "SELU, twenty layers")
        slow = page.evaluate(SLOW_FRAMES, 1_500)
        press(page, "Pause")
        page.wait_for_function("document.querySelector('.dc-status').textContent.startsWith('Paused')", timeout=1_000)
        step = int(page.locator(".dc-scores dd").first.text_content())
        assert 0 < step < 300
        assert slow < 0.5
        assert not faults


def test_overflow_stops_with_a_sentence_and_start_begins_anew(browser, html):
    with opened(browser, f"{html.as_uri()}/", PAGE, theme="dark", width=PHONE) as (page, faults):
        ready(page)
        press(page, "The loss explodes")
        ended(page)
        assert page.locator(".dc-status").text_content().startswith("Stopped. After 5 steps a number overflowed")
        page.wait_for_function("document.querySelector('.dc-words').textContent.includes('a number overflowed')")
        assert page.locator(".dc-note b").text_content() == "The loss explodes"
        page.hover(".dc-primary")
        assert axe_findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        press(page, "One step")
        page.wait_for_function("document.querySelector('.dc-scores dd').textContent === '1'")
        assert not faults


def test_everything_answers_to_the_keyboard(browser, html):
    with opened(browser, f"{html.as_uri()}/", PAGE, theme="light", width=1440) as (page, faults):
        ready(page)
        focused = "document.activeElement.name || document.activeElement.textContent"
        page.get_by_role("button", name="A network that works", exact=True).focus()
        seen = []
        while not seen or seen[-1] != "The numbers, layer by layer":
            seen.append(page.evaluate(focused))
            assert len(seen) < 60, seen
            page.keyboard.press("Tab")
        wanted = page.locator("#dc-train :is(button, input, select):enabled").evaluate_all(
            "controls => controls.map((control) => control.name || control.textContent)"
        )
        assert {*seen} >= {*wanted}
        page.locator("[name=layers]").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator("[name=layers]").get_attribute("aria-valuetext") == "4"
        page.locator("[name=activation]").focus()
        page.keyboard.press("t")
        assert page.locator("[name=activation]").input_value() == "tanh"
        page.get_by_role("button", name="One step").focus()
        page.keyboard.press("Enter")
        page.wait_for_function("document.querySelector('.dc-scores dd').textContent === '1'")
        assert page.locator(".dc-numbers tbody tr").count() == 4
        assert not faults


def test_page_says_so_where_it_cannot_train(browser, html):
    page = browser.new_page()
    page.route("**/train/bundle.js*", lambda route: route.abort())
    page.goto(f"{html.as_uri()}/{PAGE}")
    page.wait_for_function("document.querySelector('.dc-status').textContent.startsWith('Training is not possible')")
    assert page.locator("#dc-train button:enabled").count() == 0
    page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{html.as_uri()}/{PAGE}")
    assert "needs JavaScript" in page.locator("#dc-train").inner_text()
    context.close()


def test_only_this_page_loads_it_and_it_is_small(html):
    assert (html / "_static" / "train" / "bundle.js").stat().st_size < 1_500_000  # bytes
    pages = [path for path in html.rglob("*.html") if "train/bundle.js" in path.read_text(encoding="utf-8")]
    assert pages == [html / PAGE]
