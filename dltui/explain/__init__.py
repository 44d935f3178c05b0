"""What each architecture, task, pane, metric and setting is, for someone who meets it first.

The texts are Markdown files beside this one, a section `## name: Title` a topic. A topic is
named `pane/loss`, or by its bare name where that is clear from the order of the groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from dltui.errors import UsageError

if TYPE_CHECKING:
    from dltui.recipe import Recipe

__all__ = ["for_recipe", "text", "topics"]

GROUPS = ("pane", "architecture", "task", "metric", "setting")
"""Files of texts; a bare name is looked for in this order."""

_HEADING = re.compile(r"^## ([^:\n]+): (.+)$", re.MULTILINE)
_CHANNELWISE = {"depthwise_conv", "separable_conv"}
_OTHER_NAMES = {
    "lenet": "architecture/cnn",
    "alexnet": "architecture/cnn",
    "vgg": "architecture/cnn",
    "mobilenet": "architecture/efficientnet",
    "u-net": "architecture/unet",
    "dcgan": "architecture/gan",
    "wgan": "architecture/gan",
    "denoising": "architecture/autoencoder",
    "vq-vae": "architecture/autoencoder",
    "vqvae": "architecture/autoencoder",
    "gpt": "architecture/transformer",
    "bert": "architecture/encoder",
    "t5": "architecture/encoder-decoder",
    "moe": "architecture/mixture-of-experts",
    "mask": "architecture/attention",
    "positions": "architecture/attention",
    "rotary": "architecture/attention",
    "lstm": "architecture/rnn",
    "gru": "architecture/rnn",
    "histogram": "pane/histograms",
    "weights": "pane/histograms",
    "weights-histogram": "pane/histograms",
    "gradients": "pane/gradient-norms",
    "layers": "pane/gradient-norms",
    "confusion": "pane/confusion-matrix",
    "log": "pane/findings",
    "schedule": "pane/learning-rate",
    "learning rate": "pane/learning-rate",
}
_ATTENTION = {"attention", "transformer_encoder", "transformer_decoder"}
_TRANSFORMERS = {
    "masked_token": "encoder",
    "seq2seq": "encoder-decoder",
    "contrastive": "clip",
    "forecast": "time-series-transformer",
}
"""Families of transformers by the task that they learn."""
_FAMILIES = {"autoencode": "autoencoder", "vae": "vae", "gan": "gan"}
"""Families that are known by what they learn, whatever their layers are."""


def topics() -> list[str]:
    """Every topic in full, `architecture/mlp` to `setting/trainer.seed`."""
    return list(_texts())


def text(topic: str) -> str:
    """The Markdown of a topic, with its title as heading.

    Raises:
        UsageError: there is no such topic.
    """
    wanted = topic.strip().lower()
    known = _texts()
    spellings = (wanted, wanted.replace(" ", "-").replace("_", "-"), wanted.replace("-", "_"))
    for spelling in dict.fromkeys((*spellings, *(_OTHER_NAMES.get(s, "") for s in spellings))):
        for name in (spelling, *(f"{group}/{spelling}" for group in GROUPS)):
            if name in known:
                return known[name]
    raise UsageError(f"nothing explains {topic!r}", remedy=f"Topics: {', '.join(known)}.")


def for_recipe(recipe: Recipe) -> str:
    """What a recipe's model and task are, when to use them and what to watch, as Markdown."""
    parts = [f"*{recipe.about}*"] if recipe.about else []
    parts += [text(f"architecture/{name}") for name in _architectures(recipe)]
    parts.append(text(f"task/{recipe.task.type}"))
    return "\n\n".join(parts)


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    found: dict[str, str] = {}
    for group in sorted(GROUPS):
        written = resources.files(__name__).joinpath(f"{group}.md").read_text("utf-8")
        headings = list(_HEADING.finditer(written))
        ends = [heading.start() for heading in headings[1:]] + [len(written)]
        for heading, end in zip(headings, ends, strict=True):
            body = written[heading.end() : end].strip()
            found[f"{group}/{heading[1]}"] = f"# {heading[2]}\n\n{body}"
    return found


def _architectures(recipe: Recipe) -> list[str]:
    """The families that the model belongs to, the most telling one first."""
    if recipe.model.pretrained is not None:
        return ["pretrained"]
    if recipe.task.type in _FAMILIES:
        return [_FAMILIES[recipe.task.type]]
    kinds = set(_kinds(recipe.raw.get("model")))
    found = [
        family
        for family, signs in (
            ("message-passing", {"message_passing"}),
            ("deep-sets", {"set_pool"}),
            ("transformer", _ATTENTION),
            ("rnn", {"rnn", "lstm", "gru"}),
            ("cnn", {"conv", "conv1d", "conv2d", "conv3d", *_CHANNELWISE}),
        )
        if kinds & signs
    ]
    if "cnn" in found:
        found[found.index("cnn")] = _convolutional(kinds)
    if found[:1] == ["transformer"]:
        plain = "llama" if "rotary" in kinds else "vit" if "patch_embed" in kinds else "transformer"
        reads = recipe.data.type == "text_classes"
        found[0] = "encoder" if reads else _TRANSFORMERS.get(recipe.task.type, plain)
    found = found[:1] or ["bag-of-words" if {"embedding", "sequence_pool"} <= kinds else "mlp"]
    if kinds & {"mixture_of_experts", "moe"}:
        found.append("mixture-of-experts")
    if recipe.data.type == "csv":
        found.append("csv")
    if recipe.task.type == "regress":
        found.append("regression")
    return found


def _convolutional(kinds: set[str]) -> str:
    if kinds & {"conv_transpose", "upsample"} and kinds & {"cat", "concat"}:
        return "unet"
    if kinds & _CHANNELWISE:
        return "efficientnet"
    return "resnet" if "residual" in kinds else "cnn"


def _kinds(part: Any) -> Iterator[str]:
    """Every key and bare string of the model section: the layer names are among them."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield key
            yield from _kinds(value)
    elif isinstance(part, list):
        for entry in part:
            yield from _kinds(entry)
    elif isinstance(part, str):
        yield part
