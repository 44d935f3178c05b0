"""What a checkpoint says as JSON that every reader takes, whatever the file holds.

JSON has no NaN and no infinity: they become the texts `"NaN"`, `"Infinity"` and `"-Infinity"`, as
in the JSON form of Protocol Buffers (https://protobuf.dev/programming-guides/json). Control
characters stand in it escaped, so that nothing from a file acts on a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from typing import Any

MAX_DEPTH = 64
MAX_ITEMS = 200_000
"""Of one value from a file; a pickle of a few bytes can stand for a list of a billion entries."""
MAX_TEXT_LENGTH = 1_000_000
MAX_INTEGER_BITS = 4096
CUT = "…"
"""Stands where something was left out."""


def plain(value: Any, list_items: int = MAX_ITEMS) -> Any:
    """`value` as JSON can hold it: finite, with texts as keys, cut where it is endless.

    Of each list the first `list_items` stay, followed by `"… 1,234 more"`.
    """
    return _Plain(list_items).of(value, MAX_DEPTH)


def finite(value: Any) -> Any:
    """Records of our own, of whatever size, with numbers that JSON has not as texts."""
    if isinstance(value, float):
        return value if value - value == 0 else _non_finite(value)
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def json_text(value: Any) -> str:
    """`value`, which is `plain`, as text: one line an entry of each list, pure ASCII."""
    return "".join(_pieces(value)).replace("\x7f", "\\u007f")


class _Plain:
    """Converts one value; every entry and every text of it is taken from the same budgets."""

    def __init__(self, list_items: int):
        self._list_items = list_items
        self._items_left = MAX_ITEMS
        self._text_left = MAX_TEXT_LENGTH

    def of(self, value: Any, depth: int) -> Any:
        self._items_left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, float):
            return float(value) if value - value == 0 else _non_finite(value)
        if isinstance(value, int):
            bits = value.bit_length()
            return int(value) if bits <= MAX_INTEGER_BITS else f"an integer of {bits:,} bits"
        if depth <= 0 or min(self._items_left, self._text_left) <= 0:
            return CUT
        if isinstance(value, Mapping):
            return dict(self._entries(value, depth))
        if isinstance(value, list | tuple | set | frozenset):
            return self._list(value, depth)
        if isinstance(value, bytes | bytearray):
            return value[:256].hex() + (CUT if len(value) > 256 else "")
        return self._text(str(value))

    def _text(self, value: str) -> str:
        kept = value[: max(self._text_left, 0)]
        self._text_left -= len(value)
        return kept if len(kept) == len(value) else kept + CUT

    def _list(self, value: Collection[Any], depth: int) -> list[Any]:
        found = []
        for item in islice(value, self._list_items):
            if self._items_left <= 0:
                break
            found.append(self.of(item, depth - 1))
        left_out = len(value) - len(found)
        return [*found, f"{CUT} {left_out:,} more"] if left_out else found

    def _entries(self, value: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
        for key, item in value.items():
            if self._items_left <= 0:
                yield CUT, CUT
                return
            name = self._text(key) if isinstance(key, str) else str(self.of(key, 2))
            yield name, self.of(item, depth - 1)


def _non_finite(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _pieces(value: Any) -> Iterator[str]:
    """The standard encoder writes each entry: it is fast only as long as it does not indent."""
    write = json.JSONEncoder(allow_nan=False).encode
    if not isinstance(value, dict):
        yield from _rows(value, "", write)
        return
    yield "{"
    before = "\n  "
    for key, item in value.items():
        yield f"{before}{write(key)}: "
        yield from _rows(item, "  ", write)
        before = ",\n  "
    yield "\n}"


def _rows(value: Any, indent: str, write: Callable[[Any], str]) -> Iterator[str]:
    if not isinstance(value, list) or not any(isinstance(item, dict | list) for item in value):
        yield write(value)
        return
    yield f"[\n{indent}  "
    yield f",\n{indent}  ".join(map(write, value))
    yield f"\n{indent}]"
