"""`task: {type: autoencode}`: an example through a bottleneck, or cleaned of noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import Interface, TaskFacts, fed_with_examples
from dltui.recipe.tasks.losses import Huber, MeanAbsoluteError, MeanSquaredError
from dltui.recipe.tasks.numbers import Latent, latent_shape, need_numbers


class PixelCrossEntropy(Section):
    """The network gives logits; pixels from 0 to 1 are what they should say."""

    type: Literal["bce"]


class Noise(Section):
    """What is done to the examples before the network sees them; it is to give them back clean."""

    std: float = Field(default=0.0, ge=0, description="of normal noise, in the network's units")
    mask: float = Field(default=0.0, ge=0, lt=1, description="share of the numbers set to 0")


Reconstruction = Annotated[
    MeanSquaredError | MeanAbsoluteError | Huber | PixelCrossEntropy, Field(discriminator="type")
]


class Autoencode(Section):
    type: Literal["autoencode"]
    loss: Reconstruction = MeanSquaredError()
    noise: Noise | None = Field(default=None, description="makes it a denoising autoencoder")
    latent: Latent = Field(
        default=32, description="shape of the code between an `encoder` and a `decoder`"
    )


def _interfaces(section: Autoencode, info: DataInfo) -> Mapping[str, Interface]:
    need_numbers(info, section.type)
    code = latent_shape(section.latent)
    return {
        "model": fed_with_examples(info, info.shape),
        "encoder": fed_with_examples(info, code),
        "decoder": Interface(code, "float32", output=info.shape),
    }


TASK = TaskFacts(
    section=Autoencode,
    learns=(),
    default_metrics=("mse",),
    metrics=("mae", "ssim", "codebook_perplexity"),
    main_metric="val/loss",
    interfaces=_interfaces,
    networks=(("model",), ("encoder", "decoder")),
)
