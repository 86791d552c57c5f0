"""What every contender is given to do. NumPy alone: peers run it in an environment without the course."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]

LEARNING_RATE = 0.05
CLIP = 1.0
MOMENTUM = 0.9
EPSILON = 1e-3
N_INPUTS = 784
N_CLASSES = 10
PARTS = ("x_train", "y_train", "x_val", "y_val")


@dataclass(frozen=True)
class Task:
    """One epoch of stochastic gradient descent with one network and one batch size.

    Hidden layers are a product without bias, batch normalization, ELU; the last layer is a product and a bias.
    """

    name: str
    hidden: tuple[int, ...]
    batch_size: int

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of the weight matrices, from the input upwards."""
        widths = [N_INPUTS, *self.hidden, N_CLASSES]
        return list(pairwise(widths))

    def initial_weights(self) -> list[Floats]:
        """He's initialization, the same numbers for every contender."""
        rng = np.random.default_rng(0)
        return [
            rng.standard_normal(shape, dtype=np.float32) * np.float32(math.sqrt(2 / shape[0])) for shape in self.shapes
        ]

    def to_json(self) -> dict[str, Any]:
        """The task as plain values, for the pipe."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Task:
        """The opposite of :meth:`to_json`."""
        return cls(values["name"], tuple(values["hidden"]), values["batch_size"])


MAIN = Task("784-300-100-10, batch 50", (300, 100), 50)
TASKS = (
    MAIN,
    Task("5 × 100, batch 20", (100,) * 5, 20),
    Task("5 × 100, batch 500", (100,) * 5, 500),
    Task("20 × 100, batch 20", (100,) * 20, 20),
    Task("20 × 100, batch 500", (100,) * 20, 500),
)
BY_ACTIVATION = Task("8 × 128, batch 64", (128,) * 8, 64)


@dataclass(frozen=True)
class Images:
    """MNIST without its test part: 55,000 images to train on, 5,000 to see whether training worked."""

    x_train: Floats
    y_train: Labels
    x_val: Floats
    y_val: Labels

    def save(self, folder: Path) -> None:
        """Write one .npy file a part."""
        for part in PARTS:
            np.save(folder / f"{part}.npy", getattr(self, part))

    @classmethod
    def load(cls, folder: Path) -> Images:
        """Read what :meth:`save` wrote."""
        return cls(*(np.load(folder / f"{part}.npy") for part in PARTS))


def rotated(names: list[str], by: int) -> list[str]:
    """The names in a circle, starting ``by`` places further on."""
    start = by % len(names)
    return names[start:] + names[:start]


def batches(n_examples: int, batch_size: int, seed: int) -> NDArray[np.int32]:
    """A new order of all examples, one row a batch: what ``dc.fit(..., seed=seed)`` draws for its first epoch."""
    order = np.random.default_rng([seed, 0]).permutation(n_examples)
    return order.reshape(-1, batch_size).astype(np.int32)
