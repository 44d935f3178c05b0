"""`task: {type: forecast}`: the next steps of one or more series, all at once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import TaskFacts, one_network
from dltui.recipe.tasks.losses import Huber, MeanAbsoluteError, MeanSquaredError

Level = Annotated[float, Field(gt=0, lt=1)]


class Quantile(Section):
    """Pinball loss, Koenker and Bassett 1978. The outermost levels are the interval."""

    type: Literal["quantile"]
    levels: list[Level] = [0.1, 0.5, 0.9]

    @field_validator("levels")
    @classmethod
    def _ordered(cls, levels: list[float]) -> list[float]:
        if 0.5 not in levels or sorted(set(levels)) != levels:
            raise ValueError("levels rise, and 0.5 is among them: [0.1, 0.5, 0.9]")
        return levels


ForecastLoss = Annotated[
    MeanSquaredError | MeanAbsoluteError | Huber | Quantile, Field(discriminator="type")
]


class Forecast(Section):
    type: Literal["forecast"]
    loss: ForecastLoss = MeanSquaredError()
    season: int = Field(
        default=1, ge=1, description="steps after which the naive forecast repeats the series"
    )
    from_last: bool = Field(
        default=False,
        description="the model says how far the series moves from its last known value",
    )

    @property
    def levels(self) -> tuple[float, ...]:
        """Quantiles that the network gives; the middle alone without a quantile loss."""
        return tuple(self.loss.levels) if isinstance(self.loss, Quantile) else (0.5,)


def _output(section: Forecast, info: DataInfo) -> tuple[int] | None:
    """A number for each step, of it each series, of it each quantile, in this order."""
    if info.horizon is None or info.targets is None:
        return None
    return (info.horizon * info.targets * len(section.levels),)


TASK = TaskFacts(
    section=Forecast,
    learns=("series",),
    default_metrics=("mase", "mae", "smape"),
    metrics=("mse", "relative_mae", "coverage"),
    main_metric="val/mase",
    interfaces=one_network(_output),
)
