"""safetensors: eight bytes of length, a JSON header, then the tensors one after the other.

Source: https://huggingface.co/docs/safetensors (format).
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect import json_text
from dltui.inspect.checks import (
    MAX_HEADER_BYTES,
    MAX_NAMES_BYTES,
    MAX_TENSORS,
    damaged,
    quoted,
    shape_problem,
    too_much,
    unclaimed_bytes,
)
from dltui.inspect.contents import BITS, Checkpoint, Extent, Packed, Plain, Tensor
from dltui.inspect.source import Source

_MAX_ENTRY_BYTES = 4096

_USUAL_ENTRY = re.compile(
    rb'\{"dtype": ?"(\w{1,20})", ?"shape": ?\[((?:0|[1-9]\d{0,18}(?:, ?(?!\])|(?=\])))*)\],'
    rb' ?"data_offsets": ?\[(\d{1,19}), ?(\d{1,19})\]\}'
)
"""As the libraries write an entry: ten times faster than JSON, which may order it otherwise."""

DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2": "float8_e5m2",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "U16": "uint16",
    "I16": "int16",
    "F16": "float16",
    "BF16": "bfloat16",
    "U32": "uint32",
    "I32": "int32",
    "F32": "float32",
    "U64": "uint64",
    "I64": "int64",
    "F64": "float64",
    "C64": "complex64",
}

_PACKED_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
"""Types whose elements are smaller than a byte (OCP microscaling formats 1.0)."""

_PACKED_DTYPES = {"F4": "float4_e2m1fn", "F6_E2M3": "float6_e2m3fn", "F6_E3M2": "float6_e3m2fn"}


_OTHERS = (b"PK\x03\x04", b"PK\x05\x06", b"GGUF", b"\x89HDF", b"\x93NUMPY")
"""How files of other formats begin, whose ninth byte may by chance be a brace."""


def sniff(head: bytes, source: Source) -> bool:
    """A plausible length, then the brace that opens the header."""
    return head[8:9] == b"{" and not head.startswith(_OTHERS)


def read(source: Source) -> Checkpoint:
    """The header's tensors. Raises CheckpointError where it does not agree with the file."""
    length = int.from_bytes(source.read(0, 8), "little")
    if length > source.size - 8:
        raise _damaged(source, f"a header of {length:,} bytes in a file of {source.size:,}")
    if length > MAX_HEADER_BYTES:
        raise too_much(
            "safetensors", source.path, f"a header of {length:,} bytes", MAX_HEADER_BYTES
        )
    header = source.read(8, length)
    notes: list[str] = []
    metadata: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    names_bytes = 0
    try:
        for name, begin, end in json_text.members(header, 0, length):
            if name == "__metadata__":
                metadata = _metadata(source, header[begin:end], notes)
                continue
            if name in tensors:
                raise _damaged(source, f"the name {quoted(name)} stands twice in its header")
            if len(tensors) == MAX_TENSORS:
                raise too_much("safetensors", source.path, "more tensors", MAX_TENSORS)
            names_bytes += sys.getsizeof(name)
            if names_bytes > MAX_NAMES_BYTES:
                raise too_much("safetensors", source.path, "longer names", MAX_NAMES_BYTES)
            tensors[name] = _tensor(source, name, header[begin:end], 8 + length)
    except ValueError as error:
        raise _damaged(source, f"its header is no JSON ({error})") from error
    found = tuple(tensors.values())
    unclaimed = unclaimed_bytes("safetensors", source.path, found, source.size - 8 - length)
    if unclaimed:
        notes.append(f"{unclaimed:,} bytes of the file belong to no tensor.")
    return Checkpoint(
        path=source.path,
        format="safetensors",
        files=(source.path,),
        size_bytes=source.size,
        tensors=found,
        metadata=metadata,
        notes=tuple(notes),
    )


def _metadata(source: Source, text: bytes, notes: list[str]) -> dict[str, Any]:
    if len(text) > json_text.MAX_VALUE_BYTES:
        notes.append(f"Its metadata of {len(text):,} bytes is too long to be shown.")
        return {}
    found = json_text.value(text)
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise _damaged(source, "its metadata is no map of texts to texts")
    return found


def _tensor(source: Source, name: str, text: bytes, start: int) -> Tensor:
    code, shape, begin, end = _entry(source, name, text)
    bits = _PACKED_BITS.get(code) or BITS.get(DTYPES.get(code, ""))
    if bits is None:
        raise _damaged(source, f"{quoted(name)} has the unknown type {quoted(code)}")
    if not 0 <= begin <= end <= source.size - start:
        raise _damaged(source, f"{quoted(name)} lies outside the file")
    problem = shape_problem(shape)
    if problem:
        raise _damaged(source, f"{quoted(name)} has {problem}")
    extent = Extent(0, start + begin, end - begin)
    if code in _PACKED_BITS:
        tensor = Tensor(name, shape, _PACKED_DTYPES[code], end - begin, Packed(extent, code))
    else:
        tensor = Tensor(name, shape, DTYPES[code], end - begin, Plain(extent))
    if tensor.elements * bits != (end - begin) * 8:
        raise _damaged(
            source,
            f"{quoted(name)} has {end - begin:,} bytes, which is not its shape {list(shape)}",
        )
    return tensor


def _entry(source: Source, name: str, text: bytes) -> tuple[str, tuple[int, ...], int, int]:
    usual = _USUAL_ENTRY.fullmatch(text)
    if usual:
        name_of_type, sizes, first, last = usual.groups()
        shape = tuple(map(int, sizes.split(b","))) if sizes else ()
        return name_of_type.decode(), shape, int(first), int(last)
    if len(text) <= _MAX_ENTRY_BYTES:
        match json.loads(text, object_pairs_hook=_without_twins):
            case {
                "dtype": str(code),
                "shape": [*listed],
                "data_offsets": [int(begin), int(end)],
            } if all(type(size) is int for size in listed):
                return code, tuple(listed), begin, end
    raise _damaged(source, f"{quoted(name)} has no dtype, shape and data_offsets")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an entry")
    return found


def _damaged(source: Source, what: str) -> CheckpointError:
    return damaged("safetensors", source.path, what)
