"""What a layer list may name: layers to use, earlier results, expression variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dltui.recipe.catalogue import LAYERS
from dltui.recipe.expressions import ExpressionError, has_expression, variables_of
from dltui.recipe.names import unknown
from dltui.recipe.nodes import Expression, KeyPath
from dltui.recipe.plugins import PluginName
from dltui.recipe.tree import Entry, Problems

DATA_VARIABLES: Final = frozenset(
    f"data.{fact}"
    for fact in (
        "classes",
        "targets",
        "vocab",
        "context",
        "features",
        "channels",
        "height",
        "horizon",
        "width",
    )
)

STRUCTURES: Final = ("residual", "repeat", "for", "use", "layers")
"""Keys that make a node which is no single layer."""

MODIFIERS: Final = ("name", "in", "shortcut")


@dataclass(frozen=True, slots=True)
class BlockHead:
    """A block's name and parameters, known before any body is read. Null has no default."""

    name: str
    params: Mapping[str, Any]


@dataclass(slots=True)
class Vocabulary:
    """The layer names of one recipe."""

    problems: Problems
    blocks: dict[str, BlockHead] = field(default_factory=dict)
    plugins: dict[str, PluginName] = field(default_factory=dict)
    variables_used: set[str] = field(default_factory=set)
    """All that expressions have named so far."""

    def layer_names(self) -> list[str]:
        return [*LAYERS, *self.blocks, *self.plugins, *STRUCTURES]


@dataclass(frozen=True, slots=True)
class Scope:
    """Expression variables that are visible in a layer list."""

    vocabulary: Vocabulary
    variables: frozenset[str] = DATA_VARIABLES

    def with_variables(self, *names: str) -> Scope:
        return Scope(self.vocabulary, self.variables | frozenset(names))

    def convert(self, entry: Entry, path: KeyPath) -> Any:
        """Plain data in which texts with `$(…)` are checked `Expression`s."""
        value = entry.value
        if isinstance(value, dict):
            return {key: self.convert(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, list):
            return [self.convert(child, (*path, index)) for index, child in enumerate(value)]
        if not isinstance(value, str) or not has_expression(value):
            return value
        self._check(value, entry, path)
        return Expression(value, path)

    def _check(self, text: str, entry: Entry, path: KeyPath) -> None:
        problems = self.vocabulary.problems
        try:
            used = variables_of(text)
        except ExpressionError as error:
            problems.add(entry.place, path, error.message)
            return
        self.vocabulary.variables_used |= used
        for name in sorted(used - self.variables):
            problems.add(entry.place, path, unknown("name", name, self.variables))
