"""What a task is: the one interface between the loop and what is learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch
from torch import Tensor

from dltui.recipe.data_info import DataInfo

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.recipe import Recipe
    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of an optimiser step, with a loss of its own: the critic's turn, the generator's.

    It changes the weights of `network` only (None: of all), and comes in every `every`th step.
    """

    network: str | None = None
    every: int = 1
    scalars: tuple[str, ...] = ()
    """Names of what `Task.step` gives beside the loss."""


class Collector(Protocol):
    """Keeps what an evaluation leaves behind beside numbers: a matrix, examples, text."""

    def update(self, outputs: Any, batch: Batch) -> None:
        """Take in one batch of the part; `outputs` as `Task.evaluate` gives them."""

    def publish(self, artefacts: Artefacts) -> None:
        """Write it to the run."""


class Nothing:
    """The collector of a task that leaves nothing behind."""

    def update(self, outputs: Any, batch: Batch) -> None:
        """Keep nothing."""

    def publish(self, artefacts: Artefacts) -> None:
        """Write nothing."""


class Task(ABC):
    """Losses, step scalars, metrics and artefacts of one kind of learning.

    Chance drawn from torch's global generator is resumed exactly; evaluations draw from a
    generator state of their own, so that they are alike and do not touch the training.
    """

    scalar_names: ClassVar[tuple[str, ...]] = ()
    """Of a task with one phase: what `step` gives beside the loss."""

    def __init__(self, recipe: Recipe, info: DataInfo):
        self.recipe = recipe
        self.info = info

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The parts of one step, in order; the last one's loss is recorded as `loss`."""
        return (Phase(scalars=self.scalar_names),)

    def check(self) -> None:  # noqa: B027  (most tasks are told by their recipe alone)
        """Raise the RecipeError that `prepare` would, as far as it is known before any data."""

    def prepare(self, data: Data, device: torch.device) -> None:  # noqa: B027  (may do nothing)
        """Make what the losses need of the training part: class weights, target mean."""

    @abstractmethod
    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        """`[loss, *scalars of the phase]`, 0-dimensional means over the batch, with gradient."""

    @abstractmethod
    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        """The batch's mean loss, None where there is none, and what metrics and collector read."""

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        """The torchmetrics metric of that name, on the CPU."""
        raise ValueError(f"the task {self.recipe.task.type} has no such metric")

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        """Take a batch into the metric of the column `name`."""
        metric.update(outputs, batch.targets)

    def collector(self, part: str) -> Collector:
        """A fresh collector for one evaluation of `part`."""
        return Nothing()

    def after_evaluation(  # noqa: B027  (most tasks have nothing to add)
        self, networks: Networks, data: Data, out: Artefacts
    ) -> None:
        """What needs the networks once more, such as samples; they are in eval mode, uncompiled."""

    def settable(self) -> Mapping[str, Any]:
        """What `dltui set` may change while training, beside the learning rate: name to value."""
        return {}

    def set(self, name: str, value: object) -> None:
        """Change one of `settable`. Raises ValueError, in words for the user, where it cannot."""
        raise ValueError(f"the task {self.recipe.task.type} has no {name} to set")

    def state(self) -> dict[str, Any]:
        """What going on exactly needs of the task itself: tensors and plain data."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:  # noqa: B027  (most have none)
        """Put back what `state` gave."""

    def wanted_metrics(self) -> list[tuple[str, dict[str, Any]]]:
        """The recipe's metrics; always with what `best` goes by."""
        asked = [(name, dict(arguments)) for name, arguments in self.recipe.metrics]
        main = self.recipe.facts.main_metric.removeprefix("val/")
        known = self.recipe.facts.fitting_metrics
        if main in known and main not in [name for name, _ in asked]:
            asked.insert(0, (main, {}))
        return asked


class Supervised(Task):
    """A task of one network whose outputs are compared with the targets of the examples."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of a batch, 0-dimensional, with gradient."""

    def scalars(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        """0-dimensional tensors to record each step, in the order of `scalar_names`."""
        return ()

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        outputs = only_tensor(networks.main(batch.inputs))
        loss = self.loss(outputs, batch.targets)
        return [loss, *self.scalars(outputs, batch.targets)]

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        outputs = only_tensor(networks.main(batch.inputs))
        return self.loss(outputs, batch.targets), outputs

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        metric.update(*self.metric_inputs(name, outputs, batch.targets))

    def metric_inputs(self, name: str, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions and truth as the metric of this column wants them."""
        return outputs, targets


def only_tensor(outputs: Any) -> Tensor:
    """The model's one output; of named outputs the first."""
    if isinstance(outputs, dict):
        outputs = next(iter(outputs.values()))
    if isinstance(outputs, tuple | list):
        outputs = outputs[0]
    assert isinstance(outputs, Tensor)
    return outputs
