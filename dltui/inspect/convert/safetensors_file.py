"""Writes safetensors: a JSON header, then the tensors, those with the longest elements first.

So every tensor begins at a multiple of the size of its elements. Source:
https://huggingface.co/docs/safetensors (format).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from dltui.errors import UsageError
from dltui.inspect.contents import BITS
from dltui.inspect.convert.plan import Entry, Plan
from dltui.inspect.convert.streaming import Stream
from dltui.inspect.formats.safetensors import DTYPES

_CODES = {name: code for code, name in DTYPES.items()}
_ALIGNMENT = 64
"""Of the first tensor in the file, so that a memory map can be used in place."""


def write_safetensors(file: BinaryIO, plan: Plan, stream: Stream) -> None:
    """Fills an empty file. Raises UsageError for a type that the format has not."""
    entries = sorted(plan.entries, key=lambda entry: -BITS[entry.dtype])
    file.write(_header(entries, _texts(plan.metadata)))
    for entry in entries:
        for piece in stream.pieces(entry.tensor, entry.dtype):
            file.write(piece)


def _header(entries: list[Entry], metadata: Mapping[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt", **metadata}}
    offset = 0
    for entry in entries:
        if entry.dtype not in _CODES:
            raise UsageError(
                f"safetensors has no type for {entry.dtype}, which {entry.name!r} has",
                remedy="convert to a .pt file",
            )
        if entry.name == "__metadata__":
            raise UsageError("a tensor cannot be called '__metadata__' in safetensors")
        end = offset + entry.size_bytes
        header[entry.name] = {
            "dtype": _CODES[entry.dtype],
            "shape": list(entry.tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """The format keeps texts only: others are written as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in metadata.items()
    }
