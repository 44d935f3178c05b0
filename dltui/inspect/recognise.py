"""The likely architecture of a checkpoint: what the file says of itself, else names and shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from dltui.inspect.architectures import SIGNATURES, Layout
from dltui.inspect.contents import Checkpoint, Tensor
from dltui.inspect.parts import Part, model_part
from dltui.inspect.roles import is_buffer

_GATES = {4: "LSTM", 3: "GRU", 1: "RNN"}
_RECIPE_NAME = r"(?m)^name: *([\w ./-]{1,80})$"
_RECURRENT = r"(?:(.*)\.)?weight_hh_l(\d+)(_reverse)?$"


def recognise(checkpoint: Checkpoint) -> str | None:
    """`ResNet-18 (torchvision)`, `GPT-2 small (nanoGPT)`, `llama, 7B (GGUF)`; None if unknown.

    Names and shapes are more exact than a config, which only has the family; a wrapped model
    (`module.`, `state_dict.`) is known as the model in it.
    """
    said = _gguf(checkpoint.metadata)
    if said:
        return said
    model = model_part(checkpoint)
    if model is None:
        return None
    shapes = {model.local_name(tensor): tensor.shape for tensor in model.tensors}
    layouts = [Layout(shapes)]
    if model.prefix:
        layouts.append(Layout({tensor.name: tensor.shape for tensor in model.tensors}))
    for layout in layouts:
        for signature in SIGNATURES:
            title = layout.title(signature)
            if title is not None:
                return title
    told = _configured(checkpoint.metadata) or _recurrent(model) or _chain(model)
    recipe = _recipe_name(checkpoint.metadata)
    if not recipe:
        return told
    return f"{told} (dltui, {recipe})" if told else f"{recipe} (dltui)"


def _gguf(metadata: Mapping[str, Any]) -> str | None:
    name = metadata.get("general.architecture")
    if not isinstance(name, str) or not name:
        return None
    more = [metadata.get(key) for key in ("general.name", "general.size_label")]
    said = [text for text in more if isinstance(text, str) and text]
    return ", ".join([name, *said[:1]]) + " (GGUF)"


def _recipe_name(metadata: Mapping[str, Any]) -> str:
    """Of the recipe that a run of dltui keeps beside its checkpoints."""
    recipe = metadata.get("recipe")
    found = re.search(_RECIPE_NAME, recipe) if isinstance(recipe, str) else None
    return found[1] if found else ""


def _configured(metadata: Mapping[str, Any]) -> str | None:
    """What a Hugging Face config or the keras config says of the model."""
    config = metadata.get("config", metadata)
    if not isinstance(config, Mapping):
        return None
    names = config.get("architectures")
    if isinstance(names, list | tuple) and names and isinstance(names[0], str):
        return f"{names[0]} (transformers)"
    if isinstance(config.get("class_name"), str) and isinstance(config.get("module"), str):
        return f"{config['class_name']} (Keras)"
    kind = config.get("model_type")
    return f"{kind} (transformers)" if isinstance(kind, str) and kind else None


def _recurrent(model: Part) -> str | None:
    """torch's recurrent layers, by how many gates stand in one matrix."""
    kinds: dict[str, tuple[int, bool]] = {}
    for tensor in model.tensors:
        found = re.search(_RECURRENT, tensor.name)
        if found and len(tensor.shape) == 2 and tensor.shape[1]:
            kind = _GATES.get(tensor.shape[0] // tensor.shape[1])
            if kind:
                title = f"{kind} of width {tensor.shape[1]}"
                layers, both = kinds.get(title, (0, False))
                kinds[title] = (max(layers, int(found[2][:6]) + 1), both or bool(found[3]))
    if not kinds:
        return None
    title, (layers, both) = next(iter(kinds.items()))
    text = f"{title}, {layers} layers" if layers > 1 else title
    return text + (", both directions" if both else "")


def _chain(model: Part) -> str | None:
    """A plain stack of linear layers, or of convolutions and then linear layers."""
    weights = [t for t in model.tensors if len(t.shape) > 1 and not is_buffer(t)]
    linear = [t for t in weights if len(t.shape) == 2]
    convolutions = [t for t in weights if len(t.shape) in (3, 4, 5)]
    if len(linear) + len(convolutions) < len(weights) or not weights:
        return None
    if not all(tensor.name.endswith("weight") for tensor in weights):
        return None
    if not convolutions:
        sizes = _sizes(linear)
        return f"MLP {'-'.join(map(str, sizes))}" if len(linear) > 1 and sizes else None
    following = all(after.shape[1] == before.shape[0] for before, after in pairwise(convolutions))
    if not following or weights[: len(convolutions)] != convolutions or not _sizes(linear):
        return None
    shapes = [tensor.shape[0] for tensor in convolutions]
    if shapes == [6, 16] and convolutions[0].shape[2:] == (5, 5):
        return "LeNet-5"
    count = f"{len(shapes)} convolutions, widths" if len(shapes) > 1 else "1 convolution, width"
    return f"CNN, {count} {'-'.join(map(str, shapes))}"


def _sizes(linear: list[Tensor]) -> list[int]:
    """Widths of layers that follow on each other; empty if they do not."""
    if not linear:
        return [0]
    sizes = [linear[0].shape[1]]
    for tensor in linear:
        if tensor.shape[1] != sizes[-1]:
            return []
        sizes.append(tensor.shape[0])
    return sizes
