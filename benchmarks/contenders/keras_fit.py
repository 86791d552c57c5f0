"""``model.fit`` on the same Keras model, as a beginner writes it and tuned."""

from __future__ import annotations

import sys

import keras

from benchmarks.contenders.base import serve
from benchmarks.contenders.ours import Ours
from benchmarks.task import CLIP, LEARNING_RATE, Images


class KerasFit(Ours):
    """Keras's own loop. It shuffles in its own way, so ``seed`` is not the order that the others train in."""

    def __init__(self, images: Images, style: str) -> None:
        super().__init__(images)
        self.tuned = style == "tuned"

    def compile(self) -> None:
        steps = len(self.images.x_train) // self.task.batch_size
        # Tuned: come back to Python once an epoch, and let XLA compile the step.
        options = {"steps_per_execution": steps, "jit_compile": True} if self.tuned else {}
        self.model.compile(
            optimizer=keras.optimizers.SGD(LEARNING_RATE, clipvalue=CLIP),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            **options,
        )

    def epoch(self, seed: int) -> tuple[float, float]:
        # Without the progress bar, which a beginner leaves on and waits for a little longer.
        history = self.model.fit(
            self.images.x_train, self.images.y_train, epochs=1, batch_size=self.task.batch_size, verbose=0
        ).history
        return float(history["loss"][0]), float(history["accuracy"][0])


if __name__ == "__main__":
    serve(KerasFit, sys.argv[2])
