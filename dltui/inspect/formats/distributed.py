"""Checkpoints of several processes (`torch.distributed.checkpoint`): an index and shards.

```
folder/.metadata        a pickle: shape and type of each tensor, and which block lies where
folder/__0_0.distcp …   blocks one after the other, each a whole file of `torch.save`
```

Listing reads the index alone, and of each shard no more than its size and small objects; a block is
looked into when its values are wanted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect.budget import Budget
from dltui.inspect.checks import damaged, inside, quoted, shape_problem
from dltui.inspect.combined import in_file
from dltui.inspect.contents import BITS, Checkpoint, Embedded, Extent, Piece, Pieces, Place, Tensor
from dltui.inspect.formats.torch_zip import MAX_PICKLE_BYTES, archive_root, read_pickle
from dltui.inspect.pickles.containers import entries_of, items_of
from dltui.inspect.pickles.machine import unpickle
from dltui.inspect.pickles.nodes import Entries, Instance, Node
from dltui.inspect.pickles.torch_tensors import dtype_name, item_bytes
from dltui.inspect.source import Source
from dltui.inspect.zip_archive import Archive, Part

FORMAT = "PyTorch distributed"
_INDEX = ".metadata"
_PIECE_BYTES = 900
_MAX_OBJECT_BYTES = 4 << 20
_MAX_OBJECTS = 20_000
_MAX_PATH = 50


def sniff_folder(path: Path) -> bool:
    """A folder with the index, or the index itself."""
    if path.name == _INDEX:
        return os.path.isfile(path)
    return os.path.isfile(path / _INDEX)


def read_folder(path: Path) -> Checkpoint:
    """All tensors by the index, and the small objects beside them. Raises CheckpointError."""
    folder = path.parent if path.name == _INDEX else path
    with Source(folder / _INDEX) as source:
        budget = Budget(source.path)
        budget.take(min(source.size, MAX_PICKLE_BYTES))
        if source.size > MAX_PICKLE_BYTES:
            raise damaged(FORMAT, path, f"its index has {source.size:,} bytes")
        found = unpickle(source.read(0, source.size), budget)
    fields = _fields(found.value)
    listed, stored = entries_of(fields.get("state_dict_metadata")), _Stored(folder, budget)
    if listed is None:
        raise damaged(FORMAT, path, "its index lists no tensors")
    stored.read(entries_of(fields.get("storage_data")) or Entries())
    tensors, objects = [], []
    for name, entry in listed.by_name().items():
        if _fields(entry).get("chunks") is None:
            objects.append(name)
        else:
            budget.take(_PIECE_BYTES + 4 * len(name))
            tensors.append(_tensor(path, name, _fields(entry), stored))
    paths = entries_of(fields.get("planner_data"))
    metadata, more = _objects(stored, objects, paths.by_name() if paths else {}, budget)
    return Checkpoint(
        path=path,
        format=FORMAT,
        files=tuple(stored.files),
        size_bytes=sum(stored.sizes) + os.path.getsize(folder / _INDEX),
        tensors=(*tensors, *more),
        globals=found.globals,
        metadata=metadata,
        notes=tuple(stored.notes()),
    )


@dataclass(slots=True)
class _Stored:
    """Where the blocks and objects lie."""

    folder: Path
    budget: Budget
    files: list[Path] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    extents: dict[str, Extent] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)
    transformed: dict[str, None] = field(default_factory=dict)

    def read(self, entries: Entries) -> None:
        """Each entry's range. Raises CheckpointError where a file is shorter than the index says,
        or a name leads out of the folder."""
        numbers: dict[str, int | None] = {}
        for entry, info in entries.pairs:
            index, place = _fields(entry), _fields(info)
            match index.get("fqn"), place:
                case str(name), {
                    "relative_path": str(file),
                    "offset": int(offset),
                    "length": int(size),
                } if offset >= 0 and size >= 0:
                    pass
                case _:
                    raise self._damaged("its index has an entry without a place")
            if file not in numbers:
                numbers[file] = self._number(file)
            number = numbers[file]
            if number is None:
                continue
            if offset + size > self.sizes[number]:
                raise self._damaged(f"{quoted(file)} is shorter than the index says")
            if place.get("transform_descriptors"):
                self.transformed[file] = None
                continue
            self.budget.take(_PIECE_BYTES)
            try:
                key = _key(name, _size(index.get("offset")))
            except ValueError as error:
                raise self._damaged(f"{quoted(name)}: {error}") from error
            self.extents[key] = Extent(number, offset, size)

    def _number(self, file: str) -> int | None:
        """The file's place among the files, None if it is not there."""
        if not inside(file):
            raise self._damaged(f"its index leads out of the folder: {quoted(file)}")
        path = self.folder / file
        if not os.path.isfile(path):
            self.missing[file] = None
            return None
        self.files.append(path)
        self.sizes.append(os.path.getsize(path))
        return len(self.files) - 1

    def notes(self) -> Iterator[str]:
        """What is missing, and what cannot be read."""
        if self.missing:
            shown = ", ".join(quoted(name) for name in list(self.missing)[:3])
            yield f"{len(self.missing):,} files of the index are missing here: {shown}."
        if self.transformed:
            yield "Its blocks are compressed by an extension of torch; their values are not read."

    def _damaged(self, what: str) -> CheckpointError:
        return damaged(FORMAT, self.folder, what)


