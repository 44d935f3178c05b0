"""`task: {type: segment}`: one class out of C for each pixel."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import TaskFacts, one_network


class PixelCrossEntropy(Section):
    type: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: list[float] | None = None


class Dice(Section):
    """Milletari et al. 2016, https://arxiv.org/abs/1606.04797, without squares."""

    type: Literal["dice"]
    smooth: float = Field(default=1.0, gt=0, description="pixels added to overlap and union")


class CrossEntropyDice(Section):
    """The sum of both: cross-entropy for sure pixels, Dice for small classes."""

    type: Literal["cross_entropy_dice"]
    dice_weight: float = Field(default=1.0, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: list[float] | None = None
    smooth: float = Field(default=1.0, gt=0, description="pixels added to overlap and union")


class Segment(Section):
    type: Literal["segment"]
    loss: Annotated[PixelCrossEntropy | Dice | CrossEntropyDice, Field(discriminator="type")] = (
        PixelCrossEntropy()
    )


TASK = TaskFacts(
    section=Segment,
    learns=("mask",),
    default_metrics=("iou", "pixel_accuracy"),
    metrics=("dice",),
    main_metric="val/iou",
    interfaces=one_network(
        lambda section, info: (info.classes, *info.shape[1:]) if info.classes else None
    ),
)
