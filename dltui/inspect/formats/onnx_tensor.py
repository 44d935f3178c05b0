"""A tensor of an ONNX model: its description, and where its values are, maybe in another file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import prod
from pathlib import Path

from dltui.errors import CheckpointError
from dltui.inspect.checks import damaged, inside, quoted, shape_problem
from dltui.inspect.contents import BITS, Extent, Packed, Place, Plain, Tensor
from dltui.inspect.cursor import Cursor
from dltui.inspect.protobuf import Wire, fields, signed, varint
from dltui.inspect.source import Source

TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
    17: "float8_e4m3fn",
    18: "float8_e4m3fnuz",
    19: "float8_e5m2",
    20: "float8_e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4_e2m1fn",
    24: "float8_e8m0fnu",
    25: "uint2",
    26: "int2",
}
"""Names of the element types by their number in `TensorProto.DataType`."""

_PACKED = {
    "uint4": (4, "UINT4"),
    "int4": (4, "INT4"),
    "float4_e2m1fn": (4, "F4"),
    "uint2": (2, "UINT2"),
    "int2": (2, "INT2"),
}
"""Bits and kind of the types smaller than a byte."""

_FLOATS, _INT32S, _INT64S, _RAW, _DOUBLES, _UINT64S = 4, 5, 7, 9, 10, 11
_PLAIN_FIELDS = {_FLOATS: 4, _DOUBLES: 8}
"""Fields whose packed elements stand in the file as they are, and their bytes."""
_HOMES = {
    _FLOATS: {"float32", "complex64"},
    _DOUBLES: {"float64", "complex128"},
    _INT64S: {"int64"},
    _UINT64S: {"uint32", "uint64"},
    _INT32S: {"int32", "int16", "int8", "uint16", "uint8", "bool", "float16", "bfloat16"}
    | {name for name in TYPES.values() if name.startswith("float8")},
}
"""Which types may be in which typed field."""

_MAX_FILES = 10_000
_MAX_PAIRS = 16
_MAX_TEXT_BYTES = 4096


class Files:
    """The model's file and those beside it that it names, each looked at once."""

    def __init__(self, source: Source):
        self.source = source
        self.paths = [source.path]
        self.sizes = [source.size]
        self._known: dict[str, int | None] = {}
        self._missing: dict[str, int] = {}

    @property
    def size_bytes(self) -> int:
        """Of all of them."""
        return sum(self.sizes)

    def number(self, location: str) -> int | None:
        """The index in `paths` of a file that the model names, or None if it is not there.

        Raises CheckpointError if the name leads out of the model's folder, or to no regular file.
        """
        if location not in self._known:
            self._known[location] = self._opened(location)
        number = self._known[location]
        if number is None:
            self._missing[location] = self._missing.get(location, 0) + 1
        return number

    def missing_notes(self) -> list[str]:
        """One sentence for each file that is not there."""
        return [
            f"The file {quoted(name)} is missing, and the values of {count:,} tensors with it."
            for name, count in self._missing.items()
        ][:_MAX_PAIRS]

    def _opened(self, location: str) -> int | None:
        if not inside(location) or len(self._known) > _MAX_FILES:
            raise CheckpointError(
                f"this ONNX file leads out of its folder: {quoted(location)}",
                where=str(self.source.path),
                remedy="external data stands beside the model; do not trust this one",
            )
        path = Path(self.source.path).parent / location
        if not os.path.exists(path):
            return None
        with Source(path) as beside:
            self.paths.append(path)
            self.sizes.append(beside.size)
        return len(self.paths) - 1


@dataclass(slots=True)
class _Description:
    """What the fields of a `TensorProto` say."""

    shape: list[int]
    type: int = 0
    name: str = ""
    typed: tuple[int, int, int] | None = None
    """Field, first byte and size of the values where they are in a typed field."""
    raw: tuple[int, int] | None = None
    scattered: bool = False
    external: bool = False
    beside: dict[str, str] | None = None


