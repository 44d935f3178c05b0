"""`task: {type: vae}`: examples to distributions over codes, and codes to examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import Interface, TaskFacts, fed_with_examples
from dltui.recipe.tasks.judging import FeatureNetwork
from dltui.recipe.tasks.numbers import Latent, latent_shape, need_numbers


class Bernoulli(Section):
    """Each pixel a coin: the decoder gives logits, which are compared with pixels from 0 to 1."""

    type: Literal["bce"] = "bce"


class Gaussian(Section):
    """Each number with normal noise: the decoder gives means, in the network's own units."""

    type: Literal["mse"]
    std: float = Field(default=1.0, gt=0, description="of the noise; a small one asks for detail")


class Vae(Section):
    """Kingma & Welling 2013, https://arxiv.org/abs/1312.6114"""

    type: Literal["vae"]
    loss: Annotated[Bernoulli | Gaussian, Field(discriminator="type")] = Bernoulli()
    latent: Latent = Field(
        default=16, description="shape of a code; the encoder gives twice as many numbers"
    )
    beta: float = Field(
        default=1.0, ge=0, description="weight of the divergence (Higgins et al. 2017)"
    )
    fid: FeatureNetwork | None = None


def _interfaces(section: Vae, info: DataInfo) -> Mapping[str, Interface]:
    need_numbers(info, section.type)
    first, *rest = code = latent_shape(section.latent)
    return {
        "encoder": fed_with_examples(info, (2 * first, *rest)),
        "decoder": Interface(code, "float32", output=info.shape),
    }


TASK = TaskFacts(
    section=Vae,
    learns=(),
    default_metrics=("elbo", "mse"),
    metrics=("mae", "ssim", "fid", "recognised"),
    main_metric="val/loss",
    interfaces=_interfaces,
    networks=(("encoder", "decoder"),),
)
