"""Tables whose rows are examples."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dltui.recipe.schema.data.base import Source


class CsvData(Source):
    """A CSV or Parquet table."""

    TARGETS: ClassVar[tuple[str, ...]] = ("class", "labels", "value")

    type: Literal["csv"]
    path: str
    target: str | list[str] = Field(description="column or columns to predict")
    features: list[str] | None = Field(default=None, description="null: every other column")
    drop: list[str] = []
    missing: Literal["error", "drop", "mean"] = Field(default="error", description="empty cells")
    separator: str | None = Field(default=None, description="null: found in the first line")
    standardize: bool = Field(
        default=True, description="numbers to mean 0, std 1 of the training part"
    )
