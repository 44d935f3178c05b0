"""Classes and settings of a Keras model's layers, by where their weights stand in its files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from dltui.inspect.contents import Module, Tensor

_HOMES = ("layers", "_layer_checkpoint_dependencies")
"""The group of a model's layers in files of weights; the second up to Keras 2.15."""

_LEGACY = "model_weights"
"""The group in whole models as HDF5, where layers stand by their names."""


def keras_modules(
    config: Any, tensors: Iterable[Tensor], training: Any = None
) -> dict[str, Module]:
    """Modules by dotted path, from a model's configuration; those without weights too.

    `config` is what `model.to_json()` holds, `training` what Keras keeps of `model.compile`;
    anything else gives no modules.
    """
    if not _is_object(config):
        return {}
    roots = {tensor.name.partition(".")[0] for tensor in tensors}
    found = {"": _module(config)}
    match training:
        case {"optimizer": dict(said)} | {"optimizer_config": dict(said)} if _is_object(said):
            home = "optimizer_weights" if _LEGACY in roots else "optimizer"
            found[home] = _module(said)
    if _LEGACY in roots:
        for layer in _layers(config):
            found[f"{_LEGACY}.{layer['config'].get('name', '')}"] = _module(layer)
        return found
    home = next((home for home in _HOMES if home in roots), _HOMES[0])
    found.update(_by_class(config, home, home))
    return found


def _by_class(config: dict[str, Any], prefix: str, home: str) -> Iterator[tuple[str, Module]]:
    """Layers as Keras names their groups: by class, counted, not by the layer's own name."""
    counts: Counter[str] = Counter()
    for layer in _layers(config):
        name = _snake_case(layer["class_name"])
        path = f"{prefix}.{name}_{counts[name]}" if counts[name] else f"{prefix}.{name}"
        counts[name] += 1
        yield path, _module(layer)
        yield from _by_class(layer, f"{path}.{home}", home)


def _layers(config: dict[str, Any]) -> list[dict[str, Any]]:
    layers = config["config"].get("layers")
    return [layer for layer in layers if _is_object(layer)] if isinstance(layers, list) else []


def _is_object(config: Any) -> bool:
    return (
        isinstance(config, dict)
        and isinstance(config.get("class_name"), str)
        and isinstance(config.get("config"), dict)
    )


def _module(config: dict[str, Any]) -> Module:
    settings = {key: value for key, value in config["config"].items() if key != "layers"}
    return Module(config["class_name"], settings)


def _snake_case(name: str) -> str:
    """`BatchNormalization` → `batch_normalization`, `Conv2DTranspose` → `conv2d_transpose`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
