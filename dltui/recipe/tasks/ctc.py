"""`task: {type: ctc}`: a sequence of symbols heard in a longer one of frames, without alignment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import Shape, TaskFacts, one_network


class Ctc(Section):
    """Graves et al. 2006, Connectionist Temporal Classification."""

    type: Literal["ctc"]
    separator: str = Field(
        default="", description="written between symbols; ' ' where they are words"
    )
    shown: int = Field(default=12, ge=1, description="examples in the pane of pairs")


def _frames(section: Ctc, info: DataInfo) -> Shape | None:
    """Any number of frames, a score for each symbol and one for the blank."""
    return (None, info.vocab + 1) if info.vocab else None


TASK = TaskFacts(
    section=Ctc,
    learns=("sequence",),
    default_metrics=("cer", "wer"),
    main_metric="val/cer",
    interfaces=one_network(_frames),
)
