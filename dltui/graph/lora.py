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

_DEFAULTS: dict[str, Any] = {"match": "*", "rank": 8, "alpha": 16.0, "dropout": 0.0}


def add_lora(model: nn.Module, settings: dict[str, Any], recipe: Recipe, path: KeyPath) -> None:
    """Freezes the whole model and gives each linear layer that `match` names an update.

    Raises:
        RecipeError: a setting is unknown or out of range, or no linear layer matches.
    """
    for key in settings:
        if key not in _DEFAULTS:
            known = ", ".join(_DEFAULTS)
            raise fault(recipe, (*path, key), f"lora has no setting {key!r}; it has: {known}")
    values = {**_DEFAULTS, **settings}
    try:
        rank = whole_number(values["rank"])
    except TypeError:
        rank = 0
    if rank < 1:
        raise fault(recipe, (*path, "rank"), f"rank must be 1 or more, not {values['rank']!r}")
    patterns = values["match"] if isinstance(values["match"], list | tuple) else [values["match"]]
    chosen = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and name
        and not isinstance(model.get_submodule(name.rpartition(".")[0]), nn.MultiheadAttention)
        and any(fnmatchcase(name, str(pattern)) for pattern in patterns)
    ]
    if not chosen:
        raise fault(recipe, (*path, "match"), f"no linear layer matches {values['match']!r}")
    model.requires_grad_(False)
    for name, linear in chosen:
        owner, _, child = name.rpartition(".")
        update = LowRankUpdate(linear, rank, float(values["alpha"]), float(values["dropout"]))
        model.get_submodule(owner).register_module(child, update)
