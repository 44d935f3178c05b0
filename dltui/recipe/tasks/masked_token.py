"""`task: {type: masked_token}`: the tokens of a text that are hidden from the network."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dltui.recipe.schema.base import Section
from dltui.recipe.schema.data import Fraction
from dltui.recipe.tasks.facts import TaskFacts, one_network
from dltui.recipe.tasks.losses import CrossEntropy


class Masking(Section):
    """Devlin et al. 2018, https://arxiv.org/abs/1810.04805, section 3.1."""

    share: float = Field(default=0.15, gt=0, lt=1, description="tokens to guess, of all tokens")
    masked: Fraction = Field(default=0.8, description="of those: replaced by the mask")
    replaced: Fraction = Field(default=0.1, description="of those: replaced by any other token")

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.masked + self.replaced > 1 + 1e-9:
            raise ValueError("masked and replaced add up to more than 1")
        return self


class MaskedToken(Section):
    type: Literal["masked_token"]
    loss: CrossEntropy = CrossEntropy()
    mask: Masking = Masking()


TASK = TaskFacts(
    section=MaskedToken,
    learns=("token",),
    default_metrics=("masked_accuracy", "perplexity"),
    main_metric="val/loss",
    interfaces=one_network(lambda section, info: (*info.shape, info.vocab) if info.vocab else None),
    special_tokens=("padding", "mask"),
)
