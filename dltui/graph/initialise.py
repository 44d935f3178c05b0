"""`init:` rules: parameters by name pattern get their first values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from dltui.graph.scope import evaluated, fault
from dltui.recipe.data_info import DataInfo
from dltui.recipe.nodes import InitRule

if TYPE_CHECKING:
    from dltui.recipe import Recipe

_FANS = "needs weights of two or more dimensions"
_KINDS: dict[str, tuple[Callable[..., Any], Mapping[str, Any], bool]] = {
    "xavier_uniform": (nn.init.xavier_uniform_, {"gain": 1.0}, True),
    "xavier_normal": (nn.init.xavier_normal_, {"gain": 1.0}, True),
    "kaiming_uniform": (
        nn.init.kaiming_uniform_,
        {"a": 0.0, "mode": "fan_in", "nonlinearity": "relu"},
        True,
    ),
    "kaiming_normal": (
        nn.init.kaiming_normal_,
        {"a": 0.0, "mode": "fan_in", "nonlinearity": "relu"},
        True,
    ),
    "orthogonal": (nn.init.orthogonal_, {"gain": 1.0}, True),
    "uniform": (nn.init.uniform_, {"a": 0.0, "b": 1.0}, False),
    "normal": (nn.init.normal_, {"mean": 0.0, "std": 0.02}, False),
    "trunc_normal": (
        nn.init.trunc_normal_,
        {"mean": 0.0, "std": 0.02, "a": -math.inf, "b": math.inf},
        False,
    ),
    "zeros": (nn.init.zeros_, {}, False),
    "ones": (nn.init.ones_, {}, False),
    "constant": (nn.init.constant_, {"val": 0.0}, False),
}
_ALIASES = {
    "xavier": "xavier_uniform",
    "glorot_uniform": "xavier_uniform",
    "glorot_normal": "xavier_normal",
    "he": "kaiming_normal",
    "he_uniform": "kaiming_uniform",
    "he_normal": "kaiming_normal",
    "kaiming": "kaiming_normal",
}
_RENAMED = {"constant": {"value": "val"}}

INIT_KINDS: tuple[str, ...] = (*_KINDS, *_ALIASES)
"""Names that `init:` takes: Glorot & Bengio 2010, He et al. 2015, Saxe et al. 2013, plain ones."""


def initialise(model: nn.Module, recipe: Recipe, info: DataInfo) -> None:
    """Applies the recipe's `init` rules; for each parameter the first rule that matches.

    Rules that count fans (Xavier, He, orthogonal) pass over parameters with fewer than two
    dimensions, such as biases and the scales of norms, which later rules may take.

    Raises:
        RecipeError: a rule names no known kind or argument, or matches nothing.
    """
    rules = [(rule, *_filler(rule, recipe, info)) for rule in recipe.model.init]
    matched: set[int] = set()
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        for number, (rule, fill, needs_fans) in enumerate(rules):
            if fnmatchcase(name, rule.match) and (parameter.dim() >= 2 or not needs_fans):
                fill(parameter)
                matched.add(number)
                break
    for number, (rule, _, needs_fans) in enumerate(rules):
        names = [name for name in parameters if fnmatchcase(name, rule.match)]
        if not names:
            known = ", ".join(list(parameters)[:5])
            message = f"no parameter matches {rule.match!r}; there are: {known}, …"
            raise fault(recipe, (*rule.path, "match"), message)
        if number not in matched and needs_fans and all(parameters[n].dim() < 2 for n in names):
            message = f"{rule.kind} {_FANS}; {rule.match!r} matches only {', '.join(names[:3])}"
            raise fault(recipe, rule.path, message)


def _filler(rule: InitRule, recipe: Recipe, info: DataInfo) -> tuple[Callable[[Tensor], Any], bool]:
    kind = _ALIASES.get(rule.kind, rule.kind)
    if kind not in _KINDS:
        known = ", ".join(INIT_KINDS)
        raise fault(
            recipe, (*rule.path, "init"), f"no init is called {rule.kind!r}; known: {known}"
        )
    function, defaults, needs_fans = _KINDS[kind]
    renamed = _RENAMED.get(kind, {})
    args = dict(defaults)
    for key, value in evaluated(recipe, rule.args, info.variables()).items():
        own = renamed.get(key, key)
        if own not in defaults:
            known = ", ".join(defaults) or "none"
            message = f"{rule.kind} has no argument {key!r}; it has: {known}"
            raise fault(recipe, (*rule.path, key), message)
        if isinstance(value, bool) or not isinstance(value, type(defaults[own]) | int):
            expected = "a text" if isinstance(defaults[own], str) else "a number"
            raise fault(recipe, (*rule.path, key), f"{key} must be {expected}, not {value!r}")
        args[own] = value
    _check_choices(rule, recipe, args)
    return (lambda parameter: function(parameter, **args)), needs_fans


def _check_choices(rule: InitRule, recipe: Recipe, args: Mapping[str, Any]) -> None:
    choices = {
        "mode": ("fan_in", "fan_out"),
        "nonlinearity": ("relu", "leaky_relu", "linear", "tanh", "sigmoid", "selu"),
    }
    for key, allowed in choices.items():
        if key in args and args[key] not in allowed:
            message = f"{key} must be one of {', '.join(allowed)}, not {args[key]!r}"
            raise fault(recipe, (*rule.path, key), message)
