"""Clevert's network with one activation after another, trained by ``dc.fit``: what does an epoch cost?"""

from __future__ import annotations

import json
import math
import sys
import time

import keras
import psutil

import dnn_course as dc
from benchmarks.report import ELU, REFERENCE
from benchmarks.task import BY_ACTIVATION, rotated

LEARNING_RATE = 0.01
# Listening to the machine for a moment lets the threads of the last epoch fall asleep too.
LISTEN_SECONDS = 0.3


def activations() -> dict[str, str | keras.layers.Layer]:
    """The activations of the chapter, as Keras has them."""
    return {
        REFERENCE: "relu",
        "leaky ReLU": keras.layers.LeakyReLU(negative_slope=0.01),
        "PReLU": keras.layers.PReLU(),
        ELU: "elu",
        "SELU": "selu",
        "GELU": "gelu",
        "swish": "silu",
        "tanh": "tanh",
        "sigmoid": "sigmoid",
        "softsign": "softsign",
    }


def main(rounds: int) -> None:
    """Run the rounds and print, as JSON, what each epoch took, by activation."""
    mnist = dc.load_mnist()
    models: dict[str, keras.Model] = {}
    for name, activation in activations().items():
        model = dc.mlp(BY_ACTIVATION.hidden, activation=activation, kernel_initializer="he_normal")
        models[name] = dc.compile_classifier(model, keras.optimizers.SGD(LEARNING_RATE))
    initial = {name: model.get_weights() for name, model in models.items()}
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in models}
    for number in range(-1, rounds):  # in round -1 they compile
        for name in rotated(list(models), max(number, 0)):
            models[name].set_weights(initial[name])
            others = psutil.cpu_percent(LISTEN_SECONDS)
            start = time.perf_counter()
            history = dc.fit(
                models[name], mnist.train, epochs=1, batch_size=BY_ACTIVATION.batch_size, seed=max(number, 0)
            )
            seconds = time.perf_counter() - start
            loss = float(history.history["loss"][0])
            if not math.isfinite(loss):
                raise ValueError(f"{name} diverged: the seconds of numbers that are none mean nothing")
            if number >= 0:
                measured[name].append({"seconds": seconds, "loss": loss, "others_percent": others})
    print(json.dumps(measured))


if __name__ == "__main__":
    main(int(sys.argv[1]))
