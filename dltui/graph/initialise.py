"""`init:` rules: parameters by name pattern get their first values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from dltui.graph.modules.network import Network
from dltui.graph.scope import evaluated, fault
from dltui.recipe.nodes import InitRule
from dltui.recipe.schema.init import INITS

if TYPE_CHECKING:
    from dltui.recipe import Recipe


def _trunc_normal(weight: Tensor, mean: float, std: float) -> None:
    nn.init.trunc_normal_(weight, mean, std, mean - 2 * std, mean + 2 * std)


_FANS: dict[str, Callable[..., Any]] = {
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "he_normal": nn.init.kaiming_normal_,
    "he_uniform": nn.init.kaiming_uniform_,
    "orthogonal": nn.init.orthogonal_,
}
_PLAIN: dict[str, Callable[..., Any]] = {
    "normal": nn.init.normal_,
    "trunc_normal": _trunc_normal,
    "uniform": lambda weight, low, high: nn.init.uniform_(weight, low, high),
    "constant": lambda weight, value: nn.init.constant_(weight, value),
    "zeros": nn.init.zeros_,
    "ones": nn.init.ones_,
}


def initialise(model: nn.Module, recipe: Recipe) -> None:
    """Applies the recipe's `init` rules; for each parameter the first rule that matches.

    Rules that count fans (Xavier, He, orthogonal) pass over parameters with fewer than two
    dimensions, such as biases and the scales of norms, which other rules may take.

    Raises:
        RecipeError: a rule matches nothing that it could fill.
    """
    parameters = dict(model.named_parameters())
    free = dict(parameters)
    variables = model.variables if isinstance(model, Network) else {}
    for rule in recipe.model.init:
        matching = {name: p for name, p in parameters.items() if fnmatchcase(name, rule.match)}
        fitting = [name for name, p in matching.items() if p.dim() >= 2 or rule.kind in _PLAIN]
        if not fitting:
            raise fault(recipe, (*rule.path, "match"), _nothing_to_fill(rule, matching, parameters))
        fill = _filler(rule, evaluated(recipe, rule.args, variables))
        for name in fitting:
            if name in free:
                fill(free.pop(name))


def _filler(rule: InitRule, given: Mapping[str, Any]) -> Callable[[Tensor], Any]:
    args = {name: arg.default for name, arg in INITS[rule.kind].args.items()} | dict(given)
    function = {**_FANS, **_PLAIN}[rule.kind]
    return lambda weight: function(weight, **args)


def _nothing_to_fill(
    rule: InitRule, matching: Mapping[str, Tensor], parameters: Mapping[str, Tensor]
) -> str:
    if matching:
        names = ", ".join(list(matching)[:3])
        return f"{rule.kind} needs weights of two or more dimensions; this matches only {names}"
    names = ", ".join(list(parameters)[:5])
    return f"no parameter matches {rule.match!r}; there are: {names}, …"
