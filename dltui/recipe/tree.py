"""A recipe as read: plain values, each with the place that it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from dltui.errors import Problem
from dltui.recipe.nodes import KeyPath

OVERRIDE_FILE: Final = "<override>"
"""Stands for the command line; the line is the number of the override."""
_LONGEST_SHOWN: Final = 60


class Location(NamedTuple):
    """A place a person can go to; `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value: a scalar, a `dict[str, Entry]` or a `list[Entry]`.

    `place` is where the value starts, `key_place` where its key does (None for list items and
    for the whole recipe).
    """

    value: Any
    place: Location
    key_place: Location | None = None

    @property
    def key_or_value(self) -> Location:
        return self.key_place or self.place

    def moved(self, value: Any) -> Entry:
        """The same places with another value."""
        return Entry(value, self.place, self.key_place)

    def get(self, key: str) -> Entry | None:
        """The entry under `key`, None where this is no map or has no such key."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def child(self, step: str | int) -> Entry | None:
        if isinstance(step, str):
            return self.get(step)
        if isinstance(self.value, list) and 0 <= step < len(self.value):
            found: Entry = self.value[step]
            return found
        return None


def plain(entry: Entry) -> Any:
    """The values alone, as JSON-able dicts, lists and scalars."""
    if isinstance(entry.value, dict):
        return {key: plain(child) for key, child in entry.value.items()}
    if isinstance(entry.value, list):
        return [plain(child) for child in entry.value]
    return entry.value


def nearest_entry(root: Entry, path: KeyPath) -> tuple[Entry, bool]:
    """The entry at `path` or its nearest known ancestor, and whether it is the entry itself."""
    entry = root
    for step in path:
        child = entry.child(step)
        if child is None:
            return entry, False
        entry = child
    return entry, True


def walk(entry: Entry, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Entry]]:
    """The entry and everything below it, with key paths, in the order of the file."""
    yield path, entry
    if isinstance(entry.value, dict):
        for key, child in entry.value.items():
            yield from walk(child, (*path, key))
    elif isinstance(entry.value, list):
        for index, child in enumerate(entry.value):
            yield from walk(child, (*path, index))


def dotted(path: KeyPath) -> str:
    """`model.layers.3.conv.out`, the form that overrides take too."""
    return ".".join(map(str, path))


def override_typed(place: Location, overrides: Sequence[str]) -> str:
    """`override "optimizer.lr=x"` for a place on the command line; empty for one in a file."""
    if place.file != OVERRIDE_FILE or not 0 < place.line <= len(overrides):
        return ""
    text = overrides[place.line - 1]
    return f'override "{text[:_LONGEST_SHOWN]}{"…" if len(text) > _LONGEST_SHOWN else ""}"'


class TooManyProblems(Exception):  # noqa: N818 - ends the check, never seen outside
    """There are so many problems that looking for more helps nobody."""


class Problems:
    """Collects problems, each once.

    `add` raises TooManyProblems after `MOST`: nobody reads more, and each costs a search for the
    nearest name.
    """

    MOST = 300

    def __init__(self, overrides: Sequence[str] = ()) -> None:
        """`overrides` are the texts that places in `OVERRIDE_FILE` count."""
        self._overrides = tuple(overrides)
        self._found: dict[tuple[Location, str], Problem] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, place: Location, path: KeyPath | str, message: str, *, typed: str = "") -> None:
        """`typed` names a place that is no place in a file; overrides are found by themselves."""
        key = path if isinstance(path, str) else dotted(path)
        if (place, key) not in self._found:
            typed = typed or override_typed(place, self._overrides)
            self._found[place, key] = Problem(*place, key, message, typed)
            if len(self._found) >= self.MOST:
                raise TooManyProblems

    def in_order(self) -> list[Problem]:
        """In the order of the files' lines; files in the order of their first problem."""
        files = list(dict.fromkeys(problem.file for problem in self._found.values()))
        return sorted(self._found.values(), key=lambda p: (files.index(p.file), p.line, p.column))
