"""``dc.fit``, called as a chapter calls it: on the arrays of ``load_mnist``, one call an epoch."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

import dnn_course as dc
from benchmarks.contenders.base import Base, serve
from benchmarks.task import CLIP, EPSILON, LEARNING_RATE, MOMENTUM, Images, Task


class Ours(Base):
    """A network of the course, trained by the course."""

    def __init__(self, images: Images) -> None:
        super().__init__(images)
        self.mnist = dc.load_mnist()

    def versions(self) -> dict[str, str]:
        return {"tensorflow": tf.__version__, "keras": keras.__version__}

    def prepare(self, task: Task) -> None:
        self.task = task
        self.model = dc.mlp(task.hidden, activation="elu", batch_normalization="before", momentum=MOMENTUM)
        dense = [layer for layer in self.model.layers if isinstance(layer, keras.layers.Dense)]
        for layer, weights in zip(dense, task.initial_weights(), strict=True):
            layer.kernel.assign(weights)
        norms = [layer for layer in self.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
        if any(layer.epsilon != EPSILON for layer in norms):
            raise ValueError(f"the peers normalize with an epsilon of {EPSILON}; the course's networks no longer do")
        self.initial: list[Any] = self.model.get_weights()
        self.compile()

    def compile(self) -> None:
        """Compile the model in the way that is measured."""
        dc.compile_classifier(self.model, keras.optimizers.SGD(LEARNING_RATE, clipvalue=CLIP))

    def reset(self) -> None:
        self.model.set_weights(self.initial)

    def epoch(self, seed: int) -> tuple[float, float]:
        history = dc.fit(self.model, self.mnist.train, epochs=1, batch_size=self.task.batch_size, seed=seed).history
        return float(history["loss"][0]), float(history["accuracy"][0])

    def validate(self) -> float:
        result = self.model.evaluate(self.images.x_val, self.images.y_val, batch_size=1000, verbose=0, return_dict=True)
        return float(result["accuracy"])


if __name__ == "__main__":
    serve(Ours)
