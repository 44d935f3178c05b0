"""`task: {type: seq2seq}`: a token sequence written from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import Interface, TaskFacts, fed_with_examples
from dltui.recipe.tasks.losses import CrossEntropy


class Decoding(Section):
    """How outputs are written in evaluations, token after token."""

    examples: int = Field(default=500, ge=1, description="outputs written per evaluation")
    beams: int = Field(default=1, ge=1, le=64, description="1: the likeliest token each time")
    length_penalty: float = Field(
        default=1.0, ge=0, description="beams are compared by log p / length^this"
    )


class Seq2Seq(Section):
    type: Literal["seq2seq"]
    loss: CrossEntropy = CrossEntropy()
    decode: Decoding = Decoding()


def _interfaces(section: Seq2Seq, info: DataInfo) -> Mapping[str, Interface]:
    output = (*info.input("target").shape, info.vocab) if info.vocab else None
    return {"model": fed_with_examples(info, output)}


TASK = TaskFacts(
    section=Seq2Seq,
    learns=("sequence",),
    default_metrics=("exact_match", "token_accuracy"),
    metrics=("bleu", "rouge", "perplexity"),
    main_metric="val/exact_match",
    interfaces=_interfaces,
    special_tokens=("padding", "begin", "end", "unknown"),
)
