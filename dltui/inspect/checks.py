"""What every reader checks, and how it says no: limits on what a file may claim, and one error."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from pathlib import Path, PurePosixPath

from dltui.errors import CheckpointError
from dltui.inspect.contents import Packed, Plain, Tensor

MAX_TENSORS = 160_000
"""Of one checkpoint. The largest mixtures of experts have 140,000; more would not fit the memory
that a listing may take."""

MAX_HEADER_BYTES = 32 << 20
"""Of the part of a file that lists its tensors: 200 bytes for each of `MAX_TENSORS`."""

MAX_NAMES_BYTES = 24 << 20
"""Memory of all names of tensors together: one letter beyond 16 bits makes each of a name four
bytes long."""

MAX_DIMENSIONS = 32
"""As many as numpy 1 has."""

MAX_ELEMENTS = 1 << 60
_NAME_SHOWN = 80


def shape_problem(shape: tuple[int, ...]) -> str | None:
    """Why no array can have this shape, or None."""
    if len(shape) > MAX_DIMENSIONS:
        return f"{len(shape):,} dimensions"
    if shape and min(shape) < 0:
        return "a negative size"
    if prod(shape if 0 not in shape else [size or 1 for size in shape]) > MAX_ELEMENTS:
        return f"more than {MAX_ELEMENTS:,} elements"
    return None


def unclaimed_bytes(format: str, path: Path, tensors: Iterable[Tensor], size: int = 0) -> int:
    """How many of a file's `size` bytes belong to no plain or packed tensor.

    Raises CheckpointError where two tensors have the same bytes.
    """
    extents = (
        (tensor.place.extent.offset, tensor.place.extent.size, tensor.name)
        for tensor in tensors
        if isinstance(tensor.place, Plain | Packed)
    )
    end = 0
    for begin, length, name in sorted(extents):
        if length and begin < end:
            raise damaged(format, path, f"{quoted(name)} overlaps with another tensor")
        end = max(end, begin + length)
        size -= length
    return size


def quoted(name: str) -> str:
    """A name of the file as a message may show it: on one line, escaped, of bounded length."""
    shown = name if len(name) <= _NAME_SHOWN else name[:_NAME_SHOWN] + "…"
    return repr(shown)


def inside(name: str) -> bool:
    """Whether a file's name in another file stays in its folder, on any system."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and not name.startswith("/")
        and ".." not in parts
        and not set(name) & {"\0", "\\", ":"}
    )


def damaged(format: str, path: Path, what: str) -> CheckpointError:
    """The error for a file that contradicts itself or its format."""
    return CheckpointError(
        f"this {format} file is damaged: {what}",
        where=str(path),
        remedy="copy or download it again",
    )


def too_much(format: str, path: Path, what: str, limit: int) -> CheckpointError:
    """The error for a file that asks for more than is read here, sound or not."""
    return CheckpointError(
        f"this {format} file has {what}, at most {limit:,} are read",
        where=str(path),
        remedy="no model known here needs so many; copy or download it again",
    )
