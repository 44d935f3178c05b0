"""`lora:` low-rank updates beside frozen linear layers (Hu et al. 2021)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from torch import nn

from dltui.graph.modules.tensors import LowRankUpdate
from dltui.graph.scope import fault, whole_number
from dltui.recipe.nodes import KeyPath

if TYPE_CHECKING:
    from dltui.recipe import Recipe

_DEFAULTS: dict[str, Any] = {"rank": 8, "alpha": 16.0, "dropout": 0.0, "targets": ("*",)}


def add_lora(model: nn.Module, settings: dict[str, Any], recipe: Recipe, path: KeyPath) -> None:
    """Freezes the whole model and gives each linear layer that `targets` name an update.

    Raises:
        RecipeError: the rank is no whole number, or no linear layer matches.
    """
    values = {**_DEFAULTS, **settings}
    try:
        rank = whole_number(values["rank"])
    except TypeError as error:
        message = f"rank must be {error}, not {values['rank']!r}"
        raise fault(recipe, (*path, "rank"), message) from None
    chosen = _linear_layers(model, values["targets"])
    if not chosen:
        message = f"no linear layer matches {', '.join(values['targets'])}"
        raise fault(recipe, (*path, "targets"), message)
    model.requires_grad_(False)
    for name, linear in chosen:
        owner, _, child = name.rpartition(".")
        update = LowRankUpdate(linear, rank, float(values["alpha"]), float(values["dropout"]))
        model.get_submodule(owner).register_module(child, update)


def _linear_layers(model: nn.Module, patterns: tuple[str, ...]) -> list[tuple[str, nn.Linear]]:
    """By name; not those inside `nn.MultiheadAttention`, which reads their weights itself."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and name
        and not isinstance(model.get_submodule(name.rpartition(".")[0]), nn.MultiheadAttention)
        and any(fnmatchcase(name, pattern) for pattern in patterns)
    ]
