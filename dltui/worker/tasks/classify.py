"""One class out of C for each example."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from dltui.errors import RecipeError
from dltui.recipe.tasks.classify import Classify
from dltui.worker.losses import class_loss
from dltui.worker.tasks.base import Collector, Nothing, Supervised
from dltui.worker.tasks.confusion import ConfusionCollector

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.recipe import Recipe
    from dltui.worker.data import Data

_MOST_CLASSES = 1000  # a matrix of more is neither readable nor cheap


class ClassifyTask(Supervised):
    """Logits `(N, C)`, targets `(N,)` int64 or `(N, C)` probabilities (mixup, cutmix)."""

    scalar_names: ClassVar[tuple[str, ...]] = ("accuracy",)

    def prepare(self, data: Data, device: torch.device) -> None:
        assert isinstance(self.recipe.task, Classify)
        section = self.recipe.task.loss
        weights = chosen_weights(
            self.recipe, "class_weights", section.class_weights, self.info.classes or 0, data
        )
        weights = None if weights is None else weights.to(device)
        self.loss_of = class_loss(section, weights)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.loss_of(outputs, targets)

    def scalars(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        truth = targets.argmax(1) if targets.is_floating_point() else targets
        hits: Tensor = (outputs.detach().argmax(1) == truth).float().mean()
        return (hits,)

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        from torchmetrics import classification as tm  # slow to import: see worker.metrics

        classes = self.info.classes
        if name == "top_k":
            arguments = {"average": "micro", "top_k": arguments.pop("k", 5), **arguments}
            return tm.MulticlassAccuracy(num_classes=classes, **arguments)
        kinds: dict[str, tuple[Callable[..., Metric], str]] = {
            "accuracy": (tm.MulticlassAccuracy, "micro"),
            "precision": (tm.MulticlassPrecision, "macro"),
            "recall": (tm.MulticlassRecall, "macro"),
            "f1": (tm.MulticlassF1Score, "macro"),
            "auroc": (tm.MulticlassAUROC, "macro"),
        }
        kind, average = kinds[name]
        return kind(num_classes=classes, **{"average": average, **arguments})

    def metric_inputs(self, name: str, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return outputs.float(), targets

    def collector(self, part: str) -> Collector:
        classes = self.info.classes or 0
        if classes > _MOST_CLASSES:
            return Nothing()
        names = list(self.info.class_names) or [str(number) for number in range(classes)]
        return ConfusionCollector(part, names)


def chosen_weights(
    recipe: Recipe, key: str, wanted: list[float] | str | None, count: int, data: Data
) -> Tensor | None:
    """The factors `task.loss.<key>`, `(count,)` on the CPU; None where all weigh the same.

    Raises RecipeError where there are too few or too many, or where they cannot be balanced.
    """
    if wanted is None:
        return None
    path = ("task", "loss", key)
    if isinstance(wanted, str):
        if data.class_weights is None:
            text = "the classes of this data cannot be balanced; give a list of weights"
            raise RecipeError([recipe.problem(path, text)])
        return data.class_weights.float()
    if len(wanted) != count:
        text = f"there are {count} outputs, but {len(wanted)} weights"
        raise RecipeError([recipe.problem(path, text)])
    return torch.tensor(wanted, dtype=torch.float32)


TASK = ClassifyTask
