"""Checks the arguments of a layer, an augmentation, an optimiser … against its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dltui.recipe.catalogue import Arg
from dltui.recipe.expressions import has_expression
from dltui.recipe.names import described, either, unknown
from dltui.recipe.nodes import KeyPath
from dltui.recipe.tree import Entry, Problems, plain


class Spec(Protocol):
    """What a table says about one name; `main` is the argument that a bare value fills."""

    @property
    def name(self) -> str: ...
    @property
    def main(self) -> str | None: ...
    @property
    def args(self) -> Mapping[str, Arg]: ...


Convert = Callable[[Entry, KeyPath], Any]
"""Makes the value that is kept: plain data, or data with `Expression`s."""


def read_arguments(
    spec: Spec,
    entry: Entry | None,
    path: KeyPath,
    problems: Problems,
    convert: Convert = lambda entry, _: plain(entry),
) -> dict[str, Any]:
    """The arguments by name as written after `spec.name`: nothing, the main one, or a map.

    Unknown names, missing ones and values of the wrong kind go to `problems`; `entry` is None
    where the name stands alone.
    """
    if entry is None or entry.value is None:
        return {}
    if isinstance(entry.value, dict):
        return read_named_arguments(spec.name, spec.args, entry.value, path, problems, convert)
    if spec.main is None:
        takes = f"named arguments ({', '.join(spec.args)})" if spec.args else "no arguments"
        problems.add(
            entry.place, path, f"`{spec.name}` takes {takes}, not {described(plain(entry))}"
        )
        return {}
    check_value(spec.main, spec.args[spec.main], entry, path, problems)
    return {spec.main: convert(entry, path)}


def read_named_arguments(
    owner: str,
    args: Mapping[str, Arg],
    entries: Mapping[str, Entry],
    path: KeyPath,
    problems: Problems,
    convert: Convert = lambda entry, _: plain(entry),
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, entry in entries.items():
        if key not in args:
            problems.add(
                entry.key_or_value, (*path, key), f"{unknown('argument', key, args)} (of `{owner}`)"
            )
            continue
        check_value(key, args[key], entry, (*path, key), problems)
        found[key] = convert(entry, (*path, key))
    return found


def add_missing_arguments(
    spec: Spec, given: Mapping[str, Any], entry: Entry, path: KeyPath, problems: Problems
) -> None:
    """A problem for each required argument that is not given."""
    for key, arg in spec.args.items():
        if not arg.required or key in given:
            continue
        example = f"`{spec.name}: …`" if key == spec.main else f"`{spec.name}: {{{key}: …}}`"
        meaning = f" ({arg.doc})" if arg.doc else ""
        message = f"`{spec.name}` needs `{key}`{meaning}, e.g. {example}"
        problems.add(entry.key_or_value, path, message)


def check_value(key: str, arg: Arg, entry: Entry, path: KeyPath, problems: Problems) -> None:
    """A problem where the value is not of the argument's kind; expressions pass."""
    if not _fits(arg, entry):
        problems.add(
            entry.place, path, f"`{key}` takes {_kind(arg)}, not {described(plain(entry))}"
        )
        return
    for item in entry.value if isinstance(entry.value, list) else [entry]:
        if (limit := _limit_broken(arg, item.value)) is not None:
            problems.add(item.place, path, f"`{key}` is {limit}, not {item.value}")


def _fits(arg: Arg, entry: Entry) -> bool:
    value = entry.value
    if value is None:
        return arg.optional
    if isinstance(value, str) and has_expression(value):
        return True
    if arg.kind == "any":
        return True
    if arg.kind in ("ints", "floats", "strs", "int_or_ints") and isinstance(value, list):
        single = {"ints": "int", "int_or_ints": "int", "floats": "float", "strs": "str"}[arg.kind]
        return all(_is_scalar(single, arg, item.value) for item in value)
    return _is_scalar("int" if arg.kind == "int_or_ints" else arg.kind, arg, value)


def _is_scalar(kind: str, arg: Arg, value: Any) -> bool:
    if isinstance(value, str) and has_expression(value):
        return True
    match kind:
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "str" | "value":
            return isinstance(value, str)
        case "choice":
            return value in arg.choices
        case _:
            return False


def _kind(arg: Arg) -> str:
    words = {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "str": "text",
        "value": "the name of an earlier layer or of an input",
        "ints": "a list of whole numbers",
        "floats": "a list of numbers",
        "strs": "a list of texts",
        "int_or_ints": "a whole number or a list of them",
    }
    kind = either(arg.choices) if arg.kind == "choice" and arg.choices else words[arg.kind]
    return f"{kind}, or null" if arg.optional else kind


def _limit_broken(arg: Arg, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if arg.minimum is not None and value < arg.minimum:
        return f"at least {arg.minimum}"
    if arg.maximum is not None and value > arg.maximum:
        return f"at most {arg.maximum}"
    return None
