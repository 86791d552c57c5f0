"""The floor: the matrix products of an epoch in NumPy, and nothing else. It learns nothing."""

from __future__ import annotations

import numpy as np

from benchmarks.contenders.base import Base, serve
from benchmarks.task import Floats, Task


class Products(Base):
    """For each layer of each step: forward, gradient of the weights, gradient of the input.

    The gradient of the images is left out: no contender computes it. Batches are read in their stored order.
    """

    def versions(self) -> dict[str, str]:
        return {"numpy": np.__version__}

    def prepare(self, task: Task) -> None:
        def empty(*shape: int) -> Floats:
            return np.zeros(shape, np.float32)

        self.batch_size = task.batch_size
        self.kernels = task.initial_weights()
        self.outputs = [empty(task.batch_size, n_out) for _, n_out in task.shapes]
        self.inputs = [empty(task.batch_size, n_in) for n_in, _ in task.shapes[1:]]
        self.kernel_gradients = [empty(*shape) for shape in task.shapes]
        self.input_gradients = [empty(task.batch_size, n_in) for n_in, _ in task.shapes]

    def reset(self) -> None:
        """Nothing changes during an epoch."""

    def epoch(self, seed: int) -> None:
        x = self.images.x_train
        layers = list(zip(self.kernels, self.outputs, self.kernel_gradients, self.input_gradients, strict=True))
        for start in range(0, len(x), self.batch_size):
            inputs = [x[start : start + self.batch_size], *self.inputs]
            for signal, (kernel, output, _, _) in zip(inputs, layers, strict=True):
                np.matmul(signal, kernel, out=output)
            for number in reversed(range(len(layers))):
                kernel, output, kernel_gradient, input_gradient = layers[number]
                np.matmul(inputs[number].T, output, out=kernel_gradient)
                if number:
                    np.matmul(output, kernel.T, out=input_gradient)

    def validate(self) -> float:
        raise NotImplementedError("the floor learns nothing")


if __name__ == "__main__":
    serve(Products)
