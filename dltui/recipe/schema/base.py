"""The base of every section: unknown keys are errors, values are not coerced across types."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A map of a recipe. Field descriptions become the JSON Schema and the options form."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
