"""YAML text to entries with their places, by ruamel.yaml's event stream.

Events rather than ruamel's round-trip maps: they carry the place of every scalar, tag, anchor and
duplicate key, so that all mistakes of a file are told at once, and nothing is ever constructed
from a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from dltui.recipe.nodes import KeyPath
from dltui.recipe.scalars import Scalar, read_scalar
from dltui.recipe.tree import Entry, Location, Problems

LARGEST_BYTES: Final = 1_000_000
_LARGEST_DEPTH: Final = 50
_MOST_VALUES: Final = 20_000
_LINE_BREAK = re.compile("\r\n|\r|\n|\x85|\u2028|\u2029")
_TAB_INDENT = re.compile(r"^ *\t", re.MULTILINE)
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _GiveUp(Exception):  # noqa: N818 - control flow, never seen outside
    """The file cannot be read further; its problem is recorded."""


def decode(data: bytes, file: str, problems: Problems) -> str | None:
    """UTF-8 text, or None with a problem at the first byte that is not text."""
    if len(data) > LARGEST_BYTES:
        problems.add(
            Location(file, 1, 1),
            "",
            f"a recipe is at most {LARGEST_BYTES:,} bytes; this file has more",
        )
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        place = _place_after(before, file)
        byte = error.object[error.start]
        problems.add(place, "", f"this is not a text file: byte 0x{byte:02x} is not UTF-8")
        return None
    if strange := _NOT_TEXT.search(text):
        place = _place_after(text[: strange.start()], file)
        code = f"U+{ord(strange[0]):04X}"
        problems.add(place, "", f"this is not a text file: it has the control character {code}")
        return None
    return text


def read_yaml(text: str, file: str, problems: Problems) -> Entry | None:
    """The one document of `text`; None where it is empty or cannot be read.

    Everything wrong goes to `problems`: syntax, tabs, tags, anchors and aliases, duplicate keys,
    several documents, too deep or too much.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader = _Reader(text, file, problems)
    try:
        return reader.document()
    except _GiveUp:
        return None
    except MarkedYAMLError as error:
        _add_syntax_problem(error, text, file, problems)
    except (YAMLError, ValueError, IndexError, AttributeError, AssertionError) as error:
        # ruamel's scanner answers some garbage, e.g. lone surrogates in escapes, with these.
        place = reader.last_place
        problems.add(place, "", f"this is not valid YAML after here ({error or 'unreadable'})")
    return None


