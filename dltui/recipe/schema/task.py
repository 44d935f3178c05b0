"""`task:` what is learned, and `metrics:` how well."""

from __future__ import annotations

from typing import Annotated, Any, Literal

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


class Classify(Section):
    type: Literal["classify"]
    loss: Annotated[CrossEntropy | Focal, Field(discriminator="type")] = CrossEntropy()


class Multilabel(Section):
    type: Literal["multilabel"]
    loss: Annotated[BinaryCrossEntropy | Focal, Field(discriminator="type")] = BinaryCrossEntropy()
    threshold: float = Field(default=0.5, gt=0, lt=1)


class Regress(Section):
    type: Literal["regress"]
    loss: Annotated[MeanSquaredError | MeanAbsoluteError | Huber, Field(discriminator="type")] = (
        MeanSquaredError()
    )
    standardize_target: bool = Field(default=True, description="learn the target at mean 0, std 1")


class Sampling(Section):
    """Text sampled after each evaluation."""

    prompt: str = "\n"
    length: int = Field(default=200, ge=1)
    temperature: float = Field(default=0.8, ge=0)
    top_k: int | None = Field(default=None, ge=1)
    count: int = Field(default=1, ge=1)


class NextToken(Section):
    type: Literal["next_token"]
    loss: CrossEntropy = CrossEntropy()
    sample: Sampling | None = Sampling()


TaskSection = Annotated[Classify | Multilabel | Regress | NextToken, Field(discriminator="type")]

MetricStep = str | dict[str, Any]
"""`accuracy` or `{top_k: {k: 5}}`."""

METRICS: dict[str, tuple[str, ...]] = {
    "accuracy": ("classify", "multilabel"),
    "top_k": ("classify",),
    "precision": ("classify", "multilabel"),
    "recall": ("classify", "multilabel"),
    "f1": ("classify", "multilabel"),
    "auroc": ("classify", "multilabel"),
    "confusion_matrix": ("classify",),
    "mae": ("regress",),
    "mse": ("regress",),
    "r2": ("regress",),
    "perplexity": ("next_token",),
    "token_accuracy": ("next_token",),
}
"""Metric names and the tasks that they fit."""
