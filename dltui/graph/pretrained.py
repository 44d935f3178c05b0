"""`from:`: ready-made networks, of torchvision's registry or of a run of our own."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dltui.graph.assemble import assemble, materialise
from dltui.graph.lora import add_lora
from dltui.graph.plugins import load_plugins
from dltui.graph.run_weights import fill, is_run_source, trained_in
from dltui.graph.scope import evaluated, fault
from dltui.recipe.data_info import DataInfo
from dltui.recipe.nodes import KeyPath, Pretrained

if TYPE_CHECKING:
    from dltui.recipe import Recipe

_AUXILIARY = ("googlenet", "inception_v3")
"""Networks that give more than one output while training unless told not to."""


def pretrained_model(recipe: Recipe, info: DataInfo, *, meta: bool) -> nn.Module:
    """The network that `from` names, its head, frozen parts and low-rank updates in place.

    With `meta` nothing is downloaded and no memory taken.

    Raises:
        RecipeError: the source, its weights or an argument is not known, or a pattern matches
            nothing.
    """
    source = recipe.model.pretrained
    assert source is not None
    path = source.path
    family, _, name = source.source.partition("/")
    if is_run_source(source.source):
        model = _of_run(recipe, source, meta=meta)
    elif family == "torchvision":
        model = _torchvision(recipe, source, name, info, meta=meta)
    else:
        raise fault(
            recipe,
            (*path, "from"),
            f"{source.source!r} cannot be read: torchvision/<model>, run/<id> and the files of a "
            "run's checkpoints can (timm and hf are not supported yet)",
        )
    _freeze(model, source, recipe)
    if source.replace_head:
        _replace_head(model, _head_size(source, recipe, info), recipe, path, meta=meta)
    if source.lora is not None:
        _add_lora(model, source, recipe, info)
    return model


def _of_run(recipe: Recipe, source: Pretrained, *, meta: bool) -> nn.Module:
    trained, facts, file = trained_in(recipe, source)
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
    fill(model, file, recipe, source, meta=meta)
    return model


def _torchvision(
    recipe: Recipe, source: Pretrained, name: str, info: DataInfo, *, meta: bool
) -> nn.Module:
    # torchvision takes half a second to import, and most recipes never need it.
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean torchvision/{close[0]}?" if close else ""
        raise fault(recipe, (*source.path, "from"), f"torchvision has no model {name!r}{hint}")
    weights = _weights(recipe, source, name)
    args = evaluated(recipe, source.args, info.variables())
    if name in _AUXILIARY:
        args = {"aux_logits": False, "init_weights": False, **args}
    if weights is None and "num_classes" not in args and info.classes and not source.replace_head:
        args["num_classes"] = info.classes
    try:
        with torch.device("meta" if meta else "cpu"):
            model: nn.Module = models.get_model(name, weights=None if meta else weights, **args)
    except (TypeError, ValueError) as error:
        raise fault(recipe, (*source.path, "args"), f"torchvision/{name}: {error}") from None
    return model


def _weights(recipe: Recipe, source: Pretrained, name: str) -> Any:
    from torchvision import models

    if source.weights is None:
        return None
    known = models.get_model_weights(name)
    wanted = "DEFAULT" if source.weights.lower() == "default" else source.weights
    if wanted not in known.__members__:
        told = ", ".join(["DEFAULT", *(weight.name for weight in known)])
        message = f"torchvision/{name} has no weights {source.weights!r}; it has: {told}"
        raise fault(recipe, (*source.path, "weights"), message)
    return known[wanted]


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
    """A new last layer: the last linear one, or the last 1×1 convolution (SqueezeNet)."""
    heads = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    linear = [head for head in heads if isinstance(head[1], nn.Linear)]
    name, old = (linear or heads)[-1]
    owner, _, child = name.rpartition(".")
    with torch.device("meta" if meta else "cpu"):
        if isinstance(old, nn.Linear):
            new: nn.Module = nn.Linear(old.in_features, outputs, bias=old.bias is not None)
        elif isinstance(old, nn.Conv2d) and old.kernel_size == (1, 1):
            new = nn.Conv2d(old.in_channels, outputs, 1)
        else:
            message = f"the head of this model ({name}) cannot be replaced"
            raise fault(recipe, (*path, "replace_head"), message)
    model.get_submodule(owner).register_module(child, new)


def _add_lora(model: nn.Module, source: Pretrained, recipe: Recipe, info: DataInfo) -> None:
    head: set[nn.Module] = set()
    if source.replace_head:
        head = {[m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]}
    settings = evaluated(recipe, source.lora, info.variables())
    add_lora(model, settings, recipe, (*source.path, "lora"))
    for module in head:
        module.requires_grad_(True)
