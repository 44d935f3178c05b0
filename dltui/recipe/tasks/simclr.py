"""`task: {type: simclr}`: features without labels, from two views of each picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import Interface, TaskFacts


class Simclr(Section):
    """Chen et al. 2020, https://arxiv.org/abs/2002.05709"""

    type: Literal["simclr"]
    views: list[str | dict[str, Any]] = Field(
        min_length=1, description="augmentations that make a view, as in data.augment"
    )
    temperature: float = Field(default=0.5, gt=0, description="of the loss; lower is stricter")
    neighbours: int = Field(default=5, ge=1, description="that vote in knn_accuracy")


def _interfaces(section: Simclr, info: DataInfo) -> Mapping[str, Interface]:
    if len(info.shape) != 3:
        error = DataError(
            "the views of simclr are made of pictures, and this data has none",
            where="task.type",
            remedy="Take data of pictures, not flat.",
        )
        error.key = ("task", "type")
        raise error
    output = {"projection": (None,), "features": (None,)}
    return {"model": Interface(info.shape, info.dtype, info.inputs, output=output)}


TASK = TaskFacts(
    section=Simclr,
    learns=("class",),
    default_metrics=("knn_accuracy", "probe_accuracy"),
    main_metric="val/knn_accuracy",
    interfaces=_interfaces,
)
