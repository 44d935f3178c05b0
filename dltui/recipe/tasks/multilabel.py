"""`task: {type: multilabel}`: any number of L labels for each example."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import TaskFacts, one_network
from dltui.recipe.tasks.losses import BinaryCrossEntropy, LabelLoss


class Multilabel(Section):
    type: Literal["multilabel"]
    loss: LabelLoss = BinaryCrossEntropy()
    threshold: float = Field(default=0.5, gt=0, lt=1)


TASK = TaskFacts(
    section=Multilabel,
    learns=("labels",),
    default_metrics=("accuracy", "f1"),
    metrics=("precision", "recall", "auroc"),
    main_metric="val/f1",
    interfaces=one_network(lambda section, info: (info.targets,) if info.targets else None),
)
