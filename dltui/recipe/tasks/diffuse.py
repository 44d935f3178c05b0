"""`task: {type: diffuse}`: noise taken away step by step until an example is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo, InputInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import Interface, TaskFacts
from dltui.recipe.tasks.judging import FeatureNetwork
from dltui.recipe.tasks.numbers import need_numbers


class DiffusionSampling(Section):
    """The grid of samples after each evaluation (DDIM, Song et al. 2021)."""

    steps: int = Field(default=50, ge=1, description="denoising steps; at most those of the task")
    eta: float = Field(
        default=0.0, ge=0, le=1, description="noise added on the way: 0 is DDIM, 1 as much as DDPM"
    )
    guidance: float = Field(
        default=1.0, ge=0, description="weight of the class; 1 is none, above needs label dropout"
    )
    clip: bool = Field(default=True, description="keep what is foreseen within the data's range")
    columns: int = Field(default=8, ge=1, le=32, description="samples a row, a row a class")


class Diffuse(Section):
    """Ho et al. 2020, https://arxiv.org/abs/2006.11239"""

    type: Literal["diffuse"]
    steps: int = Field(default=1000, ge=2, description="levels of noise")
    schedule: Literal["linear", "cosine"] = Field(
        default="cosine", description="how noise grows (Ho et al. 2020; Nichol & Dhariwal 2021)"
    )
    prediction: Literal["noise", "velocity"] = Field(
        default="noise", description="what the network tells (velocity: Salimans & Ho 2022)"
    )
    conditional: bool = Field(
        default=False, description="the network is told the class, as its input `label`"
    )
    sample: DiffusionSampling = DiffusionSampling()
    fid: FeatureNetwork | None = None


def _interfaces(section: Diffuse, info: DataInfo) -> Mapping[str, Interface]:
    need_numbers(info, section.type)
    if section.conditional and not info.classes:
        raise _refused("this data has no classes to make examples of", "conditional")
    if section.sample.guidance != 1 and not section.conditional:
        raise _refused("guidance needs a network that is told the class", "sample", "guidance")
    if section.sample.steps > section.steps:
        raise _refused(f"there are only {section.steps} levels of noise", "sample", "steps")
    label = (InputInfo("label", (), "int64"),) if section.conditional else ()
    noisy = InputInfo("x", info.shape, "float32")
    time = InputInfo("time", (), "float32")
    inputs = (noisy, time, *label)
    return {"model": Interface(info.shape, "float32", inputs, output=info.shape, closed=True)}


def _refused(message: str, *keys: str) -> DataError:
    path = ("task", *keys)
    error = DataError(message, where=".".join(path), remedy=f"Change {'.'.join(path)}.")
    error.key = path
    return error


TASK = TaskFacts(
    section=Diffuse,
    learns=(),
    default_metrics=(),
    metrics=("fid", "recognised", "conditional_accuracy"),
    main_metric="val/loss",
    interfaces=_interfaces,
)
