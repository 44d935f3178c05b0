"""Several files or folders as one checkpoint: shards, and parts of a pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dltui.inspect.checks import MAX_NAMES_BYTES, MAX_TENSORS, too_much
from dltui.inspect.contents import (
    Checkpoint,
    Dataset,
    Deflated,
    Embedded,
    Extent,
    Module,
    Packed,
    Piece,
    Pieces,
    Place,
    Plain,
    Tensor,
    View,
)
from dltui.records import replaced


def combined(
    path: Path,
    format: str,
    parts: Iterable[tuple[str, Checkpoint]],
    notes: Iterable[str] = (),
) -> Checkpoint:
    """The parts' tensors in order; each name and module begins with its part's prefix and a dot.

    The metadata of a part stands under its prefix. A prefix may be empty. Parts are taken one by
    one, so that a generator keeps only one alive. Raises CheckpointError if they have too many
    tensors together.
    """
    files: list[Path] = []
    tensors: list[Tensor] = []
    modules: dict[str, Module] = {}
    globals_named: dict[str, None] = {}
    metadata: dict[str, Any] = {}
    all_notes = dict.fromkeys(notes)
    size_bytes = names_bytes = 0
    for number, (prefix, part) in enumerate(parts):
        if len(tensors) + len(part.tensors) > MAX_TENSORS:
            raise too_much(format, path, "more tensors", MAX_TENSORS)
        names_bytes += sum(sys.getsizeof(tensor.name) for tensor in part.tensors)
        if names_bytes > MAX_NAMES_BYTES:
            raise too_much(format, path, "longer names", MAX_NAMES_BYTES)
        tensors += (_moved(tensor, prefix, number, len(files)) for tensor in part.tensors)
        files += part.files
        size_bytes += part.size_bytes
        modules |= {_joined(prefix, name): module for name, module in part.modules.items()}
        metadata |= {prefix: part.metadata} if prefix else part.metadata
        globals_named |= dict.fromkeys(part.globals)
        all_notes |= dict.fromkeys(part.notes)
    return Checkpoint(
        path=path,
        format=format,
        files=tuple(files),
        size_bytes=size_bytes,
        tensors=tuple(tensors),
        globals=tuple(globals_named),
        metadata=metadata,
        modules=modules,
        notes=tuple(all_notes),
    )


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix and name else prefix or name


def _moved(tensor: Tensor, prefix: str, part: int, files: int) -> Tensor:
    """The tensor with its part's prefix; files counted on, and storages told from other parts'."""
    place = tensor.place and in_file(tensor.place, files)
    storage = tensor.storage and f"{part}:{tensor.storage}"
    if place is tensor.place and not prefix and not storage:
        return tensor
    return Tensor(
        _joined(prefix, tensor.name),
        tensor.shape,
        tensor.dtype,
        tensor.size_bytes,
        place,
        storage,
        tensor.kind,
    )


def in_file(place: Place, files: int) -> Place:
    """The same place where so many files stand before those that it counts."""
    if not files:
        return place
    match place:
        case Plain(extent, big_endian, fortran_order):
            return Plain(_extent(extent, files), big_endian, fortran_order)
        case View(storage):
            return replaced(place, storage=_extent(storage, files))
        case Deflated(extent) | Packed(extent) | Embedded(extent):
            return replaced(place, extent=_extent(extent, files))
        case Dataset(file, _, within):
            return replaced(place, file=file + files, within=_extent(within, files))
        case Pieces(pieces):
            return Pieces(tuple(Piece(p.start, p.shape, in_file(p.place, files)) for p in pieces))


def _extent(extent: Extent, files: int) -> Extent:
    return Extent(extent.file + files, extent.offset, extent.size, extent.after_header)
