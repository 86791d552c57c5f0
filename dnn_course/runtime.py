"""Quiet and repeatable TensorFlow.

Importing this module first makes TensorFlow's C++ side silent: its start-up lines carry timestamps, and would
otherwise be stored in every notebook. It works whichever of TensorFlow and ``dnn_course`` is imported first.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_STDERR = 2
# Keras makes thousands of objects for a model, nearly all of which go without being searched for. To look for cycles
# among them after every 700, Python's default, takes a twentieth of a chapter's time.
_COLLECT_AFTER = 50_000

_Item = TypeVar("_Item")


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; let it through if the block fails."""
    sys.stderr.flush()
    saved = os.dup(_STDERR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, _STDERR)
            os.close(saved)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Collect nothing in the block, what it made not afterwards either, and the rest more rarely.

    TensorFlow brings in hundreds of thousands of objects that stay. To search them for garbage, again and again,
    takes a third of the time of its import, and later a part of each training.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
        if 0 < gc.get_threshold()[0] < _COLLECT_AFTER:  # 0 turns it off
            gc.set_threshold(_COLLECT_AFTER)
    finally:
        if was_on:
            gc.enable()


def _warm_up() -> None:
    # Each of TensorFlow's subsystems logs a line when it is first used. Where TensorFlow was imported before
    # us, it has already read its log level, so its lines are provoked here, while nobody listens.
    import tensorflow as tf

    # tanh, because it takes XLA through its MLIR part, which has a line of its own to say.
    tf.function(tf.tanh, jit_compile=True)(tf.zeros(1))


def _import_tensorflow_quietly() -> None:
    imported_before = "tensorflow" in sys.modules
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # NumPy reads this when TensorFlow brings it in. The course's products are small: a second thread mostly waits
    # in a busy loop, and where another program wants that core, everything takes several times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with _silent_stderr(), _no_garbage_collection():
        import tensorflow  # noqa: F401  (some lines ignore the log level, and come with the import itself)

        if imported_before:
            _warm_up()


_import_tensorflow_quietly()


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, so that everything after it is repeatable.

    Call it at the start of each run: weights drawn by Keras initializers, the order of the batches in
    :func:`dnn_course.fit`, dropout and NumPy's global generator then depend on ``seed`` alone.

    Args:
        seed: any integer from 0 to 2³² − 1.

    Raises:
        ValueError: if ``seed`` is not such an integer.

    >>> import keras
    >>> set_seed(7)
    >>> first = keras.random.normal((2,))
    >>> set_seed(7)
    >>> bool((first == keras.random.normal((2,))).numpy().all())
    True
    """
    import keras
    import numpy as np
    from keras.src.random.seed_generator import global_seed_generator

    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an integer from 0 to 2**32 - 1, got {seed!r}")
    generator = global_seed_generator()  # behind unseeded keras.random; Keras itself seeds it once a process
    keras.utils.set_random_seed(int(seed))
    generator.state.assign([int(seed), 0])


def _in_front_of_a_person() -> bool:
    """True in a terminal, or where a Jupyter front end could ask its user for input."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        # Programs that execute notebooks (nbclient, nbval) ask for a run without standard input; front ends
        # with a person behind them allow it. It is the only difference that the kernel can see.
        return bool(getattr(kernel, "_allow_stdin", False))
    return sys.stderr.isatty()


def progress(iterable: Iterable[_Item], *, total: int | None = None, desc: str = "") -> Iterable[_Item]:
    """Wrap ``iterable`` in a progress bar where a person is watching, and nowhere else.

    Args:
        iterable: what to go through.
        total: number of items, where ``len(iterable)`` cannot tell.
        desc: what the bar says it is doing.

    Returns:
        The same items. Where nobody watches (a test, a script, a notebook executed by a program) it is
        ``iterable`` itself, so nothing is left in stored outputs. The bar goes away when it is done.

    >>> list(progress(range(3), desc="counting"))
    [0, 1, 2]
    """
    if not _in_front_of_a_person():
        return iterable
    from tqdm.auto import tqdm

    return tqdm(iterable, total=total, desc=desc, leave=False)
