"""HDF5 files: Keras models and weights, and any other with datasets of numbers.

The C library reads them, in a child process. Datasets in one piece are then read from the file
itself. Source: https://docs.hdfgroup.org/hdf5/latest/ (H5P, file format 3.0).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from dltui.inspect import json_text
from dltui.inspect.checks import MAX_TENSORS, damaged, quoted, shape_problem, too_much
from dltui.inspect.contents import BITS, Checkpoint, Dataset, Extent, Plain, Tensor
from dltui.inspect.formats.keras_layers import keras_modules
from dltui.inspect.formats.npy import DTYPES
from dltui.inspect.hdf5_process import LISTING_MEMORY_BYTES, Hdf5Process
from dltui.inspect.roles import natural_key
from dltui.inspect.source import Source

_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAGIC_AT = (0, 512, 1024, 2048)
_MAX_NOTES = 20
_MAX_RECORD_BYTES = 100 << 20
_JSON_TEXTS = ("model_config", "training_config")


def sniff(head: bytes, source: Source) -> bool:
    """The signature, at the beginning or after a block of the user's."""
    return any(head[at : at + len(_MAGIC)] == _MAGIC for at in _MAGIC_AT)


def read(source: Source) -> Checkpoint:
    """All datasets of numbers, and attributes. Raises CheckpointError; see `Hdf5Process`."""
    found = read_range(source, 0, source.size)
    metadata = {**found.attributes}
    for name in _JSON_TEXTS:
        if isinstance(metadata.get(name), str):
            try:
                metadata[name] = json_text.value(metadata[name].encode("utf-8", "replace"))
            except ValueError as error:
                raise damaged("Keras", source.path, f"its {name} is no JSON ({error})") from error
    return Checkpoint(
        path=source.path,
        format=_format(found),
        files=(source.path,),
        size_bytes=source.size,
        tensors=found.tensors,
        metadata=metadata,
        modules=keras_modules(
            metadata.get("model_config"), found.tensors, metadata.get("training_config")
        ),
        notes=found.notes,
    )


@dataclass(frozen=True, slots=True)
class Contents:
    """What an HDF5 file holds."""

    tensors: tuple[Tensor, ...]
    attributes: dict[str, Any]
    """Of the root; those of its groups under the group's name."""
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Listing:
    attributes: dict[str, Any] = field(default_factory=dict)
    datasets: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_range(source: Source, begin: int, size: int) -> Contents:
    """The contents of the HDF5 file that these bytes are. Raises CheckpointError."""
    within = Extent(0, begin, size)
    with Hdf5Process(source, begin, size, LISTING_MEMORY_BYTES) as process:
        listing = _listing(source, process.listing())
    keras = "keras_version" in listing.attributes or any(
        "/vars/" in record["dataset"] for record in listing.datasets
    )
    shared = {
        address
        for address, count in Counter(r["address"] for r in listing.datasets).items()
        if count > 1
    }
    tensors: dict[str, Tensor] = {}
    # The library lists by name, in which 10 stands before 2.
    for record in sorted(listing.datasets, key=lambda record: natural_key(record["dataset"])):
        tensor, note = _tensor(source, record, within, keras)
        if tensor is None:
            if len(listing.notes) < _MAX_NOTES:
                listing.notes.append(note)
            continue
        if tensor.name in tensors:  # a/b and a.b
            tensor = replace(tensor, name=_shown(record["dataset"]))
        if record["address"] in shared:
            tensor = replace(tensor, storage=str(record["address"]))
        tensors[tensor.name] = tensor
    return Contents(tuple(tensors.values()), listing.attributes, tuple(listing.notes))


def _listing(source: Source, records: Iterator[dict[str, Any]]) -> _Listing:
    found = _Listing()
    taken = 0
    for record in records:
        taken += record.get("bytes", 0) + len(str(record)) + 300
        if taken > _MAX_RECORD_BYTES or len(found.datasets) > MAX_TENSORS:
            raise too_much("HDF5", source.path, "more to list", MAX_TENSORS)
        match record:
            case {"dataset": str()}:
                found.datasets.append(record)
            case {"attributes": "", "values": dict(values)}:
                found.attributes |= values
            case {"attributes": str(group), "values": dict(values)} if values:
                found.attributes[_shown(group)] = values
            case {"note": str(note)}:
                found.notes.append(note)
    return found


def _tensor(
    source: Source, record: dict[str, Any], within: Extent, keras: bool
) -> tuple[Tensor | None, str]:
    path, shape = record["dataset"], tuple(record["shape"])
    shown = _shown(path)
    code = record.get("dtype", "")
    dtype = DTYPES.get(code[1:])
    if code == "|V2" and (keras or record.get("named") == "bfloat16"):
        dtype = "bfloat16"
    if "why" in record or dtype is None:
        why = record.get("why") or f"values of numpy's type {code}"
        return None, f"{quoted(shown)} is left out: it holds {why}."
    problem = shape_problem(shape)
    if problem:
        raise damaged("HDF5", source.path, f"{quoted(shown)} has {problem}")
    size = prod(shape) * BITS[dtype] // 8
    big_endian = code[0] == ">"
    name = shown.replace("/", ".")
    if record["offset"] is not None or not size:
        offset = record["offset"] or 0
        if offset + size > within.size:
            raise damaged("HDF5", source.path, f"{quoted(shown)} lies outside the file")
        extent = Extent(0, within.offset + offset, size)
        return Tensor(name, shape, dtype, size, Plain(extent, big_endian)), ""
    rows = max(int(record.get("rows") or 1), 1)
    place = Dataset(0, path, within, chunk_rows=rows, big_endian=big_endian)
    return Tensor(name, shape, dtype, size, place), ""


def _shown(path: str) -> str:
    """A path in the file as text; what is no UTF-8 in it is replaced."""
    return path.encode("utf-8", "replace").decode()


def _format(found: Contents) -> str:
    if "model_config" in found.attributes:
        return "Keras HDF5"
    names = (tensor.name for tensor in found.tensors)
    if "layer_names" in found.attributes or any(".vars." in f".{name}" for name in names):
        return "Keras weights"
    return "HDF5"
