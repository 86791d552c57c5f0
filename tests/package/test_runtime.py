"""A quiet TensorFlow whatever comes first, seeds, and progress for a person only."""

import os
import random
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import dnn_course as dc
from dnn_course import runtime

MARK = "what comes after is the course's"
TRAIN = """
import numpy as np
import dnn_course as dc
dc.set_seed(0)
data = np.eye(6, dtype="float32"), np.arange(6)
model = dc.compile_classifier(dc.mlp([3], n_inputs=6, n_classes=6, dropout=0.1), "sgd")
dc.fit(model, data, epochs=1, batch_size=3, validation_data=data)
model.predict(data[0])
dc.layer_signals(model, *data)
for width in range(4, 10):  # a program for each; TensorFlow warns of five compilations in a row
    model = dc.compile_classifier(dc.mlp([width], n_inputs=6, n_classes=6), "sgd")
    dc.fit(model, data, epochs=1, batch_size=3)
for n in range(1, 7):
    dc.fit(model, (data[0][:n], data[1][:n]), epochs=1, batch_size=3)
"""


@pytest.mark.parametrize("first", ["", "import tensorflow", "import keras"])
def test_nothing_on_stderr_whatever_is_imported_first(first):
    """What another package says at its own import, before the course's, is not ours to hide."""
    code = f'{first}\nimport os\nos.write(2, b"{MARK}")\n{TRAIN}'
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_CPP")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    before, _, after = run.stderr.partition(MARK)
    assert (run.returncode, after) == (0, "")
    assert bool(before) == bool(first)  # there was something to keep quiet about


@pytest.mark.parametrize("was_on", [True, False])
def test_garbage_of_the_import_is_not_searched_for_later(was_on):
    """What stays anyway is put aside, and the collector is left on or off as it was."""
    code = f"import gc; gc.enable() if {was_on} else gc.disable()\n"
    code += "import dnn_course; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [str(was_on), "True"]


@pytest.mark.parametrize(("chosen", "used"), [(None, "1"), ("2", "2")])
def test_numpy_multiplies_with_one_thread_unless_told_otherwise(chosen, used):
    code = "import sys; before = 'numpy' in sys.modules; import dnn_course, os; "
    code += "print(before, os.environ['OPENBLAS_NUM_THREADS'])"
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    environment |= {"OPENBLAS_NUM_THREADS": chosen} if chosen else {}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.split() == ["False", used]


def test_what_was_held_back_is_let_through_when_the_import_fails(tmp_path):
    """A TensorFlow that writes the reason to file descriptor 2 and dies."""
    (tmp_path / "tensorflow.py").write_text('import os\nos.write(2, b"the reason")\nraise ImportError("broken")\n')
    run = subprocess.run(
        [sys.executable, "-c", "import dnn_course.runtime"],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 1
    assert "the reason" in run.stderr
    assert "ImportError: broken" in run.stderr


def test_silence_ends_with_its_block(capfd):
    with runtime._silent_stderr():
        os.write(2, b"inside")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_silence_holds_back_stderr_alone_and_in_order(capfd):
    def speak():
        os.write(2, b"one ")
        os.write(1, b"out ")
        os.write(2, b"two")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), runtime._silent_stderr():
        speak()
    assert capfd.readouterr() == ("out ", "one two")


def draws():
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    dropped = keras.layers.Dropout(0.5)(np.ones((1, 20), "float32"), training=True)
    return np.concatenate(
        [
            [random.random(), np.random.random()],  # noqa: NPY002  (both are what set_seed is for)
            *map(np.ravel, (layer.kernel, dropped, keras.random.normal((3,)))),
        ]
    )


def test_set_seed_repeats_every_generator():
    """Each of them, also when it was used before: Python's, NumPy's, initializers', dropout's and Keras's own."""
    dc.set_seed(7)
    first = draws()
    np.testing.assert_array_equal((dc.set_seed(np.int64(7)), draws())[1], first)
    dc.set_seed(8)
    assert not np.isclose(draws(), first).all()


def test_every_generator_differs_with_the_seed():
    dc.set_seed(7)
    first = draws()
    dc.set_seed(8)
    differs = draws() != first
    assert differs[:2].all()  # Python, NumPy
    assert differs[2:8].all()  # initializer
    assert differs[8:28].any()  # dropout
    assert differs[28:].all()  # keras.random


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None, True])
def test_set_seed_refuses(seed):
    with pytest.raises(ValueError, match=r"integer from 0 to 2\*\*32 - 1, got"):
        dc.set_seed(seed)


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_set_seed_takes_the_ends_of_its_range(seed):
    dc.set_seed(seed)
    first = draws()
    dc.set_seed(seed)
    np.testing.assert_array_equal(draws(), first)


def in_a_kernel(monkeypatch, *, allow_stdin):
    kernel = SimpleNamespace(_allow_stdin=allow_stdin)
    shell = SimpleNamespace(kernel=kernel)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("place", ["terminal", "kernel"])
def test_progress_is_for_a_person_only(place, watched, monkeypatch, capsys):
    if place == "terminal":
        monkeypatch.setattr(sys.stderr, "isatty", lambda: watched)
    else:
        in_a_kernel(monkeypatch, allow_stdin=watched)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: not watched)  # a kernel is not asked for its terminal
    items = [1, 2, 3]
    wrapped = runtime.progress(items, desc="counting")
    assert list(wrapped) == items
    assert (wrapped is not items) == watched
    assert ("counting" in capsys.readouterr().err) == watched


def test_progress_counts_to_the_total_it_is_given(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(runtime.progress(iter("abc"), total=3, desc="letters")) == ["a", "b", "c"]
    assert "/3" in capsys.readouterr().err
