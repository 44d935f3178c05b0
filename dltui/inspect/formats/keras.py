"""Keras's own format: a zip archive of a configuration and weights, as HDF5 or npz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect import json_text
from dltui.inspect.budget import Budget
from dltui.inspect.checks import damaged
from dltui.inspect.contents import Checkpoint, Module, Tensor
from dltui.inspect.formats import hdf5, npz
from dltui.inspect.formats.keras_layers import keras_modules
from dltui.inspect.source import Source
from dltui.inspect.zip_archive import Archive, Part, begins_as_zip, directory_bytes

_CONFIG, _METADATA = "config.json", "metadata.json"
_HDF5, _NPZ = "model.weights.h5", "model.weights.npz"


def sniff(head: bytes, source: Source) -> bool:
    """A zip archive with a configuration and a model's weights."""
    if not begins_as_zip(head):
        return False
    names = directory_bytes(source)
    return _CONFIG.encode() in names and b"model.weights." in names


def read(source: Source) -> Checkpoint:
    """Weights, and the layers' classes and settings. Raises CheckpointError."""
    budget = source.budget
    archive = Archive(source, budget)
    metadata = {"config": _json(archive, _CONFIG)}
    if _METADATA in archive:
        metadata |= _json(archive, _METADATA)
    notes: dict[str, None] = {}
    tensors = _weights(archive, budget, notes)
    config = metadata["config"]
    modules = keras_modules(config, tensors, config.get("compile_config"))
    return Checkpoint(
        path=source.path,
        format="Keras",
        files=(source.path,),
        size_bytes=source.size,
        tensors=tuple(_with_kind(tensor, modules) for tensor in tensors),
        metadata=metadata,
        modules=modules,
        notes=tuple(notes),
    )


def _with_kind(tensor: Tensor, modules: Mapping[str, Module]) -> Tensor:
    """Batch normalisation's moving mean and variance, the third and fourth of its variables, are
    not trained; the file has them as numbers."""
    layer, _, number = tensor.name.rpartition(".vars.")
    module = modules.get(layer)
    if module is None or not module.class_name.endswith("BatchNormalization"):
        return tensor
    trained = sum(module.settings.get(key) is not False for key in ("center", "scale"))
    kind = "parameter" if number.isdecimal() and int(number[:9]) < trained else "buffer"
    return replace(tensor, kind=kind)


def _weights(archive: Archive, budget: Budget, notes: dict[str, None]) -> tuple[Tensor, ...]:
    name = next((name for name in (_HDF5, _NPZ) if name in archive), None)
    if name is None:
        raise CheckpointError(
            f"this Keras file has no {_HDF5}; weights in several files are not read here",
            where=str(archive.source.path),
            remedy="unzip it and open its files of weights",
        )
    member = archive.member(name)
    if member.deflated:
        raise CheckpointError(
            f"{name} is compressed in this Keras file, which Keras does not do",
            where=str(archive.source.path),
            remedy=f"unzip it and open {name}",
        )
    extent = archive.extent(member)
    if name == _NPZ:
        inner = Archive(archive.source, budget, Part(archive.source, extent.offset, extent.size))
        return tuple(npz.arrays(inner, budget, notes))
    found = hdf5.read_range(archive.source, extent.offset, extent.size)
    notes |= dict.fromkeys(found.notes)
    return found.tensors


def _json(archive: Archive, name: str) -> dict[str, Any]:
    try:
        found = json_text.value(archive.read(name, json_text.MAX_VALUE_BYTES))
    except ValueError as error:
        raise damaged("Keras", archive.source.path, f"its {name} is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise damaged("Keras", archive.source.path, f"its {name} is no JSON object")
    return found