def read_tensor(cursor: Cursor, size: int, files: Files, suffix: str) -> tuple[Tensor, str]:
    """The tensor in the next `size` bytes, and what must be said of it, or nothing.

    Raises CheckpointError if it contradicts itself.
    """
    said = _description(cursor, size)
    name = said.name + suffix
    shape = tuple(said.shape)
    problem = shape_problem(shape)
    if problem:
        raise _damaged(cursor, f"{quoted(name)} has {problem}")
    dtype = TYPES.get(said.type)
    if dtype is None or dtype == "string":
        what = "texts" if dtype else f"the unknown type {said.type}"
        return Tensor(
            name, shape, dtype or f"type {said.type}", 0, None
        ), f"{quoted(name)} has {what}."
    bits = _PACKED[dtype][0] if dtype in _PACKED else BITS[dtype]
    expected = -(-prod(shape) * bits // 8)
    if said.external:
        return _external(cursor, said, files, Tensor(name, shape, dtype, expected, None))
    if said.raw is not None:
        begin, length = said.raw
        if length != expected:
            raise _damaged(
                cursor, f"{quoted(name)} has {length:,} bytes, which is not its shape {list(shape)}"
            )
        place = _place(dtype, Extent(0, begin, length))
        return Tensor(name, shape, dtype, expected, place), ""
    return _typed(cursor, said, Tensor(name, shape, dtype, expected, None))


def _description(cursor: Cursor, size: int) -> _Description:
    said = _Description([])
    for number, wire, value in fields(cursor, size):
        if number == 1:
            _add_sizes(cursor, said, wire, value)
        elif number == 2 and wire == Wire.VARINT:
            said.type = value
        elif number == 8 and wire == Wire.BYTES:
            said.name = _text(cursor, value)
        elif number == _RAW and wire == Wire.BYTES:
            said.raw = cursor.position, value
        elif number in _HOMES:
            said.scattered |= wire != Wire.BYTES or said.typed is not None
            said.typed = number, cursor.position, value
        elif number == 13 and wire == Wire.BYTES:
            said.beside = said.beside or {}
            if len(said.beside) < _MAX_PAIRS:
                key, text = _pair(cursor, value)
                said.beside[key] = text
        elif number == 14 and wire == Wire.VARINT:
            said.external = value == 1
    return said


def _add_sizes(cursor: Cursor, said: _Description, wire: int, value: int) -> None:
    if wire == Wire.VARINT:
        said.shape.append(signed(value))
    elif wire == Wire.BYTES:
        end = cursor.position + value
        while cursor.position < end:
            said.shape.append(signed(varint(cursor)))
            if len(said.shape) > 64:
                break
    if len(said.shape) > 64:
        raise _damaged(cursor, "a tensor has more than 64 dimensions")


def _typed(cursor: Cursor, said: _Description, tensor: Tensor) -> tuple[Tensor, str]:
    """The tensor with its values in a field of their type, or without any."""
    name, dtype = tensor.name, tensor.dtype
    if said.typed is None:
        if not tensor.elements:
            return _with(tensor, Plain(Extent(0, 0, 0))), ""
        return tensor, "Some tensors have no values in the file."
    number, begin, length = said.typed
    if said.scattered or dtype not in _HOMES[number]:
        return tensor, f"The values of {quoted(name)} are written in a way that is not read here."
    extent = Extent(0, begin, length)
    if number in _PLAIN_FIELDS:
        if length != tensor.size_bytes:
            raise _damaged(cursor, f"{quoted(name)} has {length:,} bytes, which is not its shape")
        return _with(tensor, Plain(extent)), ""
    if length < tensor.elements:
        raise _damaged(cursor, f"{quoted(name)} has fewer values than its shape asks for")
    return _with(tensor, Packed(extent, "varint")), ""


def _external(
    cursor: Cursor, said: _Description, files: Files, tensor: Tensor
) -> tuple[Tensor, str]:
    beside = said.beside or {}
    name = quoted(tensor.name)
    number = files.number(beside.get("location", ""))
    if number is None:
        return tensor, ""
    try:
        begin = int(beside.get("offset", "0"))
        length = int(beside.get("length", tensor.size_bytes))
    except ValueError as error:
        raise _damaged(cursor, f"the place of {name} in its file is no number") from error
    if begin < 0 or length != tensor.size_bytes or begin + length > files.sizes[number]:
        raise _damaged(
            cursor, f"{name} does not lie in {quoted(files.paths[number].name)} as it says"
        )
    return _with(tensor, _place(tensor.dtype, Extent(number, begin, length))), ""


def _place(dtype: str, extent: Extent) -> Place:
    return Packed(extent, _PACKED[dtype][1]) if dtype in _PACKED else Plain(extent)


def _with(tensor: Tensor, place: Place) -> Tensor:
    return Tensor(tensor.name, tensor.shape, tensor.dtype, tensor.size_bytes, place)


def _pair(cursor: Cursor, size: int) -> tuple[str, str]:
    found = ["", ""]
    for number, wire, value in fields(cursor, size):
        if wire == Wire.BYTES and number in (1, 2):
            found[number - 1] = _text(cursor, value)
    return found[0], found[1]


def _text(cursor: Cursor, size: int) -> str:
    if size > _MAX_TEXT_BYTES:
        raise _damaged(cursor, f"a name of {size:,} bytes")
    return cursor.take(size).decode("utf-8", "replace")


def _damaged(cursor: Cursor, what: str) -> CheckpointError:
    return damaged("ONNX", cursor.source.path, what)
