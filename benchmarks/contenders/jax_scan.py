"""JAX as an expert writes it: the epoch is one jitted ``lax.scan``, its state donated, its data on the device."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.contenders.base import Base, serve
from benchmarks.task import CLIP, EPSILON, LEARNING_RATE, MOMENTUM, N_CLASSES, Images, Task, batches

Tree = Any


def normalize(z: jax.Array, mean: jax.Array, variance: jax.Array, layer: Tree) -> jax.Array:
    """Batch normalization with the given moments."""
    return layer["gamma"] * (z - mean) * lax.rsqrt(variance + EPSILON) + layer["beta"]


def loss_fn(params: Tree, averages: Tree, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Tree]:
    """Mean cross-entropy of a batch; the new moving averages and the number of hits come along."""
    moved = []
    for layer, average in zip(params["hidden"], averages, strict=True):
        z = x @ layer["kernel"]
        mean, variance = z.mean(0), z.var(0)
        moved.append(
            {
                "mean": MOMENTUM * average["mean"] + (1 - MOMENTUM) * mean,
                "variance": MOMENTUM * average["variance"] + (1 - MOMENTUM) * variance,
            }
        )
        x = jax.nn.elu(normalize(z, mean, variance, layer))
    logits = x @ params["kernel"] + params["bias"]
    loss = -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()
    return loss, (moved, (logits.argmax(1) == y).sum())


@partial(jax.jit, donate_argnums=0)
def train(state: Tree, x: jax.Array, y: jax.Array, order: jax.Array) -> tuple[Tree, jax.Array, jax.Array]:
    """One epoch: the new state, the mean loss, the accuracy."""

    def step(state: Tree, rows: jax.Array) -> tuple[Tree, tuple[jax.Array, jax.Array]]:
        params, averages = state
        gradient_fn = jax.value_and_grad(loss_fn, has_aux=True)
        (loss, (averages, hits)), gradients = gradient_fn(params, averages, x[rows], y[rows])
        params = jax.tree.map(lambda p, g: p - LEARNING_RATE * jnp.clip(g, -CLIP, CLIP), params, gradients)
        return (params, averages), (loss, hits)

    state, (losses, hits) = lax.scan(step, state, order)
    return state, losses.mean(), hits.sum() / order.size


@jax.jit
def predict(state: Tree, x: jax.Array) -> jax.Array:
    """Classes, with the moving averages."""
    params, averages = state
    for layer, average in zip(params["hidden"], averages, strict=True):
        x = jax.nn.elu(normalize(x @ layer["kernel"], average["mean"], average["variance"], layer))
    return (x @ params["kernel"] + params["bias"]).argmax(1)


class Jax(Base):
    """Parameters are a tree of arrays; the order of the examples is drawn on the host."""

    def __init__(self, images: Images) -> None:
        super().__init__(images)
        self.x, self.y = jax.device_put(images.x_train), jax.device_put(images.y_train)

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__}

    def prepare(self, task: Task) -> None:
        self.task = task

    def reset(self) -> None:
        *hidden, last = self.task.initial_weights()
        layers = [{"kernel": w, "gamma": jnp.ones(w.shape[1]), "beta": jnp.zeros(w.shape[1])} for w in hidden]
        averages = [{"mean": jnp.zeros(w.shape[1]), "variance": jnp.ones(w.shape[1])} for w in hidden]
        params = {"hidden": layers, "kernel": last, "bias": jnp.zeros(N_CLASSES)}
        self.state = jax.block_until_ready(jax.device_put((params, averages)))

    def epoch(self, seed: int) -> tuple[float, float]:
        order = batches(len(self.x), self.task.batch_size, seed)
        self.state, loss, accuracy = jax.block_until_ready(train(self.state, self.x, self.y, order))
        return float(loss), float(accuracy)

    def validate(self) -> float:
        return float((predict(self.state, self.images.x_val) == self.images.y_val).mean())


if __name__ == "__main__":
    serve(Jax)
