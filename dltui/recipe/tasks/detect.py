"""`task: {type: detect}`: boxes and their classes, found as points on one map."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import Shape, TaskFacts, one_network

BOX_CHANNELS = 4
"""Beside one channel a class: the centre's place in its cell (2), the logarithm of the size (2)."""


class Detect(Section):
    """Zhou et al. 2019, Objects as Points, https://arxiv.org/abs/1904.07850."""

    type: Literal["detect"]
    offset_weight: float = Field(default=1.0, ge=0, description="of the loss of the centre's place")
    size_weight: float = Field(default=1.0, ge=0, description="of the loss of the box's size")
    nms_iou: float = Field(
        default=0.5, gt=0, le=1, description="of boxes that overlap more, the surest stays"
    )
    most: int = Field(default=100, ge=1, description="boxes kept in a picture")
    least_score: float = Field(
        default=0.3, ge=0, lt=1, description="boxes drawn are at least that sure"
    )


def _map(section: Detect, info: DataInfo) -> Shape | None:
    """Any height and width: a cell of the map stands for as many pixels as it takes."""
    return (info.classes + BOX_CHANNELS, None, None) if info.classes else None


TASK = TaskFacts(
    section=Detect,
    learns=("boxes",),
    default_metrics=("map50", "map"),
    main_metric="val/map50",
    interfaces=one_network(_map),
)
