"""safetensors: eight bytes of length, a JSON header, then the tensors one after the other.

Source: https://huggingface.co/docs/safetensors (format).
"""

from __future__ import annotations

import json
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect.contents import BITS, Checkpoint, Extent, Plain, Tensor
from dltui.inspect.source import Source

MAX_HEADER_BYTES = 100_000_000
"""The limit of the reference implementation."""

DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
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


def sniff(head: bytes, source: Source) -> bool:
    """A plausible length, then the brace that opens the header."""
    return len(head) > 8 and head[8:9] == b"{" and head[:2] != b"PK"


def read(source: Source) -> Checkpoint:
    """The header's tensors. Raises CheckpointError where it does not agree with the file."""
    length = int.from_bytes(source.read(0, 8), "little")
    if length > min(MAX_HEADER_BYTES, source.size - 8):
        raise _damaged(source, f"a header of {length:,} bytes in a file of {source.size:,}")
    header = _header(source, source.read(8, length))
    metadata = header.pop("__metadata__", {})
    start = 8 + length
    tensors = tuple(_tensor(source, name, entry, start) for name, entry in header.items())
    return Checkpoint(
        path=source.path,
        format="safetensors",
        files=(source.path,),
        size_bytes=source.size,
        tensors=tensors,
        metadata=metadata if isinstance(metadata, dict) else {},
    )


def _header(source: Source, text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=lambda pairs: _without_twins(source, pairs))
    except (ValueError, RecursionError) as error:
        raise _damaged(source, f"its header is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise _damaged(source, "its header is no JSON object")
    return found


def _without_twins(source: Source, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _damaged(source, "a name stands twice in its header")
    return found


def _tensor(source: Source, name: str, entry: Any, start: int) -> Tensor:
    match entry:
        case {"dtype": str(code), "shape": [*shape], "data_offsets": [int(begin), int(end)]} if all(
            type(size) is int and size >= 0 for size in shape
        ):
            pass
        case _:
            raise _damaged(source, f"{name!r} has no dtype, shape and data_offsets")
    dtype = DTYPES.get(code)
    if dtype is None:
        raise _damaged(source, f"{name!r} has the unknown type {code!r}")
    tensor = Tensor(
        name, tuple(shape), dtype, end - begin, Plain(Extent(0, start + begin, end - begin))
    )
    if not 0 <= begin <= end <= source.size - start:
        raise _damaged(source, f"{name!r} lies outside the file")
    if tensor.elements * BITS[dtype] != (end - begin) * 8:
        raise _damaged(
            source, f"{name!r} has {end - begin:,} bytes, which is not its shape {shape}"
        )
    return tensor


def _damaged(source: Source, what: str) -> CheckpointError:
    return CheckpointError(
        f"this safetensors file is damaged: {what}",
        where=str(source.path),
        remedy="copy or download it again",
    )
