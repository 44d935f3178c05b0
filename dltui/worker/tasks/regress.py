"""One or more numbers for each example."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.recipe.tasks.regress import Regress
from dltui.worker.losses import value_loss
from dltui.worker.tasks.base import Collector, Supervised

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data

_MOST_PREDICTIONS = 500


class RegressTask(Supervised):
    """Outputs and targets `(N, targets)`; a single number may come without its dimension.

    With `standardize_target` the loss is of targets at mean 0 and standard deviation 1 over the
    training part; the metrics are in the target's own units.
    """

    def prepare(self, data: Data, device: torch.device) -> None:
        assert isinstance(self.recipe.task, Regress)
        self.loss_of = value_loss(self.recipe.task.loss)
        width = self.info.targets or 1
        self.mean, self.std = torch.zeros(width, device=device), torch.ones(width, device=device)
        if self.recipe.task.standardize_target and data.target_mean is not None:
            assert data.target_std is not None
            spread = data.target_std.float().reshape(width)
            self.mean = data.target_mean.float().reshape(width).to(device)
            self.std = torch.where(spread > 0, spread, 1.0).to(device)

    def _columns(self, values: Tensor) -> Tensor:
        return values.float().reshape(-1, self.mean.shape[0])

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.loss_of(self._columns(outputs), (self._columns(targets) - self.mean) / self.std)

    def in_units(self, outputs: Tensor) -> Tensor:
        """Predictions `(N, targets)` in the target's own units."""
        return self._columns(outputs) * self.std + self.mean

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        import torchmetrics as tm  # slow to import: see worker.metrics

        kinds: dict[str, Callable[..., Metric]] = {
            "mae": tm.MeanAbsoluteError,
            "mse": tm.MeanSquaredError,
            "r2": tm.R2Score,
        }
        return kinds[name](**arguments)

    def metric_inputs(self, name: str, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        predictions, truth = self.in_units(outputs), self._columns(targets)
        if truth.shape[1] == 1:
            return predictions.flatten(), truth.flatten()
        return predictions.contiguous(), truth.contiguous()

    def collector(self, part: str) -> Collector:
        return PredictionCollector(self, part)


class PredictionCollector:
    """The first 500 predictions of a part beside the truth."""

    def __init__(self, task: RegressTask, part: str):
        self.task = task
        self.part = part
        self._pairs: list[tuple[Tensor, Tensor]] = []
        self._left = _MOST_PREDICTIONS

    def update(self, outputs: Tensor, batch: Batch) -> None:
        """`outputs` in the units of the loss."""
        if self._left <= 0:
            return
        width = self.task.mean.shape[0]
        predictions = self.task.in_units(outputs)[: self._left]
        self._pairs.append((batch.targets.float().reshape(-1, width)[: self._left], predictions))
        self._left -= len(predictions)

    def publish(self, artefacts: Artefacts) -> None:
        """Arrays `truth` and `prediction`, `(≤ 500, targets)`."""
        truth, prediction = (
            torch.cat(side).cpu().numpy() for side in zip(*self._pairs, strict=True)
        )
        arrays = {"truth": truth, "prediction": prediction}
        artefacts.arrays("predictions", arrays, {"part": self.part})


TASK = RegressTask
