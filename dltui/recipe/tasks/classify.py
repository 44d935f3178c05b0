"""`task: {type: classify}`: one class out of C for each example."""

from __future__ import annotations

from typing import Literal

from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import TaskFacts, one_network
from dltui.recipe.tasks.losses import ClassLoss, CrossEntropy


class Classify(Section):
    type: Literal["classify"]
    loss: ClassLoss = CrossEntropy()


TASK = TaskFacts(
    section=Classify,
    learns=("class",),
    default_metrics=("accuracy", "confusion_matrix"),
    metrics=("top_k", "precision", "recall", "f1", "auroc"),
    main_metric="val/accuracy",
    interfaces=one_network(lambda section, info: (info.classes,) if info.classes else None),
)
