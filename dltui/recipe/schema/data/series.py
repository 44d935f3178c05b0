"""Series in time."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dltui.recipe.schema.data.base import Source


class SeriesSource(Source):
    """Series in time, cut into windows: `context` steps are seen, `horizon` steps foretold.

    Divided by time: training first, then validation, then test. A window belongs to the part that
    its foretold steps lie in; what it sees may reach back into the part before.
    """

    TARGETS: ClassVar[tuple[str, ...]] = ("series",)

    context: int = Field(default=24, ge=1, description="steps that the model sees")
    horizon: int = Field(default=12, ge=1, description="steps that it foretells, all at once")
    standardize: bool = Field(
        default=True, description="series at mean 0, std 1 of the training part"
    )


class SeriesData(SeriesSource):
    """Series in the columns of a CSV or Parquet table, a row a step; or real ones by name."""

    type: Literal["series"]
    path: str | None = None
    name: Literal["sunspots", "co2", "nile", "macrodata"] | None = Field(
        default=None, description="real series that come with statsmodels, in place of a path"
    )
    time: str | None = Field(
        default=None, description="column of numbers or dates; null: steps are counted"
    )
    target: str | list[str] | None = Field(
        default=None, description="column or columns to foretell; null: all of `columns`"
    )
    columns: list[str] | None = Field(
        default=None, description="columns that the model sees; null: all that are numbers"
    )
    missing: Literal["error", "interpolate", "forward", "skip"] = Field(
        default="error",
        description="empty cells: lines between neighbours, the last value, or no such windows",
    )
    gaps: Literal["error", "split", "ignore"] = Field(
        default="error",
        description="unequal steps of `time`: no window across them, or as if equal",
    )
    separator: str | None = Field(default=None, description="null: found in the first line")


class MackeyGlassData(SeriesSource):
    """The chaotic series of Mackey and Glass 1977, computed here."""

    type: Literal["mackey_glass"]
    length: int = Field(default=3000, ge=100, le=1_000_000, description="steps")
    delay: int = Field(default=17, ge=1, le=1000, description="steps; chaotic from 17 on")
    noise: float = Field(default=0.0, ge=0, description="std of noise on what is measured")
    seed: int = Field(default=0, ge=0, description="of the beginning and the noise")
