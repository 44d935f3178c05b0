"""`task: {type: contrastive}`: pictures and texts that belong together lie together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import Interface, TaskFacts


class Contrastive(Section):
    """CLIP, Radford et al. 2021, https://arxiv.org/abs/2103.00020"""

    type: Literal["contrastive"]
    prompts: list[str] = Field(
        default=["a photo of a {}"],
        min_length=1,
        description="what stands for a class in zero-shot tests; {} is the class's name",
    )


def _interfaces(section: Contrastive, info: DataInfo) -> Mapping[str, Interface]:
    if len(info.inputs) != 2:
        error = DataError(
            "the task contrastive learns from pairs, and this data has one input",
            where="data.type",
            remedy="Take data of pairs, such as `type: captions`.",
        )
        error.key = ("data", "type")
        raise error
    # One vector an example of each, and how alike every first is to every second.
    one, other = info.inputs
    output = {
        f"{one.name}_features": (None,),
        f"{other.name}_features": (None,),
        "logits": (None,),
    }
    return {"model": Interface(info.shape, info.dtype, info.inputs, output=output)}


TASK = TaskFacts(
    section=Contrastive,
    learns=("class", "pair"),
    default_metrics=("zero_shot_accuracy",),
    metrics=("retrieval_accuracy",),
    main_metric="val/zero_shot_accuracy",
    interfaces=_interfaces,
)
