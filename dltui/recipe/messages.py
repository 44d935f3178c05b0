"""pydantic's errors in plain words, at the place in the recipe that they mean."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from dltui.recipe.names import described, either, unknown
from dltui.recipe.nodes import KeyPath
from dltui.recipe.schema.fields import keys_at, types_at
from dltui.recipe.tree import Entry, Problems, nearest_entry, plain

_TYPES = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "none_required": "null",
    "finite_number": "a finite number",
}


def add_section_problems(
    error: ValidationError, section: KeyPath, entry: Entry, problems: Problems
) -> None:
    """One problem for each key that is wrong in the section at the path `section`."""
    grouped: dict[KeyPath, list[Any]] = {}
    for item in error.errors(include_url=False, include_context=True):
        grouped.setdefault(_key_path(item, entry), []).append(item)
    for path, items in grouped.items():
        deeper = any(len(other) > len(path) and other[: len(path)] == path for other in grouped)
        if deeper and all(
            item["type"] in _TYPES or item["type"] == "literal_error" for item in items
        ):
            continue  # another branch of a union, which the map below it tells better
        _add(path, items, section, entry, problems)


def _key_path(item: Any, entry: Entry) -> KeyPath:
    """The error's location without the names of types and tags that pydantic puts into it."""
    path: list[str | int] = []
    current: Entry | None = entry
    last = len(item["loc"]) - 1
    for index, step in enumerate(item["loc"]):
        child = current.child(step) if current is not None else None
        if child is not None:
            path.append(step)
            current = child
        elif index == last and item["type"] in ("missing", "extra_forbidden"):
            path.append(step)
    return tuple(path)


def _add(
    path: KeyPath,
    items: list[Any],
    section: KeyPath,
    entry: Entry,
    problems: Problems,
) -> None:
    found, exact = nearest_entry(entry, path)
    first = items[0]
    whole = (*section, *path)
    name = "optimizer" if section[0] == "optimizers" else str(section[0])
    match first["type"]:
        case "missing":
            message = f"`{path[-1]}` is missing"
            problems.add(found.key_or_value, whole, message)
        case "extra_forbidden":
            known = keys_at(name, plain(entry), path[:-1])
            problems.add(found.key_or_value, whole, unknown("key", str(path[-1]), known))
        case "union_tag_not_found":
            message = f"`type` is missing: {either(types_at(name, plain(entry), path))}"
            problems.add(found.key_or_value, (*whole, "type"), message)
        case "union_tag_invalid":
            kind = found.get("type") or found
            said, tags = str(plain(kind)), types_at(name, plain(entry), path)
            problems.add(kind.place, (*whole, "type"), unknown("type", said, tags))
        case _:
            place = found.place if exact else found.key_or_value
            value = described(plain(found))
            problems.add(place, whole, _expected(items, value, found))


def _expected(items: list[Any], value: str, found: Entry) -> str:
    wanted: list[str] = []
    for item in items:
        context = item.get("ctx", {})
        match item["type"]:
            case "literal_error":
                text = isinstance(found.value, str)
                wanted += _choices(context["expected"])
                if len(items) == 1 and text:
                    return unknown("value", found.value, _choices(context["expected"]))
            case kind if kind in _TYPES:
                wanted.append(_TYPES[kind])
            case "greater_than":
                wanted.append(f"a number greater than {_number(context['gt'])}")
            case "greater_than_equal":
                wanted.append(f"a number of at least {_number(context['ge'])}")
            case "less_than":
                wanted.append(f"a number less than {_number(context['lt'])}")
            case "less_than_equal":
                wanted.append(f"a number of at most {_number(context['le'])}")
            case _:
                wanted.append(item["msg"][:1].lower() + item["msg"][1:])
    return f"expected {either(list(dict.fromkeys(wanted)))}, not {value}"


def _choices(expected: str) -> list[str]:
    """`'a', 'b' or 'c'` → `["a", "b", "c"]`"""
    return [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",")]


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
