"""Values of a model node: expressions evaluated, arguments checked and filled with defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltui.errors import DltuiError, RecipeError
from dltui.recipe.catalogue import Arg, LayerSpec
from dltui.recipe.expressions import evaluate
from dltui.recipe.nodes import Expression, KeyPath, Layer

if TYPE_CHECKING:
    from dltui.recipe import Recipe

Variables = Mapping[str, Any]


def fault(recipe: Recipe, path: KeyPath, message: str) -> RecipeError:
    """One problem at the node's own place."""
    return RecipeError([recipe.problem(path, message)])


def evaluated(recipe: Recipe, value: Any, variables: Variables) -> Any:
    """`value` with every expression in it replaced by what it gives.

    A lone `$(name)` gives the variable itself, so that block parameters may also be lists or
    strings; everything else is arithmetic.

    Raises:
        RecipeError: at the expression's own place.
    """
    if isinstance(value, Expression):
        bare = value.text.strip().removeprefix("$(").removesuffix(")").strip()
        if bare in variables:
            return variables[bare]
        try:
            return evaluate(value, _numbers(variables))
        except DltuiError as error:
            raise fault(recipe, value.path, error.message) from None
    if isinstance(value, Mapping):
        return {key: evaluated(recipe, entry, variables) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return tuple(evaluated(recipe, entry, variables) for entry in value)
    return value


def _numbers(variables: Variables) -> dict[str, int | float]:
    return {name: value for name, value in variables.items() if isinstance(value, int | float)}


def arguments(recipe: Recipe, spec: LayerSpec, node: Layer, variables: Variables) -> dict[str, Any]:
    """Every argument of a catalogue layer with its value.

    Raises:
        RecipeError: an argument is missing, unknown, of the wrong type or out of range.
    """
    for name in node.args:
        if name not in spec.args:
            known = ", ".join(spec.args) or "none"
            raise fault(
                recipe,
                (*node.path, node.kind, name),
                f"{spec.name} has no argument {name!r}; it has: {known}",
            )
    values = {}
    for name, arg in spec.args.items():
        if name in node.args:
            value = evaluated(recipe, node.args[name], variables)
            path = (*node.path, node.kind, name)
            values[name] = _checked(recipe, spec, name, arg, value, path)
        elif arg.required:
            raise fault(recipe, node.path, f"{spec.name} needs {name}: {arg.doc}")
        else:
            values[name] = arg.default
    return values


def _checked(
    recipe: Recipe, spec: LayerSpec, name: str, arg: Arg, value: Any, path: KeyPath
) -> Any:
    if value is None and arg.optional:
        return None
    try:
        converted = _converted(arg, value)
    except TypeError as error:
        raise fault(recipe, path, f"{spec.name}.{name} must be {error}, not {value!r}") from None
    for number in converted if isinstance(converted, tuple) else (converted,):
        if isinstance(number, int | float) and not isinstance(number, bool):
            _check_range(recipe, spec, name, arg, number, path)
    return converted


def _check_range(
    recipe: Recipe, spec: LayerSpec, name: str, arg: Arg, number: float, path: KeyPath
) -> None:
    if arg.minimum is not None and number < arg.minimum:
        raise fault(
            recipe, path, f"{spec.name}.{name} must be at least {arg.minimum:g}, not {number:g}"
        )
    if arg.maximum is not None and number > arg.maximum:
        raise fault(
            recipe, path, f"{spec.name}.{name} must be at most {arg.maximum:g}, not {number:g}"
        )


def _converted(arg: Arg, value: Any) -> Any:
    """`value` as the argument's kind; TypeError says what is expected."""
    match arg.kind:
        case "int":
            return whole_number(value)
        case "float":
            return _number(value)
        case "bool":
            return _of_type(value, bool, "true or false")
        case "str" | "value":
            return _of_type(value, str, "a text")
        case "choice":
            if value not in arg.choices:
                raise TypeError(f"one of {', '.join(arg.choices)}")
            return value
        case "int_or_ints" if not isinstance(value, list | tuple):
            return whole_number(value)
        case "ints" | "int_or_ints":
            return tuple(whole_number(entry) for entry in _entries(value, "whole numbers"))
        case "floats":
            return tuple(_number(entry) for entry in _entries(value, "numbers"))
        case "strs":
            return tuple(_of_type(entry, str, "texts") for entry in _entries(value, "texts"))
        case _:
            return value


def whole_number(value: Any) -> int:
    """An int, also from a float without a fraction such as `$(d / 2)` gives; else TypeError."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a whole number")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number")
    return value


def _of_type(value: Any, kind: type, expected: str) -> Any:
    if not isinstance(value, kind):
        raise TypeError(expected)
    return value


def _entries(value: Any, expected: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"a list of {expected}")
    return tuple(value)
