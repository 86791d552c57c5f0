"""MNIST, as the course ships it: no download, the same bytes for everyone."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
Labels = NDArray[np.int32]

MNIST_PATH = Path(__file__).with_name("data") / "mnist.npz"
MNIST_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
MNIST_BYTES = 11_490_519
N_VALIDATION = 5_000


class DataError(RuntimeError):
    """The shipped data is missing or is not what was shipped."""


@dataclass(frozen=True)
class Dataset:
    """Images and labels in three parts: to train on, to choose by, and to report on once.

    Images are rows of 784 pixels, ``float32`` in [0, 1] (0 is background); ``reshape(-1, 28, 28)`` gives
    pictures. Labels are ``int32`` class numbers that start at 0. The arrays are read-only: copy one to change
    it. That also lets :func:`dnn_course.fit` hand them to TensorFlow once, and not in every call.
    """

    x_train: Images
    y_train: Labels
    x_val: Images
    y_val: Labels
    x_test: Images
    y_test: Labels

    def __post_init__(self) -> None:
        for array in vars(self).values():
            array.flags.writeable = False

    @property
    def train(self) -> tuple[Images, Labels]:
        """The training part, ``(x_train, y_train)``."""
        return self.x_train, self.y_train

    @property
    def val(self) -> tuple[Images, Labels]:
        """The validation part, ``(x_val, y_val)``: for choosing."""
        return self.x_val, self.y_val

    @property
    def test(self) -> tuple[Images, Labels]:
        """The test part, ``(x_test, y_test)``: for one report at the end."""
        return self.x_test, self.y_test

    @property
    def n_classes(self) -> int:
        """Number of classes among the training labels."""
        return int(self.y_train.max()) + 1

    def digits(self, first: int, last: int) -> Dataset:
        """Keep the classes ``first`` to ``last``, both included, and number them again from 0.

        Args:
            first: lowest class to keep.
            last: highest class to keep.

        Returns:
            A new dataset; the order of the images stays.

        Raises:
            ValueError: if there are no such classes.

        >>> load_mnist().digits(5, 9).y_train[:5]
        array([2, 1, 3, 4, 3], dtype=int32)
        """
        if not 0 <= first <= last < self.n_classes:
            raise ValueError(
                f"digits({first}, {last}): classes go from 0 to {self.n_classes - 1}, "
                "and the first must not be above the last"
            )

        def keep(x: Images, y: Labels) -> tuple[Images, Labels]:
            rows = (first <= y) & (y <= last)
            return x[rows], y[rows] - np.int32(first)

        return Dataset(*keep(*self.train), *keep(*self.val), *keep(*self.test))

    def sample(self, per_class: int, *, seed: int, part: Literal["train", "val"] = "train") -> Dataset:
        """Keep ``per_class`` images of each class in one part, chosen at random; the other parts stay whole.

        Args:
            per_class: images of each class to keep, at least 1.
            seed: of the choice and of the order.
            part: the part to thin out, ``"train"`` or ``"val"``.

        Returns:
            A new dataset.

        Raises:
            ValueError: if some class has fewer images, or there is no such part. The test part is always
                whole.

        >>> load_mnist().sample(per_class=3, seed=0).x_train.shape
        (30, 784)
        """
        if part not in ("train", "val"):
            raise ValueError(f'part must be "train" or "val", got {part!r}; the test part stays whole')
        x, y = self.train if part == "train" else self.val
        counts = np.bincount(y, minlength=self.n_classes)
        if not 1 <= per_class <= counts.min():
            raise ValueError(
                f"per_class must be from 1 to {counts.min()} (class {counts.argmin()} of the {part} part "
                f"has no more), got {per_class}"
            )
        rng = np.random.default_rng(seed)
        chosen = [rng.choice(np.flatnonzero(y == c), per_class, replace=False) for c in range(self.n_classes)]
        rows = rng.permutation(np.concatenate(chosen))
        if part == "train":
            return replace(self, x_train=x[rows], y_train=y[rows])
        return replace(self, x_val=x[rows], y_val=y[rows])

    def standardized(self) -> Dataset:
        r"""Shift and scale all pixels alike, :math:`x \mapsto (x - m) / s`, to mean 0 and variance 1 in training.

        One :math:`m` and one :math:`s` serve all pixels and all parts. Scaling each pixel by its own spread
        looks more thorough and is a trap: some pixels are never inked in training but are in the test set,
        and would reach enormous values there.

        >>> x = load_mnist().standardized().x_train
        >>> bool(abs(x.mean()) < 1e-3 and abs(x.std() - 1) < 1e-3)
        True
        """
        exact = self.x_train.mean(dtype=np.float64)
        # Part by part: the spread of all at once takes a second, most of it to find memory for copies in float64.
        squares = sum(np.square(part - exact).sum() for part in np.array_split(self.x_train, 50))
        mean, std = np.float32(exact), np.float32(np.sqrt(squares / self.x_train.size))

        def standard(x: Images) -> Images:
            shifted: Images = x - mean
            shifted /= std  # in place: another 172 MB would take longer to find than to fill
            return shifted

        return replace(self, x_train=standard(self.x_train), x_val=standard(self.x_val), x_test=standard(self.x_test))


def load_mnist(path: Path = MNIST_PATH) -> Dataset:
    """Load MNIST {cite}`lecun1998gradient` from the package.

    The 60,000 training images are split as the old TensorFlow loader did: the first 5,000 validate, 55,000
    train. With the 10,000 test images that makes 55,000 / 5,000 / 10,000.

    Args:
        path: the file to read; by default the one inside the package.

    Returns:
        The three parts, see :class:`Dataset`.

    Raises:
        DataError: if the file is missing, truncated or altered. The message says what was expected and how to
            restore it.

    >>> mnist = load_mnist()
    >>> mnist.x_train.shape, mnist.x_val.shape, mnist.x_test.shape
    ((55000, 784), (5000, 784), (10000, 784))
    """
    raw = _read_verified(Path(path))
    with np.load(io.BytesIO(raw)) as file:
        x, y, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))

    def images(pixels: NDArray[np.uint8]) -> Images:
        return np.multiply(pixels.reshape(len(pixels), -1), np.float32(1 / 255), dtype=np.float32)

    x_all, y_all = images(x), y.astype(np.int32)
    x_all.flags.writeable = y_all.flags.writeable = False  # or their parts could be changed through them
    return Dataset(
        x_all[N_VALIDATION:], y_all[N_VALIDATION:],
        x_all[:N_VALIDATION], y_all[:N_VALIDATION],
        images(x_test), y_test.astype(np.int32),
    )  # fmt: skip


def _read_verified(path: Path) -> bytes:
    expected = f"expected {MNIST_BYTES:,} bytes with SHA-256 {MNIST_SHA256}"
    restore = (
        "To restore it, run `git checkout -- dnn_course/data/mnist.npz` in a clone of the course, "
        "or reinstall the package with `pip install --force-reinstall --no-deps`."
    )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); {expected}. {restore}") from error
    if len(raw) < MNIST_BYTES:
        raise DataError(f"{path} is truncated: it has {len(raw):,} bytes; {expected}. {restore}")
    found = hashlib.sha256(raw).hexdigest()
    if found != MNIST_SHA256:
        raise DataError(f"{path} was altered: its {len(raw):,} bytes have SHA-256 {found}; {expected}. {restore}")
    return raw
