"""PyTorch, eager: the training loop of its tutorials, with data in memory instead of a loader."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.contenders.base import Base, serve
from benchmarks.task import CLIP, EPSILON, LEARNING_RATE, MOMENTUM, N_CLASSES, N_INPUTS, Images, Task, batches


class PyTorch(Base):
    """No value is read back during the epoch, and the data is gathered from one tensor: faster than a DataLoader."""

    def __init__(self, images: Images) -> None:
        super().__init__(images)
        self.x, self.y = torch.from_numpy(images.x_train), torch.from_numpy(images.y_train).long()

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def prepare(self, task: Task) -> None:
        self.task = task
        layers: list[nn.Module] = []
        width = N_INPUTS
        for units in task.hidden:
            # PyTorch's momentum is the share of the new batch, Keras's the share of the old average.
            norm = nn.BatchNorm1d(units, eps=EPSILON, momentum=1 - MOMENTUM)
            layers += [nn.Linear(width, units, bias=False), norm, nn.ELU()]
            width = units
        self.model = nn.Sequential(*layers, nn.Linear(width, N_CLASSES))
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LEARNING_RATE)

    @torch.no_grad()
    def reset(self) -> None:
        linear = [layer for layer in self.model if isinstance(layer, nn.Linear)]
        for layer, weights in zip(linear, self.task.initial_weights(), strict=True):
            layer.weight.copy_(torch.from_numpy(weights.T))
        linear[-1].bias.zero_()
        for layer in self.model:
            if isinstance(layer, nn.BatchNorm1d):
                layer.reset_parameters()

    def epoch(self, seed: int) -> tuple[float, float]:
        order = torch.from_numpy(batches(len(self.x), self.task.batch_size, seed))
        self.model.train()
        loss_sum, n_correct = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for rows in order:
            x, y = self.x[rows], self.y[rows]
            self.optimizer.zero_grad()
            logits = self.model(x)
            loss = self.loss(logits, y)
            loss.backward()
            nn.utils.clip_grad_value_(self.model.parameters(), CLIP)
            self.optimizer.step()
            loss_sum += loss.detach()
            n_correct += (logits.detach().argmax(1) == y).sum()
        return loss_sum.item() / len(order), n_correct.item() / len(self.x)

    @torch.no_grad()
    def validate(self) -> float:
        self.model.eval()
        predicted = self.model(torch.from_numpy(self.images.x_val)).argmax(1)
        return float((predicted == torch.from_numpy(self.images.y_val)).float().mean())


if __name__ == "__main__":
    serve(PyTorch)
