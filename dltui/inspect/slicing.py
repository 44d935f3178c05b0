"""A part of a tensor: `0:3, :, -1` as it is written in Python, and only that part of the file.

A part of a tensor in row-major order, or of a window on a storage, is itself a window on that
storage, so that reading it needs the bytes from its first to its last element and no others.
"""

from __future__ import annotations

import re
from dataclasses import replace
from math import prod

from dltui.errors import CheckpointError, UsageError
from dltui.inspect.contents import BITS, Plain, Tensor, View
from dltui.inspect.dtypes import Array
from dltui.inspect.values import Values

MAX_READ_BYTES = 64_000_000
"""What one look may read into memory."""
_LOOK = 10
"""Rows and columns that are shown where nothing was asked for."""

_INDEX = re.compile(r"-?\d+")
_RANGE = re.compile(r"(-?\d+)?:(-?\d+)?(?::(\d+)?)?")
_EXAMPLE = 'for example --slice "0:3, :, -1"'

Index = int | slice


def parse_slice(text: str, shape: tuple[int, ...]) -> tuple[Index, ...]:
    """One index or range per dimension; missing ones at the end, and those of `...`, are whole.

    Raises UsageError if the text is no slice, has too many dimensions, or an index is outside.
    """
    parts = [part.strip() for part in text.strip().strip("[]").split(",")]
    parts = [] if parts == [""] else parts
    given = len(parts) - parts.count("...")
    if parts.count("...") > 1 or given > len(shape):
        raise UsageError(
            f"--slice {text!r} does not fit a tensor of {len(shape)} dimensions", remedy=_EXAMPLE
        )
    missing = [":"] * (len(shape) - given)
    where = parts.index("...") if "..." in parts else len(parts)
    parts[where : where + 1] = missing
    return tuple(_index(part, size, text) for part, size in zip(parts, shape, strict=True))


def first_look(shape: tuple[int, ...]) -> tuple[Index, ...]:
    """The upper left corner of the first matrix of a tensor."""
    shown = (*(1 for _ in shape[:-2]), *(_LOOK for _ in shape[-2:]))
    return tuple(slice(0, min(size, most), 1) for size, most in zip(shape, shown, strict=True))


def part(values: Values, tensor: Tensor, indices: tuple[Index, ...]) -> Array:
    """The values `tensor[indices]`: numpy's own types, else float32.

    Raises CheckpointError as `Values` does, or if more than `MAX_READ_BYTES` had to be read.
    """
    window = _window(tensor, indices)
    if window is not None:
        _check_size(values, tensor, _span_bytes(window))
        return values.whole(window)
    _check_size(values, tensor, tensor.size_bytes)
    found: Array = values.whole(tensor)[indices]
    return found


def _index(part: str, size: int, text: str) -> Index:
    if _INDEX.fullmatch(part):
        index = int(part)
        if not -size <= index < size:
            raise UsageError(f"--slice {text!r}: {index} is outside a dimension of {size}")
        return index % size
    match = _RANGE.fullmatch(part)
    if match is None or not int(match[3] or 1):
        raise UsageError(f"--slice {text!r}: {part!r} is no index and no range", remedy=_EXAMPLE)
    begin, end, step = (int(number) if number else None for number in match.groups())
    return slice(*slice(begin, end, step).indices(size))


def _window(tensor: Tensor, indices: tuple[Index, ...]) -> Tensor | None:
    """The part as a tensor of its own, where its elements lie at even distances in the file."""
    place = tensor.place
    if isinstance(place, Plain):
        stride = _strides(tensor.shape, fortran_order=place.fortran_order)
        place = View(place.extent, 0, stride, place.big_endian)
    if not isinstance(place, View) or tensor.dtype not in BITS:
        return None
    offset = place.offset
    shape: list[int] = []
    strides: list[int] = []
    for index, size, apart in zip(indices, tensor.shape, place.stride, strict=True):
        if isinstance(index, int):
            offset += index * apart
            continue
        begin, end, step = index.indices(size)
        offset += begin * apart
        shape.append(len(range(begin, end, step)))
        strides.append(apart * step)
    if 0 in shape:
        offset = 0
    view = replace(place, offset=offset, stride=tuple(strides))
    return replace(tensor, shape=tuple(shape), place=view)


def _strides(shape: tuple[int, ...], *, fortran_order: bool) -> tuple[int, ...]:
    if fortran_order:
        return tuple(prod(shape[:axis]) for axis in range(len(shape)))
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _span_bytes(window: Tensor) -> int:
    assert isinstance(window.place, View)
    if window.elements == 0:
        return 0
    steps = zip(window.shape, window.place.stride, strict=True)
    return (1 + sum((size - 1) * step for size, step in steps)) * BITS[window.dtype] // 8


def _check_size(values: Values, tensor: Tensor, size_bytes: int) -> None:
    if size_bytes > MAX_READ_BYTES:
        raise CheckpointError(
            f"{tensor.name!r}: this part reaches over {size_bytes:,} bytes of the file",
            where=str(values.checkpoint.path),
            remedy=f"choose fewer along the first dimensions, {_EXAMPLE}",
        )
