"""What a contender must offer, and the loop in which its process waits for the driver's requests."""

from __future__ import annotations

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from benchmarks.task import Images, Task

STDOUT = 1


class Base(ABC):
    """A way to train. The same object is given one task after another."""

    def __init__(self, images: Images) -> None:
        self.images = images

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """The libraries whose speed is measured."""

    @abstractmethod
    def prepare(self, task: Task) -> None:
        """Build the network, and bring to the device what an expert would bring there once. Not timed."""

    @abstractmethod
    def reset(self) -> None:
        """Go back to the task's initial weights. Not timed."""

    @abstractmethod
    def epoch(self, seed: int) -> tuple[float, float] | None:
        """Train for one epoch, its order drawn from ``seed``: the epoch's mean loss and accuracy. This is timed.

        None where nothing is learnt.
        """

    @abstractmethod
    def validate(self) -> float:
        """Accuracy on the validation images, with the moving averages of batch normalization. Not timed."""


def serve(contender_class: type[Base], *arguments: Any) -> None:
    """Answer the driver's requests, a line of JSON each, until it closes the pipe."""
    # Libraries print where they like. The driver's pipe is kept for the answers alone.
    answers = os.fdopen(os.dup(STDOUT), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), STDOUT)
    contender = contender_class(Images.load(Path(sys.argv[1])), *arguments)
    answers.write(json.dumps({"versions": contender.versions()}) + "\n")
    answers.flush()
    for line in sys.stdin:
        request = json.loads(line)
        if "task" in request:
            contender.prepare(Task.from_json(request["task"]))
        contender.reset()
        start = time.perf_counter()
        learnt = contender.epoch(request["seed"])
        answer = {"seconds": time.perf_counter() - start}
        if learnt is not None:
            answer |= {"loss": learnt[0], "accuracy": learnt[1], "val_accuracy": contender.validate()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