class _Reader:
    def __init__(self, text: str, file: str, problems: Problems) -> None:
        from ruamel.yaml import YAML

        self._events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))
        self._file = file
        self._problems = problems
        self._count = 0
        self.last_place = Location(file, 1, 1)

    def document(self) -> Entry | None:
        from ruamel.yaml.events import DocumentStartEvent, StreamEndEvent

        self._next()  # start of the stream
        event = self._next()
        if isinstance(event, StreamEndEvent):
            return None
        if event.version is not None or event.tags:
            self._problem(Location(self._file, 1, 1), (), "directives (%YAML, %TAG) are refused")
        root = self._value(self._next(), (), None, 0)
        self._next()  # end of the document
        if isinstance(event := self._next(), DocumentStartEvent):
            self._problem(self._place(event), (), "a file holds one recipe; here a second starts")
        return root

    def _next(self) -> Any:
        event = next(self._events)
        self.last_place = self._place(event)
        self._count += 1
        if self._count > _MOST_VALUES:
            self._stop(self.last_place, f"a recipe has at most {_MOST_VALUES:,} values")
        return event

    def _place(self, event: Any) -> Location:
        return Location(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _problem(self, place: Location, path: KeyPath, message: str) -> None:
        self._problems.add(place, path, message)

    def _stop(self, place: Location, message: str) -> None:
        self._problems.add(place, "", message)
        raise _GiveUp

    def _value(self, event: Any, path: KeyPath, key_place: Location | None, depth: int) -> Entry:
        from ruamel.yaml.events import AliasEvent, MappingStartEvent, SequenceStartEvent

        place = self._place(event)
        if depth > _LARGEST_DEPTH:
            self._stop(place, f"nested more than {_LARGEST_DEPTH} levels deep")
        if isinstance(event, AliasEvent):
            self._problem(
                place,
                path,
                f"aliases (*{event.anchor}) are refused; write the value again, or use a block",
            )
            return Entry(None, place, key_place)
        self._refuse_decorations(event, path, place)
        if isinstance(event, MappingStartEvent):
            return Entry(self._map(path, depth), place, key_place)
        if isinstance(event, SequenceStartEvent):
            return Entry(self._list(path, depth), place, key_place)
        return Entry(self._scalar(event, path, place), place, key_place)

    def _refuse_decorations(self, event: Any, path: KeyPath, place: Location) -> None:
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._problem(place, path, f"tags ({tag}) are refused; write the value alone")
        if event.anchor is not None:
            self._problem(
                place, path, f"anchors (&{event.anchor}) are refused; write the value where used"
            )

    def _map(self, path: KeyPath, depth: int) -> dict[str, Entry]:
        from ruamel.yaml.events import MappingEndEvent, ScalarEvent

        found: dict[str, Entry] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            place = self._place(event)
            if isinstance(event, ScalarEvent):
                self._refuse_decorations(event, path, place)
                key = event.value
            else:
                self._value(event, path, None, depth + 1)
                self._problem(place, path, "a key is a name, not a list, a map or an alias")
                key = None
            if key is not None and key in found:
                first = found[key].key_or_value.line
                self._problem(
                    place, (*path, key), f"duplicate key `{key}`; line {first} has it already"
                )
                self._value(self._next(), (*path, key), place, depth + 1)
                continue
            value = self._value(self._next(), (*path, key or ""), place, depth + 1)
            if key is not None:
                found[key] = value
        return found

    def _list(self, path: KeyPath, depth: int) -> list[Entry]:
        from ruamel.yaml.events import SequenceEndEvent

        found: list[Entry] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            found.append(self._value(event, (*path, len(found)), None, depth + 1))
        return found

    def _scalar(self, event: Any, path: KeyPath, place: Location) -> Scalar:
        text: str = event.value
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            self._problem(place, path, "the text has half of a surrogate pair (\\ud800)")
            return ""
        if not event.implicit[0]:  # quoted, or a block of text
            return text
        try:
            return read_scalar(text)
        except ValueError as error:
            self._problem(place, path, str(error))
            return None


def _place_after(text: str, file: str) -> Location:
    lines = _LINE_BREAK.split(text)
    return Location(file, len(lines), len(lines[-1]) + 1)


def _add_syntax_problem(error: Any, text: str, file: str, problems: Problems) -> None:
    mark = error.problem_mark or error.context_mark
    place = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file, 1, 1)
    said = str(error.problem or error.context or "cannot be read")
    if "'\\t'" in said:
        for tab in _TAB_INDENT.finditer(text):
            where = _place_after(text[: tab.end() - 1], file)
            if where.line >= place.line:
                problems.add(where, "", "a tab in the indentation; use spaces")
        problems.add(place, "", "a tab here; use spaces")
        return
    problems.add(place, "", f"this is not valid YAML: {_in_plain_words(said)}")


_WORDS: Final = {
    "mapping values are not allowed here": (
        "a second `:` in one line; put the text in quotes, or mend the indentation"
    ),
    "found unexpected end of stream": "a quote is opened and never closed",
    "could not find expected ':'": "a key without its `:`",
    "that cannot start any token": "put the text in quotes",
}


def _in_plain_words(said: str) -> str:
    for start, words in _WORDS.items():
        if start in said:
            return f"{said}; {words}" if start.startswith("that") else words
    return said
