"""`task: {type: gan}`: a generator against a discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo, InputInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import Interface, TaskFacts
from dltui.recipe.tasks.judging import FeatureNetwork
from dltui.recipe.tasks.numbers import need_numbers


class NonSaturating(Section):
    """Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661: what the DCGAN learns with."""

    type: Literal["non_saturating"] = "non_saturating"
    smoothing: float = Field(
        default=0.0, ge=0, lt=0.5, description="real pictures count as real by 1 less this"
    )


class Hinge(Section):
    """Lim & Ye 2017, https://arxiv.org/abs/1705.02894"""

    type: Literal["hinge"]


class LeastSquares(Section):
    """Mao et al. 2016, https://arxiv.org/abs/1611.04076"""

    type: Literal["least_squares"]


class WassersteinGradientPenalty(Section):
    """Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028"""

    type: Literal["wgan_gp"]
    penalty: float = Field(default=10.0, ge=0, description="weight of the gradient penalty")


GanLoss = Annotated[
    NonSaturating | Hinge | LeastSquares | WassersteinGradientPenalty, Field(discriminator="type")
]


class Gan(Section):
    type: Literal["gan"]
    loss: GanLoss = NonSaturating()
    latent: int = Field(default=100, ge=1, description="numbers of noise that make one example")
    conditional: bool = Field(
        default=False, description="both networks are told the class, as their input `label`"
    )
    critic_steps: int = Field(
        default=1, ge=1, description="the generator has its turn in every so many steps"
    )
    samples: int = Field(default=64, ge=1, le=400, description="pictures in the sample grid")
    fid: FeatureNetwork | None = None

    @property
    def main_metric(self) -> str:
        """What decides about `best`: nothing but the judgement of another network."""
        return "val/fid" if self.fid else ""


def _interfaces(section: Gan, info: DataInfo) -> Mapping[str, Interface]:
    need_numbers(info, section.type)
    if section.conditional and not info.classes:
        error = DataError(
            "this data has no classes to make examples of",
            where="task.conditional",
            remedy="Set task.conditional=false, or take data with classes.",
        )
        error.key = ("task", "conditional")
        raise error
    label = (InputInfo("label", (), "int64"),) if section.conditional else ()
    noise = InputInfo("noise", (section.latent,), "float32")
    image = InputInfo("image", info.shape, "float32")
    return {
        "generator": Interface(
            noise.shape, "float32", (noise, *label), output=info.shape, closed=True
        ),
        "discriminator": Interface(
            info.shape, "float32", (image, *label), output=(1,), closed=True
        ),
    }


TASK = TaskFacts(
    section=Gan,
    learns=(),
    default_metrics=(),
    metrics=("fid", "recognised", "conditional_accuracy"),
    main_metric="",
    interfaces=_interfaces,
    networks=(("generator", "discriminator"),),
    optimizers=("generator", "discriminator"),
)
