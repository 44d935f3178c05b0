"""`optimizer.lr=3e-4`: overrides from the command line."""

from __future__ import annotations

from collections.abc import Sequence

from dltui.recipe.merge import merged
from dltui.recipe.nodes import KeyPath
from dltui.recipe.reader import decode, read_yaml
from dltui.recipe.tree import OVERRIDE_FILE, Entry, Location, Problems, dotted


def with_overrides(
    root: Entry, overrides: Sequence[str], notes: list[str], problems: Problems
) -> Entry:
    """The recipe with every `key.path=value` laid over it; the value is YAML.

    A number in the path indexes a list. Overrides of a `type` go first, whatever their order, so
    that they never drop what another override sets. The line of an override's problem is its
    number on the command line.
    """
    read = [_read(text, line, problems) for line, text in enumerate(overrides, 1)]
    known = [override for override in read if override is not None]
    for path, entry in sorted(known, key=lambda override: override[0][-1] != "type"):
        root = _replaced(root, path, 0, entry, notes, problems)
    return root


def _read(text: str, line: int, problems: Problems) -> tuple[KeyPath, Entry] | None:
    key, equals, value = text.partition("=")
    key = key.strip()
    place = Location(OVERRIDE_FILE, line, 1)
    if not equals or not key or not all(key.split(".")):
        problems.add(place, key, f"`{text[:60]}` is not of the form section.key=value")
        return None
    path: KeyPath = tuple(int(step) if _is_index(step) else step for step in key.split("."))
    if decode(value.encode("utf-8", "surrogateescape"), OVERRIDE_FILE, inner := Problems()) is None:
        problems.add(place, key, inner.in_order()[0].message)
        return None
    entry = read_yaml(value, OVERRIDE_FILE, inner) or Entry(None, place)
    if inner:
        for problem in inner.in_order():
            where = Location(OVERRIDE_FILE, line, len(text) - len(value) + problem.column)
            problems.add(where, key, problem.message)
        return None
    return path, _moved(entry, line, len(text) - len(value), place)


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdigit() and len(step) < 10


def _moved(entry: Entry, line: int, offset: int, key_place: Location | None) -> Entry:
    """The entry with its places as places on the command line."""

    def at(place: Location | None) -> Location | None:
        return place and Location(OVERRIDE_FILE, line, place.column + offset)

    value = entry.value
    if isinstance(value, dict):
        value = {
            key: _moved(child, line, offset, at(child.key_place)) for key, child in value.items()
        }
    elif isinstance(value, list):
        value = [_moved(child, line, offset, None) for child in value]
    return Entry(value, at(entry.place) or entry.place, key_place)


def _replaced(
    entry: Entry, path: KeyPath, depth: int, new: Entry, notes: list[str], problems: Problems
) -> Entry:
    if depth == len(path):
        return merged(entry, new, notes, path)
    step = path[depth]
    if isinstance(entry.value, list) and isinstance(step, int):
        if step >= len(entry.value):
            problems.add(
                new.key_or_value,
                dotted(path),
                f"`{dotted(path[:depth])}` has {len(entry.value)} items; the last is number "
                f"{len(entry.value) - 1}",
            )
            return entry
        items = list(entry.value)
        if depth + 1 == len(path):  # a layer or a step is another one, not both in one
            items[step] = Entry(new.value, new.place)
        else:
            items[step] = _replaced(items[step], path, depth + 1, new, notes, problems)
        return entry.moved(items)
    if isinstance(entry.value, dict) or (entry.value is None and isinstance(step, str)):
        return _with_key(entry, path, depth, new, notes, problems)
    held = f"`{dotted(path[:depth])}`" if depth else "the recipe"
    takes = "a list: use a number" if isinstance(entry.value, list) else "not a map or a list"
    problems.add(new.key_or_value, dotted(path), f"{held} is {takes}")
    return entry


def _with_key(
    entry: Entry, path: KeyPath, depth: int, new: Entry, notes: list[str], problems: Problems
) -> Entry:
    key = str(path[depth])
    children = dict(entry.value or {})
    last = depth + 1 == len(path)
    if last and depth and ((key == "type" and "type" in children) or path == ("model", "from")):
        over = Entry({key: new}, entry.place, entry.key_place)
        return merged(entry, over, notes, path[:depth])
    if last and key not in children:
        children[key] = new
    else:
        below = children.get(key) or Entry({}, new.place, new.key_place)
        children[key] = _replaced(below, path, depth + 1, new, notes, problems)
    return entry.moved(children)
