"""`sweep:` which settings `dltui sweep` searches over, and how."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dltui.recipe.schema.base import Section


class SweepSection(Section):
    """A search over settings; every trial is a run of this recipe with other values."""

    metric: str | None = Field(
        default=None, description="what is to get better: val/loss; null: the task's main metric"
    )
    mode: Literal["min", "max", "auto"] = Field(
        default="auto", description="auto: min for losses and errors, max for all else"
    )
    trials: int | None = Field(
        default=None, ge=1, description="runs in all; null: 20, or the whole grid"
    )
    sampler: Literal["tpe", "random", "grid"] = Field(
        default="tpe",
        description="tree-structured Parzen estimator (Bergstra et al. 2011), chance, or each "
        "combination of choices and whole numbers",
    )
    pruner: Literal["median", "halving", "none"] = Field(
        default="median",
        description="stops a trial worse than the median of the others at its evaluation; or all "
        "but the best third of them (successive halving, Jamieson and Talwalkar 2016)",
    )
    seed: int = Field(default=0, ge=0, description="of the search, apart from trainer.seed")
    space: dict[str, dict[str, Any]] = Field(
        min_length=1,
        description="what is tried of each key: {optimizer.lr: {loguniform: [1e-4, 1e-1]}}",
    )
