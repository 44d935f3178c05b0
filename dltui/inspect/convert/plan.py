"""What of a checkpoint goes into the new file: names, types, and what shares its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from dltui.errors import CheckpointError, UsageError
from dltui.inspect.contents import BITS, Checkpoint, Packed, Tensor, View
from dltui.inspect.convert.casting import TARGETS
from dltui.inspect.parts import CONTAINERS, Part, parts
from dltui.inspect.plain_json import plain
from dltui.inspect.row_order import strides

Only = Literal["model", "ema"]
_CAST_KINDS = ("model", "ema")
_FLAT_FORMATS = ("safetensors", "GGUF", "ONNX", "numpy")
_FLOATING = frozenset(name for name in BITS if "float" in name)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a checkpoint is wanted."""

    dtype: str | None = None
    """Type of all floating tensors of model and average, of `TARGETS`; None leaves them alone."""
    only: Only | None = None
    """This part alone, under the names that the module itself gives."""
    optimizer: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of the new file."""

    name: str
    path: tuple[str | int, ...]
    """Where it stands in nested dictionaries."""
    tensor: Tensor
    """In the checkpoint that is read."""
    dtype: str

    @property
    def size_bytes(self) -> int:
        return self.tensor.elements * BITS[self.dtype] // 8


@dataclass(frozen=True, slots=True)
class Storage:
    """Elements that are written once, and the entries that are windows on them."""

    source: Tensor
    dtype: str
    windows: tuple[tuple[Entry, int, tuple[int, ...]], ...]
    """An entry, its offset and its strides in elements of the storage."""

    @property
    def size_bytes(self) -> int:
        return self.source.elements * BITS[self.dtype] // 8


@dataclass(frozen=True, slots=True)
class Plan:
    """All of the new file but the values."""

    entries: tuple[Entry, ...]
    metadata: Mapping[str, Any]
    """What else the checkpoint says, as far as it is plain values."""
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def plan(checkpoint: Checkpoint, wanted: Wanted, *, nested: bool) -> Plan:
    """Raises UsageError for an unknown type or a part that the checkpoint has not, CheckpointError
    where two tensors would get the same name or one has no values."""
    if wanted.dtype is not None and wanted.dtype not in TARGETS:
        raise UsageError(f"there is no cast to {wanted.dtype!r}", remedy=f"--dtype {TARGETS}")
    all_parts = parts(checkpoint)
    kept = [part for part in all_parts if _is_kept(part, wanted)]
    if not kept:
        there = ", ".join(part.title for part in all_parts) or "nothing"
        raise UsageError(
            f"there is no {wanted.only or 'part'} to keep",
            where=str(checkpoint.path),
            remedy=f"this checkpoint has: {there}",
        )
    is_nested = _nests(checkpoint, all_parts)
    chosen = {tensor.name: part for part in kept for tensor in part.tensors}
    entries = tuple(
        _entry(checkpoint, tensor, chosen[tensor.name], wanted, is_nested=is_nested)
        for tensor in checkpoint.tensors
        if tensor.name in chosen
    )
    _check_names(checkpoint, entries)
    packed = sum(isinstance(entry.tensor.place, Packed) for entry in entries)
    shared = sum(entry.size_bytes for entry in _repeated(entries))
    notes = []
    if packed:
        notes.append(f"{packed:,} packed tensors are unpacked to {wanted.dtype or 'float32'}")
    if shared and not nested:
        notes.append(f"names that share their bytes get copies of their own: {shared:,} bytes more")
    # What stands beside the names of a flat state dict would be taken for one of them.
    is_flat = wanted.only or (nested and any(len(entry.path) == 1 for entry in entries))
    return Plan(
        entries=entries,
        metadata={} if is_flat else _without_objects(plain(checkpoint.metadata)),
        left_out=tuple(part.title for part in all_parts if part not in kept),
        notes=tuple(notes),
    )


def storages(entries: tuple[Entry, ...]) -> tuple[Storage, ...]:
    """What has to be written so that entries which share their bytes go on sharing them."""
    groups: dict[object, list[Entry]] = {}
    for entry in entries:
        is_shared = entry.tensor.storage and isinstance(entry.tensor.place, View)
        key = (entry.tensor.storage, entry.tensor.dtype, entry.dtype) if is_shared else entry.name
        groups.setdefault(key, []).append(entry)
    return tuple(_storage(group) for group in groups.values())


def _storage(group: list[Entry]) -> Storage:
    first = group[0]
    same = all(
        (entry.tensor.place, entry.tensor.shape) == (first.tensor.place, first.tensor.shape)
        for entry in group
    )
    if same:
        windows = tuple((entry, 0, strides(entry.tensor.shape)) for entry in group)
        return Storage(first.tensor, first.dtype, windows)
    views = [entry.tensor.place for entry in group]
    assert all(isinstance(view, View) for view in views)
    begin = min(view.offset for view in views if isinstance(view, View))
    end = max(_end(entry.tensor) for entry in group)
    place = first.tensor.place
    assert isinstance(place, View)
    whole = replace(
        first.tensor, shape=(end - begin,), place=replace(place, offset=begin, stride=(1,))
    )
    return Storage(
        whole,
        first.dtype,
        tuple(
            (entry, view.offset - begin, view.stride)
            for entry, view in zip(group, views, strict=True)
            if isinstance(view, View)
        ),
    )


def _end(tensor: Tensor) -> int:
    """One past the last element of its storage that a window touches."""
    view = tensor.place
    assert isinstance(view, View)
    if tensor.elements == 0:
        return view.offset
    steps = zip(tensor.shape, view.stride, strict=True)
    return view.offset + 1 + sum((size - 1) * step for size, step in steps)


def _is_kept(part: Part, wanted: Wanted) -> bool:
    if wanted.only is not None:
        return part.kind == wanted.only
    return wanted.optimizer or part.kind != "optimizer"


def _entry(
    checkpoint: Checkpoint, tensor: Tensor, part: Part, wanted: Wanted, *, is_nested: bool
) -> Entry:
    if tensor.place is None:
        raise CheckpointError(
            f"{tensor.name!r}: the file has no values for it", where=str(checkpoint.path)
        )
    own = "float32" if isinstance(tensor.place, Packed) else tensor.dtype
    if own not in BITS:
        raise CheckpointError(
            f"{tensor.name!r}: values of the type {own} cannot be read here",
            where=str(checkpoint.path),
        )
    is_alone = wanted.only is not None and is_nested
    is_cast = wanted.dtype and part.kind in _CAST_KINDS and own in _FLOATING
    return Entry(
        name=_own_name(tensor, part) if is_alone else tensor.name,
        path=_path(tensor, part, is_alone=is_alone, is_nested=is_nested),
        tensor=tensor,
        dtype=wanted.dtype if is_cast and wanted.dtype else own,
    )


def _path(tensor: Tensor, part: Part, *, is_alone: bool, is_nested: bool) -> tuple[str | int, ...]:
    """A state dict is flat, in what holds it; an optimizer's state is nested and counts its
    parameters."""
    if is_alone:
        return (_own_name(tensor, part),)
    if part.kind == "optimizer":
        return tuple(int(step) if step.isdecimal() else step for step in tensor.name.split("."))
    holder, _, name = tensor.name.partition(".")
    held = part.prefix.split(".")[0] == holder or (not part.prefix and holder in CONTAINERS)
    return (holder, name) if is_nested and held and name else (tensor.name,)


def _own_name(tensor: Tensor, part: Part) -> str:
    """What the module itself calls it, without what holds its state dict and wraps it."""
    holder, _, name = tensor.name.partition(".")
    if part.prefix or holder not in CONTAINERS:
        return part.local_name(tensor)
    return name or holder


def _nests(checkpoint: Checkpoint, all_parts: tuple[Part, ...]) -> bool:
    """Whether dictionaries stand in each other: names alone do not tell it, as the modules of a
    model may themselves be in one called `model`."""
    is_flat = checkpoint.format.startswith(_FLAT_FORMATS) or not checkpoint.metadata
    return len(all_parts) > 1 or not is_flat


def _check_names(checkpoint: Checkpoint, entries: tuple[Entry, ...]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            raise CheckpointError(
                f"two tensors would go by {entry.name!r}",
                where=str(checkpoint.path),
                remedy="convert without --only",
            )
        seen.add(entry.name)


def _repeated(entries: tuple[Entry, ...]) -> list[Entry]:
    """Entries whose bytes another one before them has too."""
    seen: set[str] = set()
    found = []
    for entry in entries:
        if entry.tensor.storage and entry.tensor.storage in seen:
            found.append(entry)
        seen.add(entry.tensor.storage)
    return found


def _without_objects(value: Any) -> Any:
    """Plain values without what stands for an object of a class."""
    if isinstance(value, dict):
        return {
            key: _without_objects(item)
            for key, item in value.items()
            if not (isinstance(item, dict) and "__class__" in item)
        }
    return [_without_objects(item) for item in value] if isinstance(value, list) else value
