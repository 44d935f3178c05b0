"""GGUF, the format of llama.cpp: typed key-value pairs, then tensors, plain or in blocks.

Versions 1 to 3, either byte order. Long arrays, such as a vocabulary, are walked over and shown by
their beginning. Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from struct import Struct
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect.checks import (
    MAX_TENSORS,
    damaged,
    quoted,
    shape_problem,
    too_much,
    unclaimed_bytes,
)
from dltui.inspect.contents import BITS, Checkpoint, Extent, Module, Packed, Plain, Tensor
from dltui.inspect.cursor import Cursor
from dltui.inspect.ggml import BLOCK_TYPES, BLOCKS, PLAIN_TYPES
from dltui.inspect.source import Source

_MAGIC = b"GGUF"
_VERSIONS = (1, 2, 3)

_NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_TYPE_NAMES = {
    0: "uint8",
    1: "int8",
    2: "uint16",
    3: "int16",
    4: "uint32",
    5: "int32",
    6: "float32",
    7: "bool",
    8: "string",
    9: "array",
    10: "uint64",
    11: "int64",
    12: "float64",
}

_MAX_PAIRS = 100_000
_MAX_NAME_BYTES = 1 << 16
_MAX_TEXT_BYTES = 1 << 18
"""Of one value; a chat template has 10,000."""
_MAX_KEPT_BYTES = 16 << 20
"""Of all texts and arrays that are kept."""
_MAX_WALKED = 10_000_000
"""Texts in all arrays together; the largest vocabularies have 300,000."""
_WHOLE_ARRAY = 64
"""Arrays up to this length are kept as they are."""
_SHOWN = 16
_MAX_ARRAY_DEPTH = 8
_MAX_NOTES = 20


def sniff(head: bytes, source: Source) -> bool:
    """The four letters at the beginning."""
    return head[:4] == _MAGIC


def read(source: Source) -> Checkpoint:
    """Key-value pairs and tensors. Raises CheckpointError where the file contradicts itself."""
    reader = _Reader(source)
    tensor_count, pair_count = reader.counts()
    metadata = reader.pairs(pair_count)
    entries = reader.entries(tensor_count)
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or not 0 < alignment <= 1 << 20:
        raise _damaged(source, f"its alignment is {alignment!r}")
    start = -(-reader.cursor.position // alignment) * alignment
    notes: dict[str, None] = {}
    tensors = tuple(_tensor(source, entry, start, reader.big_endian, notes) for entry in entries)
    unclaimed_bytes("GGUF", source.path, tensors)
    if metadata.get("split.count", 1) not in (0, 1):
        part, parts = metadata.get("split.no", 0), metadata["split.count"]
        notes[f"This is part {part + 1} of {parts}; the other tensors are in the others."] = None
    return Checkpoint(
        path=source.path,
        format="GGUF",
        files=(source.path,),
        size_bytes=source.size,
        tensors=tensors,
        metadata=metadata,
        modules=_root(metadata),
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    shape: tuple[int, ...]
    """Row-major: the last index runs fastest, as in torch; the file has it the other way round."""
    type: int
    offset: int


class _Reader:
    """The beginning of a file, read once from front to back, with a budget for what is kept."""

    def __init__(self, source: Source):
        self.source = source
        self.cursor = Cursor(source, 4, source.size)
        raw = self.cursor.take(4)
        self.version = int.from_bytes(raw, "little")
        self.big_endian = self.version & 0xFFFF == 0
        if self.big_endian:
            self.version = int.from_bytes(raw, "big")
        if self.version not in _VERSIONS:
            raise CheckpointError(
                f"this is GGUF of version {self.version}, those read here are 1 to 3",
                where=str(source.path),
            )
        order = ">" if self.big_endian else "<"
        self._u32 = Struct(order + "I")
        self._long = Struct(order + ("I" if self.version == 1 else "Q"))
        self._u64 = Struct(order + "Q")
        self._layouts = {number: Struct(order + code) for number, code in _NUMBERS.items()}
        self._order = order
        self._kept_bytes = 0
        self._walked = 0

    def counts(self) -> tuple[int, int]:
        """How many tensors and how many pairs follow."""
        tensors, pairs = self._length(), self._length()
        if tensors > MAX_TENSORS:
            raise too_much("GGUF", self.source.path, f"{tensors:,} tensors", MAX_TENSORS)
        if pairs > _MAX_PAIRS:
            raise too_much("GGUF", self.source.path, f"{pairs:,} pairs", _MAX_PAIRS)
        return tensors, pairs

    def pairs(self, count: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(count):
            key = self._text(_MAX_NAME_BYTES)
            if key in found:
                raise _damaged(self.source, f"the key {quoted(key)} stands twice in it")
            (kind,) = self.cursor.unpack(self._u32)
            found[key] = self._value(kind, 0)
        return found

    def entries(self, count: int) -> list[_Entry]:
        found: dict[str, _Entry] = {}
        for _ in range(count):
            name = self._text(_MAX_NAME_BYTES)
            if name in found:
                raise _damaged(self.source, f"the name {quoted(name)} stands twice in it")
            (dimensions,) = self.cursor.unpack(self._u32)
            if dimensions > 32:
                raise _damaged(self.source, f"{quoted(name)} has {dimensions:,} dimensions")
            shape = tuple(self._length() for _ in range(dimensions))[::-1]
            (kind,) = self.cursor.unpack(self._u32)
            (offset,) = self.cursor.unpack(self._u64)
            found[name] = _Entry(name, shape, kind, offset)
        return list(found.values())

    def _value(self, kind: int, depth: int) -> Any:
        if kind in self._layouts:
            return self.cursor.unpack(self._layouts[kind])[0]
        if kind == _STRING:
            return self._long_text()
        if kind == _ARRAY and depth < _MAX_ARRAY_DEPTH:
            return self._array(depth + 1)
        raise _damaged(self.source, f"it has a value of the unknown type {kind}")

    def _array(self, depth: int) -> Any:
        (kind,) = self.cursor.unpack(self._u32)
        length = self._length()
        kept = length if length <= _WHOLE_ARRAY else _SHOWN
        first = [self._value(kind, depth) for _ in range(kept)]
        self._keep(kept * 64)
        self._skip(kind, length - kept, depth)
        if kept == length:
            return first
        return {"type": _TYPE_NAMES[kind], "length": length, "first": first}

    def _skip(self, kind: int, count: int, depth: int) -> None:
        """Go past values of an array."""
        if not count:
            return
        if kind in self._layouts:
            self.cursor.skip(count * self._layouts[kind].size)
            return
        self._walk(count)
        if kind == _STRING:
            self._skip_texts(count)
            return
        for _ in range(count):
            self._value(kind, depth)

    def _skip_texts(self, count: int) -> None:
        """Past many texts, whose lengths alone are looked at."""
        unpack, size = self._long.unpack_from, self._long.size
        while count:
            window = self.cursor.window(size)
            at, last = 0, len(window) - size
            while count and at <= last:
                at += size + unpack(window, at)[0]
                count -= 1
            self.cursor.skip(at)

    def _long_text(self) -> Any:
        length = self._length()
        if length <= _MAX_TEXT_BYTES:
            return self._decoded(length)
        shown = self._decoded(1000)
        self.cursor.skip(length - 1000)
        return {"type": "string", "length": length, "first": shown}

    def _text(self, limit: int) -> str:
        length = self._length()
        if length > limit:
            raise _damaged(self.source, f"it has a name of {length:,} bytes")
        return self._decoded(length)

    def _decoded(self, length: int) -> str:
        self._keep(length)
        return self.cursor.take(length).decode("utf-8", "replace")

    def _length(self) -> int:
        return self.cursor.unpack(self._long)[0]

    def _keep(self, size: int) -> None:
        self._kept_bytes += size
        if self._kept_bytes > _MAX_KEPT_BYTES:
            raise too_much("GGUF", self.source.path, "more bytes of text", _MAX_KEPT_BYTES)

    def _walk(self, count: int) -> None:
        self._walked += count
        if self._walked > _MAX_WALKED:
            raise too_much("GGUF", self.source.path, "more texts in arrays", _MAX_WALKED)


def _tensor(
    source: Source, entry: _Entry, start: int, big_endian: bool, notes: dict[str, None]
) -> Tensor:
    name, shape = entry.name, entry.shape
    problem = shape_problem(shape)
    if problem:
        raise _damaged(source, f"{quoted(name)} has {problem}")
    plain, packed = PLAIN_TYPES.get(entry.type), BLOCK_TYPES.get(entry.type)
    if plain:
        size = prod(shape) * BITS[plain] // 8
    elif packed:
        elements, block_bytes = BLOCKS[packed]
        if prod(shape) and (not shape or shape[-1] % elements):
            raise _damaged(
                source, f"the rows of {quoted(name)} are no whole {packed} blocks of {elements}"
            )
        size = prod(shape) // elements * block_bytes
    else:
        if len(notes) < _MAX_NOTES:
            notes[f"The type {entry.type} of {quoted(name)} is not known here."] = None
        return Tensor(name, shape, f"ggml type {entry.type}", 0, None)
    if start + entry.offset + size > source.size:
        raise _damaged(source, f"{quoted(name)} lies outside the file")
    extent = Extent(0, start + entry.offset, size)
    if plain:
        return Tensor(name, shape, plain, size, Plain(extent, big_endian))
    kind = f"{packed} in big-endian order" if big_endian else str(packed)
    return Tensor(name, shape, str(packed), size, Packed(extent, kind))


def _root(metadata: dict[str, Any]) -> dict[str, Module]:
    """The architecture, with the pairs that are about it."""
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str):
        return {}
    prefix = architecture + "."
    settings = {
        key.removeprefix(prefix): value for key, value in metadata.items() if key.startswith(prefix)
    }
    return {"": Module(architecture, settings)}


def _damaged(source: Source, what: str) -> CheckpointError:
    return damaged("GGUF", source.path, what)
