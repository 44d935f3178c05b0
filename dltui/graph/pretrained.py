"""`from:`: ready-made networks, of a library's registry or of a run of our own."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dltui.graph.assemble import assemble, materialise
from dltui.graph.lora import add_lora
from dltui.graph.plugins import load_plugins
from dltui.graph.registries import HEADS_OF_THEIR_OWN, REGISTRIES, Request, head_names
from dltui.graph.run_weights import fill, is_run_source, trained_in
from dltui.graph.scope import evaluated, fault
from dltui.recipe.data_info import DataInfo
from dltui.recipe.nodes import KeyPath, Pretrained

if TYPE_CHECKING:
    from dltui.recipe import Recipe


def pretrained_model(recipe: Recipe, info: DataInfo, *, meta: bool, key: str = "from") -> nn.Module:
    """The network that `from` names, its head, frozen parts and low-rank updates in place.

    With `meta` nothing is downloaded and no memory taken. `key` is what the recipe calls `from`.

    Raises:
        RecipeError: the source, its weights or an argument is not known, or a pattern matches
            nothing.
    """
    source = recipe.model.pretrained
    assert source is not None
    path = source.path
    family, _, name = source.source.partition("/")
    if is_run_source(source.source):
        model, _, _ = network_of_run(recipe, source, meta=meta, key=key)
    elif family in REGISTRIES:
        outputs = _head_size(source, recipe, info) if source.replace_head else None
        model = REGISTRIES[family](Request(recipe, source, name, info, outputs, meta))
    else:
        raise fault(
            recipe,
            (*path, key),
            f"{source.source!r} cannot be read: {', '.join(REGISTRIES)}/<model>, run/<id> and the "
            "files of a run's checkpoints can",
        )
    _freeze(model, source, recipe)
    if source.replace_head and family not in HEADS_OF_THEIR_OWN:
        _replace_head(model, _head_size(source, recipe, info), recipe, path, meta=meta)
    if source.lora is not None:
        _add_lora(model, source, recipe, info)
    return model


def network_of_run(
    recipe: Recipe, source: Pretrained, *, meta: bool, key: str = "from"
) -> tuple[nn.Module, Recipe, DataInfo]:
    """A trained network of ours, the recipe that it was trained by, and the facts of its data.

    Raises:
        RecipeError: there is no such run or file, or it does not fit, at `key` of the source.
    """
    trained, facts, file = trained_in(recipe, source, key)
    load_plugins(trained)
    if trained.model.pretrained is not None:
        model = pretrained_model(trained, facts, meta=True)
        if not meta:
            model = model.to_empty(device="cpu")
    else:
        assembled = assemble(trained, facts)
        model = assembled.network if meta else materialise(assembled)
    # Loading the run's plugins has forgotten this recipe's own.
    load_plugins(recipe)
    fill(model, file, recipe, source, meta=meta, key=key)
    return model, trained, facts


def _freeze(model: nn.Module, source: Pretrained, recipe: Recipe) -> None:
    """Stops the training of parameters by pattern; `layer1` means all of `layer1.*`.

    Batch norms without a trainable parameter of their own keep their running statistics.
    """
    for number, pattern in enumerate(source.freeze):
        found = [
            parameter
            for name, parameter in model.named_parameters()
            if fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")
        ]
        if not found:
            parts = ", ".join(name for name, _ in model.named_children())
            message = f"nothing is called {pattern!r}; the model's parts: {parts}"
            raise fault(recipe, (*source.path, "freeze", number), message)
        for parameter in found:
            parameter.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and source.freeze:
            own = list(module.parameters(recurse=False))
            if own and not any(parameter.requires_grad for parameter in own):
                module.register_forward_pre_hook(_stay_in_evaluation)


def _stay_in_evaluation(module: nn.Module, inputs: Any) -> None:
    module.training = False


def _head_size(source: Pretrained, recipe: Recipe, info: DataInfo) -> int:
    if source.replace_head is not True:
        return int(source.replace_head)
    size = info.classes or info.targets
    if size is None:
        message = "this data has no classes: give the number of outputs"
        raise fault(recipe, (*source.path, "replace_head"), message)
    return size


def _replace_head(
    model: nn.Module, outputs: int, recipe: Recipe, path: KeyPath, *, meta: bool
) -> None:
    """A new last layer, or new ones where the model answers from several."""
    for name in head_names(model):
        owner, _, child = name.rpartition(".")
        with torch.device("meta" if meta else "cpu"):
            new = _new_head(model.get_submodule(name), outputs)
        if new is None:
            message = f"the head of this model ({name}) cannot be replaced"
            raise fault(recipe, (*path, "replace_head"), message)
        model.get_submodule(owner).register_module(child, new)


def _new_head(old: nn.Module, outputs: int) -> nn.Module | None:
    if isinstance(old, nn.Linear):
        return nn.Linear(old.in_features, outputs, bias=old.bias is not None)
    if isinstance(old, nn.Conv2d | nn.Conv3d) and set(old.kernel_size) == {1}:
        return type(old)(old.in_channels, outputs, 1)
    return None


def _add_lora(model: nn.Module, source: Pretrained, recipe: Recipe, info: DataInfo) -> None:
    head: set[nn.Module] = set()
    if source.replace_head:
        head = {model.get_submodule(name) for name in head_names(model)}
    settings = evaluated(recipe, source.lora, info.variables())
    add_lora(model, settings, recipe, (*source.path, "lora"))
    for module in head:
        module.requires_grad_(True)
