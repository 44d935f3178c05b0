"""A part of a tensor: `0:3, :, -1` as it is written in Python, and only that part of the file.

A part of a tensor whose elements lie at even distances is itself such a window on the file.
"""

from __future__ import annotations

import re
from dataclasses import replace

from dltui.errors import CheckpointError, UsageError
from dltui.inspect.contents import BITS, Tensor, View
from dltui.inspect.dtypes import Array, numbers
from dltui.inspect.row_order import as_window, narrowed, read_window
from dltui.inspect.values import Values

MAX_BYTES = 64_000_000
"""What one look may take into memory."""
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

    Raises CheckpointError as `Values` does, or if the part is larger than `MAX_BYTES`.
    """
    window = _window(tensor, indices)
    if window is not None:
        _check_size(values, tensor, window.elements * BITS[tensor.dtype] // 8)
        return numbers(read_window(values, window), tensor.dtype)
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
    window = as_window(tensor)
    if window is None:
        return None
    kept: list[int] = []
    for axis, index in enumerate(indices):
        if isinstance(index, int):
            window = narrowed(window, axis, index, 1)
            continue
        kept.append(axis)
        chosen = range(*index.indices(tensor.shape[axis]))
        window = narrowed(window, axis, chosen.start, len(chosen), chosen.step)
    view = window.place
    assert isinstance(view, View)
    return replace(
        window,
        shape=tuple(window.shape[axis] for axis in kept),
        place=replace(view, stride=tuple(view.stride[axis] for axis in kept)),
    )


def _check_size(values: Values, tensor: Tensor, size_bytes: int) -> None:
    if size_bytes > MAX_BYTES:
        raise CheckpointError(
            f"{tensor.name!r}: this part has {size_bytes:,} bytes",
            where=str(values.checkpoint.path),
            remedy=f"choose less, {_EXAMPLE}",
        )
