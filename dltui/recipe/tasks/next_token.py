"""`task: {type: next_token}`: the token that follows each position of a text."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import TaskFacts, one_network
from dltui.recipe.tasks.losses import CrossEntropy


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


TASK = TaskFacts(
    section=NextToken,
    learns=("token",),
    default_metrics=("perplexity", "token_accuracy"),
    main_metric="val/loss",
    interfaces=one_network(lambda section, info: (*info.shape, info.vocab) if info.vocab else None),
)
