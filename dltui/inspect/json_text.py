"""JSON that comes with weights, read without trusting its size.

Parsed as a whole, a hundred megabytes of brackets become gigabytes of lists. So large objects are
walked member by member over their bytes, and only texts of bounded size and depth become values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_VALUE_BYTES = 4 << 20
"""Of a text that is parsed as a whole: at worst 25 times as much memory."""

MAX_DEPTH = 100

_MAX_PARTS = 1_000_000
"""Texts and brackets within one value that is walked over: more is no list of tensors."""

_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\.)*+"'
_KEY = re.compile(rb"\s*+(" + _STRING + rb")\s*+:\s*+", re.DOTALL)
_OPEN = re.compile(rb"\s*+\{\s*+")
_NEXT = re.compile(rb"\s*+([,}])\s*+")
_SCALAR = re.compile(_STRING + rb"|[^\s,\[\]{}\"]++", re.DOTALL)
_BRACKET = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_FLAT = re.compile(rb"\{(?:[^\[\]{}\"]++|" + _STRING + rb"|\[[^\[\]{}\"]*+\])*+\}", re.DOTALL)
"""An object that holds no objects, and no lists but of numbers: found at one go."""
_USUAL = re.compile(
    rb"\s*+\"([^\"\\\x00-\x1f]*+)\"\s*+:\s*+(\"[^\"\\\x00-\x1f]*+\"|"
    + _FLAT.pattern
    + rb")\s*+([,}])",
    re.DOTALL,
)
"""A member whose name has no escapes and whose value is a text without them or a flat object."""
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def members(text: bytes, begin: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Name and range of bytes of each member of the object that is all of `text[begin:end]`.

    Names may repeat. Raises ValueError where the text is no JSON object.
    """
    opening = _OPEN.match(text, begin, end)
    if not opening:
        raise ValueError("no object")
    position = opening.end()
    if text[position : position + 1] == b"}":
        _only_space(text, position + 1, end)
        return
    while True:
        usual = _USUAL.match(text, position, end)
        if usual:
            yield usual[1].decode(), *usual.span(2)
            position = usual.end()
            if usual[3] == b"}":
                _only_space(text, position, end)
                return
            continue
        key = _KEY.match(text, position, end)
        if not key:
            raise ValueError(f"no name at byte {position:,}")
        value_end = _value_end(text, key.end(), end)
        yield _name(key[1]), key.end(), value_end
        following = _NEXT.match(text, value_end, end)
        if not following:
            raise ValueError(f"no comma or brace at byte {value_end:,}")
        position = following.end()
        if following[1] == b"}":
            _only_space(text, position, end)
            return


def value(text: bytes, max_bytes: int = MAX_VALUE_BYTES) -> Any:
    """The value of a whole JSON text, with half surrogates replaced, which no terminal can print.

    Raises ValueError if it is no JSON, too long, or too deep; RecursionError never.
    """
    if len(text) > max_bytes:
        raise ValueError(f"{len(text):,} bytes, at most {max_bytes:,} are read")
    depth = 0
    for found in _BRACKET.finditer(text):
        sign = found[0]
        depth += (sign in b"[{") - (sign in b"]}")
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
    parsed = json.loads(text)
    if _ESCAPED_SURROGATE.search(text):
        return json.loads(json.dumps(parsed, ensure_ascii=False).encode("utf-8", "replace"))
    return parsed


def short_text(text: bytes) -> str:
    """The value of a JSON text that is a text itself. Raises ValueError if it is none."""
    if text[:1] != b'"':
        raise ValueError("no text where one is expected")
    return _name(text)


def _value_end(text: bytes, begin: int, end: int) -> int:
    if text[begin : begin + 1] not in (b"{", b"["):
        scalar = _SCALAR.match(text, begin, end)
        if not scalar:
            raise ValueError(f"no value at byte {begin:,}")
        return scalar.end()
    flat = _FLAT.match(text, begin, end)
    if flat:
        return flat.end()
    depth = 0
    for number, found in enumerate(_BRACKET.finditer(text, begin, end)):
        sign = found[0]
        if sign in (b"{", b"["):
            depth += 1
            if depth > MAX_DEPTH or number > _MAX_PARTS:
                raise ValueError(f"what opens at byte {begin:,} is nested too deep or too long")
        elif sign in (b"}", b"]"):
            depth -= 1
            if not depth:
                return found.end()
    raise ValueError(f"what opens at byte {begin:,} does not end")


def _name(raw: bytes) -> str:
    if b"\\" not in raw:
        return raw[1:-1].decode()
    name = json.loads(raw)
    if not isinstance(name, str):
        raise ValueError("no text where one is expected")
    name.encode()  # half a surrogate is no text
    return name


def _only_space(text: bytes, begin: int, end: int) -> None:
    if text[begin:end].strip():
        raise ValueError(f"something follows the object at byte {begin:,}")
