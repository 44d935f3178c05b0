"""Any number of L labels for each example."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dltui.recipe.schema.task import Focal, Multilabel
from dltui.worker.losses import label_loss
from dltui.worker.tasks.base import Task
from dltui.worker.tasks.classify import chosen_weights

if TYPE_CHECKING:
    from dltui.worker.data import Data


class MultilabelTask(Task):
    """Logits `(N, L)`, targets `(N, L)` of 0 and 1."""

    main_metric = "val/f1"
    default_metrics = ("accuracy", "f1")
    scalar_names = ("accuracy",)

    def prepare(self, data: Data, device: torch.device) -> None:
        assert isinstance(self.recipe.task, Multilabel)
        section = self.recipe.task.loss
        self.cut = self.recipe.task.threshold
        key = "class_weights" if isinstance(section, Focal) else "positive_weight"
        labels = self.info.targets or self.info.classes or 0
        weights = chosen_weights(self.recipe, key, getattr(section, key), labels, data)
        self.loss_of = label_loss(section, None if weights is None else weights.to(device))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.loss_of(outputs, targets)

    def scalars(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        said = outputs.detach().float().sigmoid() > self.cut
        hits: Tensor = (said == (targets > 0.5)).float().mean()
        return (hits,)

    def metric_inputs(self, metric: str, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return outputs.float().sigmoid(), targets.long()
