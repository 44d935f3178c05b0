"""The rounds of `repeat` and `for`, with the variables of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.graph.scope import Variables, evaluated, fault, whole_number
from dltui.recipe.nodes import For, Repeat

if TYPE_CHECKING:
    from dltui.recipe import Recipe

MOST_ROUNDS = 10_000


def rounds(recipe: Recipe, node: Repeat | For, variables: Variables) -> list[dict[str, Any]]:
    """What each round may use in expressions: `index` from 0, and the entries of the lists.

    Raises:
        RecipeError: the count is no whole number from 0, or the lists differ in length.
    """
    if isinstance(node, Repeat):
        return [{"index": number} for number in range(_count(recipe, node, variables))]
    lists = {
        key: _entries(recipe, node, key, evaluated(recipe, value, variables))
        for key, value in node.variables.items()
    }
    lengths = {key: len(entries) for key, entries in lists.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        raise fault(recipe, (*node.path, "for"), f"lists of unequal length: {told}")
    return [
        {**dict(zip(lists, values, strict=True)), "index": number}
        for number, values in enumerate(zip(*lists.values(), strict=True))
    ]


def _entries(recipe: Recipe, node: For, key: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return value
    raise fault(recipe, (*node.path, "for", key), f"{key} must be a list, not {value!r}")


def _count(recipe: Recipe, node: Repeat, variables: Variables) -> int:
    path = (*node.path, "repeat")
    value = evaluated(recipe, node.count, variables)
    try:
        count = whole_number(value)
    except TypeError as error:
        raise fault(recipe, path, f"repeat must be {error}, not {value!r}") from None
    if not 0 <= count <= MOST_ROUNDS:
        raise fault(recipe, path, f"repeat must be from 0 to {MOST_ROUNDS}, not {count}")
    return count
