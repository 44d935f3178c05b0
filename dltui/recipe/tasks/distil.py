"""`task: {type: distil}`: a small network learns what a large one says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import TaskFacts, one_network


class Distil(Section):
    """Hinton et al. 2015, https://arxiv.org/abs/1503.02531"""

    type: Literal["distil"]
    teacher: str = Field(
        description="a trained network that sees the examples as the student does: run/<id>, a "
        "checkpoint's path, torchvision/<model>"
    )
    teacher_weights: str | None = Field(
        default=None, description="best or latest of a run; DEFAULT of torchvision"
    )
    temperature: float = Field(
        default=4.0, gt=0, description="softens what the teacher says, so that its doubts count"
    )
    alpha: float = Field(
        default=0.9, ge=0, le=1, description="share of the teacher in the loss; 0 is the labels"
    )


TASK = TaskFacts(
    section=Distil,
    learns=("class",),
    default_metrics=("accuracy", "confusion_matrix"),
    metrics=("top_k", "precision", "recall", "f1", "auroc"),
    main_metric="val/accuracy",
    interfaces=one_network(lambda section, info: (info.classes,) if info.classes else None),
)
