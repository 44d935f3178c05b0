"""Every optimiser of torch.optim by name, with parameter groups by pattern."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import nn
from torch.optim import Optimizer

from dltui.errors import RecipeError

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.recipe.nodes import KeyPath
    from dltui.recipe.schema.training import OptimizerSection

_SPELLINGS = {"sparseadam": "sparse_adam"}


def optimizer_classes() -> dict[str, type[Optimizer]]:
    """Name in a recipe → class, for all that this torch has: `{"adamw": AdamW, …}`."""
    found = {
        name.lower(): member
        for name, member in vars(torch.optim).items()
        if inspect.isclass(member) and issubclass(member, Optimizer) and member is not Optimizer
    }
    return {_SPELLINGS.get(name, name): member for name, member in sorted(found.items())}


def build_optimizers(
    recipe: Recipe, model: nn.Module, device: torch.device
) -> dict[str, Optimizer]:
    """The recipe's optimisers by name, each over its network: `model`, or its child of that name.

    Raises RecipeError as `build_optimizer` does.
    """
    if "optimizer" in recipe.optimizers:
        return {"optimizer": build_optimizer(recipe, model, device)}
    return {
        name: build_optimizer(recipe, model.get_submodule(name), device, name)
        for name in recipe.optimizers
    }


def build_optimizer(
    recipe: Recipe, model: nn.Module, device: torch.device, name: str = "optimizer"
) -> Optimizer:
    """The recipe's optimiser `name` over the trainable parameters of `model`.

    Raises RecipeError at the key that does not fit: an unknown name, an argument that the
    optimiser does not know, a group that matches nothing.
    """
    section, at = recipe.optimizers[name], _path(name)
    kind = _kind(recipe, section, at)
    groups = list(_groups(recipe, section, at, kind, model))
    if not groups:
        _fail(recipe, at, "the model has no trainable parameters")
    return _made(recipe, section, at, kind, groups, device)


def check_optimizers(recipe: Recipe) -> None:
    """Whether each optimiser takes the recipe's arguments; RecipeError where one does not."""
    for name, section in recipe.optimizers.items():
        at, parameter = _path(name), nn.Parameter(torch.zeros(2, 2))
        kind = _kind(recipe, section, at)
        _made(recipe, section, at, kind, [{"params": [parameter]}], torch.device("cpu"))


def _path(name: str) -> KeyPath:
    return ("optimizer",) if name == "optimizer" else ("optimizers", name)


def _kind(recipe: Recipe, section: OptimizerSection, at: KeyPath) -> type[Optimizer]:
    classes = optimizer_classes()
    if section.type not in classes:
        known = ", ".join(classes)
        _fail(recipe, (*at, "type"), f"no optimiser {section.type!r}; known are {known}")
    if section.type == "sparse_adam":
        text = "sparse_adam needs sparse gradients, which no layer here gives; take adam"
        _fail(recipe, (*at, "type"), text)
    _check_arguments(recipe, classes[section.type], section.args, at)
    return classes[section.type]


def _made(
    recipe: Recipe,
    section: OptimizerSection,
    at: KeyPath,
    kind: type[Optimizer],
    groups: list[dict[str, Any]],
    device: torch.device,
) -> Optimizer:
    arguments = {"lr": section.lr, **_tuples(section.args)}
    try:
        return kind(groups, **_fastest(kind, arguments, groups, device))
    except (ValueError, TypeError, RuntimeError) as error:
        raise RecipeError([recipe.problem(at, str(error))]) from error


def _groups(
    recipe: Recipe,
    section: OptimizerSection,
    at: KeyPath,
    kind: type[Optimizer],
    model: nn.Module,
) -> Iterator[dict[str, Any]]:
    """One group for each pattern in order, the first that matches wins; the rest comes last."""
    left = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for number, group in enumerate(section.groups):
        path = (*at, "groups", number)
        settings = {key: value for key, value in group.items() if key != "match"}
        _check_arguments(recipe, kind, settings, path)
        patterns = group.get("match")
        if not patterns:
            _fail(recipe, path, "a group needs `match`, a pattern of parameter names")
        patterns = [patterns] if isinstance(patterns, str) else list(patterns)
        names = [name for name in left if any(fnmatchcase(name, p) for p in patterns)]
        if not names:
            some = ", ".join(list(left)[:5])
            _fail(recipe, path, f"no parameter matches {patterns}; there are {some}, …")
        yield {"params": [left.pop(name) for name in names], **_tuples(settings)}
    if left:
        yield {"params": list(left.values())}


def _check_arguments(
    recipe: Recipe, kind: type[Optimizer], arguments: dict[str, Any], path: KeyPath
) -> None:
    known = list(inspect.signature(kind.__init__).parameters)[2:]
    for key in arguments:
        if key not in known:
            text = f"{kind.__name__} has no argument {key!r}; it has {', '.join(known)}"
            _fail(recipe, (*path, key), text)


def _fastest(
    kind: type[Optimizer], arguments: dict[str, Any], groups: list[dict[str, Any]], device: Any
) -> dict[str, Any]:
    """With the fused kernel where there is one for this device and the recipe does not choose."""
    chosen = {"fused", "foreach", "differentiable", "capturable"} & set(arguments)
    known = inspect.signature(kind.__init__).parameters
    floats = all(p.is_floating_point() for group in groups for p in group["params"])
    if chosen or "fused" not in known or not floats or device.type not in ("cuda", "cpu"):
        return arguments
    return {**arguments, "fused": True}


def _tuples(arguments: dict[str, Any]) -> dict[str, Any]:
    """YAML lists as the tuples that torch wants: `betas: [0.9, 0.95]`."""
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()
    }


def _fail(recipe: Recipe, path: KeyPath, message: str) -> NoReturn:
    raise RecipeError([recipe.problem(path, message)])
