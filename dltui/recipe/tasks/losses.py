"""The losses of `task.loss`, shared by the tasks that can learn with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dltui.recipe.schema.base import Section


class CrossEntropy(Section):
    type: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: list[float] | Literal["balanced"] | None = None


class Focal(Section):
    """Lin et al. 2017, https://arxiv.org/abs/1708.02002"""

    type: Literal["focal"]
    gamma: float = Field(default=2.0, ge=0)
    class_weights: list[float] | Literal["balanced"] | None = None


class BinaryCrossEntropy(Section):
    type: Literal["bce"] = "bce"
    positive_weight: list[float] | None = None


class MeanSquaredError(Section):
    type: Literal["mse"] = "mse"


class MeanAbsoluteError(Section):
    type: Literal["l1"]


class Huber(Section):
    type: Literal["huber"]
    delta: float = Field(default=1.0, gt=0)


ClassLoss = Annotated[CrossEntropy | Focal, Field(discriminator="type")]
LabelLoss = Annotated[BinaryCrossEntropy | Focal, Field(discriminator="type")]
ValueLoss = Annotated[MeanSquaredError | MeanAbsoluteError | Huber, Field(discriminator="type")]
