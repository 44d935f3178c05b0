"""What a checkpoint holds, whatever its format: names, shapes and places of tensors, no values."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from dltui.records import made, record

BITS = {
    "bool": 8,
    "uint8": 8,
    "int8": 8,
    "float8_e4m3fn": 8,
    "float8_e4m3fnuz": 8,
    "float8_e5m2": 8,
    "float8_e5m2fnuz": 8,
    "float8_e8m0fnu": 8,
    "uint16": 16,
    "int16": 16,
    "float16": 16,
    "bfloat16": 16,
    "uint32": 32,
    "int32": 32,
    "float32": 32,
    "uint64": 64,
    "int64": 64,
    "float64": 64,
    "complex32": 32,
    "complex64": 64,
    "complex128": 128,
}
"""Bits of one element, by torch's name of the type. Packed types of some formats are not here."""


@record
class Extent:
    """A range of bytes of one of the checkpoint's files."""

    file: int
    """Index into `Checkpoint.files`."""
    offset: int
    size: int
    after_header: bool = False
    """Whether the header of an archive's member stands at `offset`, and the bytes after it: a
    header a storage would be a read each, all over the file, only to list it."""


@record
class Plain:
    """Elements that stand in the file as they are, one after the other, in row-major order."""

    extent: Extent
    big_endian: bool = False
    fortran_order: bool = False
    """Column-major order, as numpy and some scientific formats may store it."""


@record
class View:
    """A strided window on a storage that may be longer, and that others may share (torch)."""

    storage: Extent
    offset: int
    """In elements."""
    stride: tuple[int, ...]
    """In elements, one per dimension."""
    big_endian: bool = False


@record
class Deflated:
    """A compressed member of a zip archive; `skip` bytes stand before the elements in it."""

    extent: Extent
    inflated_bytes: int
    skip: int = 0
    big_endian: bool = False
    fortran_order: bool = False
    stride: tuple[int, ...] | None = None
    """In elements where the member is a storage that is looked at through a window (torch)."""
    offset: int = 0
    """In elements, with `stride`."""


@record
class Piece:
    """One block of a tensor that is kept in several: `start` is its first index per dimension."""

    start: tuple[int, ...]
    shape: tuple[int, ...]
    place: Place


@record
class Pieces:
    """A tensor in blocks (distributed checkpoints)."""

    pieces: tuple[Piece, ...]


@record
class Packed:
    """Blocks of quantised weights; `kind` is the format's own name of the block (`Q4_K`)."""

    extent: Extent
    kind: str


@record
class Dataset:
    """A dataset in an HDF5 file that is chunked or compressed: read by a child process."""

    file: int
    path: str
    within: Extent
    """The bytes of the file that are the HDF5 file: all, or a member of an archive."""
    chunk_rows: int = 1
    """How many rows are compressed together."""
    big_endian: bool = False


@record
class Embedded:
    """A tensor that is a whole file of `torch.save` in a range of a file (distributed checkpoints).

    Thousands of them are looked into only when their values are wanted.
    """

    extent: Extent


Place = Plain | View | Deflated | Pieces | Packed | Dataset | Embedded
"""Where a tensor's elements are and how they lie."""


@record
class Tensor:
    """A named array of the checkpoint."""

    name: str
    """The way to it from the file's root, joined with dots: `model.layer1.0.conv1.weight`."""
    shape: tuple[int, ...]
    dtype: str
    """A key of `BITS`, or the format's own name of a packed type."""
    size_bytes: int
    """Of its elements as the file keeps them; what several names share is counted for each."""
    place: Place | None
    """None where the file has no elements for it (torch's meta tensors)."""
    storage: str = ""
    """Names that stand for the same bytes have the same storage; empty where none can share."""
    kind: str = ""
    """What the file itself says it is: `parameter`, `buffer`, … or empty."""

    @property
    def elements(self) -> int:
        """How many numbers it holds; 1 for a scalar."""
        return prod(self.shape)


@record
class Module:
    """What a file says of one module: its class, and its settings as plain values."""

    class_name: str
    settings: Mapping[str, Any] = made(default_factory=dict)


@record
class Checkpoint:
    """A file or folder of tensors, opened: everything but the values."""

    path: Path
    format: str
    """As people call it: `PyTorch zip`, `safetensors`, `GGUF`."""
    files: tuple[Path, ...]
    """All files that tensors lie in; `Extent.file` counts in it."""
    size_bytes: int
    """Of all files together."""
    tensors: tuple[Tensor, ...]
    """In the file's own order."""
    globals: tuple[str, ...] = ()
    """Names of code that a pickle asks for, `module.name`, each once, in order; never imported."""
    metadata: Mapping[str, Any] = made(default_factory=dict)
    """What else the file says, nested as in the file, as plain values: dict, list, str, int, float,
    bool, None. A tensor within is left out; an object is
    `{"__class__": "module.Name", …its state}`."""
    modules: Mapping[str, Module] = made(default_factory=dict)
    """Classes and settings by dotted path, where the file has them; "" is the root."""
    notes: tuple[str, ...] = ()
    """What the reader wants said about this file, one sentence each."""

    @property
    def parameters(self) -> int:
        """Elements of all tensors, those that share a storage once."""
        return sum(tensor.elements for tensor in distinct(self.tensors))


def distinct(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Of the names that stand for the same bytes, the largest, at its first place."""
    largest: dict[str, Tensor] = {}
    for tensor in tensors:
        known = largest.get(tensor.storage)
        if tensor.storage and (known is None or tensor.elements > known.elements):
            largest[tensor.storage] = tensor
    return tuple(t for t in tensors if not t.storage or largest[t.storage] is t)
