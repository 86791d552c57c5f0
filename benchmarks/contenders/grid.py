"""A grid of seeds × learning rates with ``dc.fit``: how often does it compile, and what does each run take?"""

from __future__ import annotations

import json
import time

import keras
import tensorflow as tf

import dnn_course as dc
from benchmarks.task import CLIP, MAIN, MOMENTUM
from dnn_course.programs import Program, program_for

SEEDS = range(5)
LEARNING_RATES = (0.02, 0.05, 0.1, 0.2)


def main() -> None:
    """Run the grid and print, as JSON, the seconds of each run and the number of compilations."""
    mnist = dc.load_mnist()
    one_example = tf.constant(mnist.x_train[:1]), tf.constant(mnist.y_train[:1])
    programs: set[Program] = set()

    def run(learning_rate: float, seed: int) -> dict[str, float]:
        start = time.perf_counter()
        dc.set_seed(seed)
        model = dc.mlp(
            MAIN.hidden,
            activation="elu",
            kernel_initializer="he_normal",
            batch_normalization="before",
            momentum=MOMENTUM,
        )
        dc.compile_classifier(model, keras.optimizers.SGD(learning_rate, clipvalue=CLIP))
        history = dc.fit(model, mnist.train, epochs=1, batch_size=MAIN.batch_size).history
        seconds = time.perf_counter() - start
        programs.add(program_for(model, *one_example))
        return {"seconds": seconds, "accuracy": float(history["accuracy"][0])}

    table = dc.run_grid(run, {"learning_rate": LEARNING_RATES}, seeds=SEEDS)
    compilations = sum(program.n_compilations for program in programs)
    print(json.dumps({**table[["seconds", "accuracy"]].to_dict("list"), "compilations": compilations}))


if __name__ == "__main__":
    main()
