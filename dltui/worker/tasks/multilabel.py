"""Any number of L labels for each example."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.recipe.tasks.losses import Focal
from dltui.recipe.tasks.multilabel import Multilabel
from dltui.worker.losses import label_loss
from dltui.worker.tasks.base import Supervised
from dltui.worker.tasks.classify import chosen_weights

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.data import Data


class MultilabelTask(Supervised):
    """Logits `(N, L)`, targets `(N, L)` of 0 and 1."""

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

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        from torchmetrics import classification as tm  # slow to import: see worker.metrics

        labels = self.info.targets or self.info.classes or 0
        if name == "auroc":
            return tm.MultilabelAUROC(num_labels=labels, **arguments)
        kinds: dict[str, Callable[..., Metric]] = {
            "accuracy": tm.MultilabelAccuracy,
            "precision": tm.MultilabelPrecision,
            "recall": tm.MultilabelRecall,
            "f1": tm.MultilabelF1Score,
        }
        return kinds[name](num_labels=labels, **{"threshold": self.cut, **arguments})

    def metric_inputs(self, name: str, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return outputs.float().sigmoid(), targets.long()


TASK = MultilabelTask
