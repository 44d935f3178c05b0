"""`task: {type: regress}`: one or more numbers for each example."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import TaskFacts, one_network
from dltui.recipe.tasks.losses import MeanSquaredError, ValueLoss


class Regress(Section):
    type: Literal["regress"]
    loss: ValueLoss = MeanSquaredError()
    standardize_target: bool = Field(default=True, description="learn the target at mean 0, std 1")


TASK = TaskFacts(
    section=Regress,
    learns=("value",),
    default_metrics=("mae", "r2"),
    metrics=("mse",),
    main_metric="val/loss",
    interfaces=one_network(lambda section, info: (info.targets,) if info.targets else None),
)