def _tensor(path: Path, name: str, fields: dict[str, Node], stored: _Stored) -> Tensor:
    try:
        shape = _size(fields.get("size")) or ()
        dtype = _dtype(fields.get("properties"))
        if problem := shape_problem(shape):
            raise ValueError(problem)
        pieces = _pieces(name, shape, fields, stored)
    except ValueError as error:
        raise damaged(FORMAT, path, f"{quoted(name)}: {error}") from error
    size = prod(shape) * item_bytes(dtype)
    if not prod(shape):
        pieces = []
    held = sum(prod(piece.shape) for piece in pieces)
    place: Place | None = None
    if dtype in BITS and held == prod(shape) and pieces:
        whole = len(pieces) == 1 and pieces[0].shape == shape
        place = pieces[0].place if whole else Pieces(tuple(pieces))
    return Tensor(name, shape, dtype, size, place)


def _pieces(
    name: str, shape: tuple[int, ...], fields: dict[str, Node], stored: _Stored
) -> list[Piece]:
    """The blocks that are there, in the order of their places in the tensor."""
    found: list[Piece] = []
    for chunk in items_of(fields.get("chunks")) or ():
        state = _fields(chunk)
        start: tuple[int, ...] = _size(state.get("offsets")) or ()
        sizes: tuple[int, ...] = _size(state.get("sizes")) or ()
        if not len(start) == len(sizes) == len(shape) or any(
            begin + size > whole for begin, size, whole in zip(start, sizes, shape, strict=True)
        ):
            raise ValueError("a block that lies outside of it")
        extent = stored.extents.get(_key(name, start)) or stored.extents.get(_key(name, None))
        if extent is not None and 0 not in sizes:
            stored.budget.take(_PIECE_BYTES)
            found.append(Piece(start, sizes, Embedded(extent)))
    return sorted(found, key=lambda piece: piece.start)


def _objects(
    stored: _Stored, names: list[str], paths: dict[str, Node], budget: Budget
) -> tuple[dict[str, Any], list[Tensor]]:
    """What the checkpoint holds beside tensors, nested as it was, file by file."""
    metadata: dict[str, Any] = {}
    tensors: list[Tensor] = []
    by_file: dict[int, list[tuple[str, Extent]]] = {}
    for name in names[:_MAX_OBJECTS]:
        extent = stored.extents.get(_key(name, None))
        if extent is not None:
            by_file.setdefault(extent.file, []).append((name, extent))
    for number, objects in by_file.items():
        with Source(stored.files[number]) as source:
            for name, extent in objects:
                if extent.size > _MAX_OBJECT_BYTES:
                    _put(metadata, _way(name, paths), f"an object of {extent.size:,} bytes")
                    continue
                value, found = _object(source, extent, name, budget)
                tensors += (
                    tensor
                    if tensor.place is None
                    else replace(tensor, place=in_file(tensor.place, number))
                    for tensor in found
                )
                _put(metadata, _way(name, paths), value)
    return {key: _with_lists(value) for key, value in metadata.items()}, tensors


def _object(source: Source, extent: Extent, name: str, budget: Budget) -> tuple[Any, list[Tensor]]:
    archive = Archive(source, budget, Part(source, extent.offset, extent.size))
    root = archive_root(archive, "data.pkl")
    naming, value, _ = read_pickle(archive, budget, root, "data.pkl", prefix=name)
    return (value["value"] if set(value) == {"value"} else value), naming.tensors


def _way(name: str, paths: dict[str, Node]) -> list[str | int]:
    """The keys that lead to an object, from the checkpoint's root."""
    way = paths.get(name)
    if not isinstance(way, tuple) or not 0 < len(way) <= _MAX_PATH:
        return [name]
    return [key if type(key) is int else str(key) for key in way if isinstance(key, str | int)]


def _put(root: dict[Any, Any], way: list[str | int], value: Any) -> None:
    for key in way[:-1]:
        below = root.setdefault(key, {})
        if not isinstance(below, dict):
            return
        root = below
    root[way[-1]] = value


def _with_lists(value: Any) -> Any:
    """Dictionaries whose keys count from zero as the lists that they were."""
    if not isinstance(value, dict):
        return value
    found = {key: _with_lists(each) for key, each in value.items()}
    if found and list(found) == list(range(len(found))):
        return list(found.values())
    return {str(key): each for key, each in found.items()}


def _fields(node: Node) -> dict[str, Node]:
    state = entries_of(node.state) if isinstance(node, Instance) else None
    return state.by_name() if state else {}


def _dtype(properties: Node) -> str:
    match properties:
        case Instance(state=(dtype, *_)):
            return dtype_name(dtype)
        case Instance():
            return dtype_name(_fields(properties).get("dtype"))
    raise ValueError("no type")


def _size(node: Node) -> tuple[int, ...] | None:
    """A `torch.Size`, None where there is none."""
    if node is None:
        return None
    items = items_of(node)
    if items is None or not all(type(size) is int and size >= 0 for size in items):
        raise ValueError("a size that is no number")
    return tuple(items)


def _key(name: str, start: tuple[int, ...] | None) -> str:
    """One text for a block; texts hash at random, so that no file can make look-ups slow."""
    return name if start is None else f"{name}@{start}"
