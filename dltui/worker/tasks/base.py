"""What a task is: the one interface between the loop and what is learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from dltui.recipe.data_info import DataInfo

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data


class Collector(Protocol):
    """Keeps what an evaluation leaves behind beside numbers: a matrix, examples, text."""

    def update(self, outputs: Tensor, batch: Batch) -> None:
        """Take in one batch of the part."""

    def publish(self, artefacts: Artefacts) -> None:
        """Write it to the run."""


class Nothing:
    """The collector of a task that leaves nothing behind."""

    def update(self, outputs: Tensor, batch: Batch) -> None:
        """Keep nothing."""

    def publish(self, artefacts: Artefacts) -> None:
        """Write nothing."""


class Task(ABC):
    """Loss, step scalars, metrics and artefacts of one kind of learning.

    `main_metric` and its direction decide which checkpoint is `best`.
    """

    main_metric: ClassVar[str]
    default_metrics: ClassVar[tuple[str, ...]]
    scalar_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, recipe: Recipe, info: DataInfo):
        self.recipe = recipe
        self.info = info

    @abstractmethod
    def prepare(self, data: Data, device: torch.device) -> None:
        """Make the loss, with what it needs of the training part: class weights, target mean."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of a batch, 0-dimensional, with gradient."""

    def scalars(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        """0-dimensional tensors to record each step, in the order of `scalar_names`."""
        return ()

    @abstractmethod
    def metric_inputs(self, metric: str, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions and truth as the metric of this column wants them."""

    def collector(self, part: str) -> Collector:
        """A fresh collector for one evaluation of `part`."""
        return Nothing()

    def after_evaluation(  # noqa: B027  (most tasks have nothing to add)
        self, forward: Callable[[Tensor], Tensor], model: nn.Module, data: Data, out: Artefacts
    ) -> None:
        """What needs the model once more, such as sampled text; the model is in eval mode."""

    def wanted_metrics(self) -> list[tuple[str, dict[str, Any]]]:
        """The recipe's metrics, else the task's own; always with what `best` goes by."""
        asked = [(name, dict(arguments)) for name, arguments in self.recipe.metrics]
        if not asked:
            return [(name, {}) for name in self.default_metrics]
        main = self.main_metric.removeprefix("val/")
        if main != "loss" and main not in [name for name, _ in asked]:
            asked.insert(0, (main, {}))
        return asked


def only_tensor(outputs: Any) -> Tensor:
    """The model's one output; of named outputs the first."""
    if isinstance(outputs, dict):
        outputs = next(iter(outputs.values()))
    if isinstance(outputs, tuple | list):
        outputs = outputs[0]
    assert isinstance(outputs, Tensor)
    return outputs
