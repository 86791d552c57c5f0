"""The contenders, each of which runs in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "dc.fit"
BEGINNER = "model.fit"
TUNED = "model.fit, tuned"
PYTORCH = "PyTorch, eager"
JAX = "JAX, scan"
FLOOR = "matrix products alone"


@dataclass(frozen=True)
class Contender:
    """How to start a contender: its module, that module's arguments, and the package it needs."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    package: str = "dnn_course"
    is_peer: bool = False


CONTENDERS = (
    Contender(OURS, "benchmarks.contenders.ours"),
    Contender(BEGINNER, "benchmarks.contenders.keras_fit", ("beginner",)),
    Contender(TUNED, "benchmarks.contenders.keras_fit", ("tuned",)),
    Contender(PYTORCH, "benchmarks.contenders.pytorch", package="torch", is_peer=True),
    Contender(JAX, "benchmarks.contenders.jax_scan", package="jax", is_peer=True),
    Contender(FLOOR, "benchmarks.contenders.numpy_floor", package="numpy"),
)
