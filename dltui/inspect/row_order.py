"""All elements of a tensor in row-major order, piece by piece, however they lie in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np

from dltui.errors import CheckpointError
from dltui.inspect.contents import BITS, Plain, Tensor, View
from dltui.inspect.dtypes import Array, stored_dtype
from dltui.inspect.values import Values

PIECE_BYTES = 1 << 22
"""As much as is read at once, and what a piece of elements has at most."""
SCATTERED_PIECE_BYTES = 1 << 26
"""The same where a piece has to be gathered from all over a storage: fewer walks through it."""

MAX_REPETITIONS = 64
"""How often a window may show the same bytes of a large storage again."""


def in_rows(values: Values, tensor: Tensor, piece_bytes: int = PIECE_BYTES) -> Iterator[Array]:
    """Flat arrays of `piece_bytes` at most, the elements as they are stored, the last index
    fastest. Raises CheckpointError as `Values.chunks` does."""
    window = as_window(tensor)
    if window is None or _is_row_major(window):
        for chunk in values.chunks(tensor, piece_bytes):
            step = max(piece_bytes // chunk.itemsize, 1)
            for begin in range(0, len(chunk), step):
                yield chunk[begin : begin + step]
        return
    check_repetition(values, window)
    for block in _row_blocks(window, max(piece_bytes, SCATTERED_PIECE_BYTES)):
        elements = read_window(values, block).reshape(-1)
        step = max(piece_bytes // elements.itemsize, 1)
        for begin in range(0, len(elements), step):
            yield elements[begin : begin + step]


def aligned(*tensors: tuple[Values, Tensor]) -> Iterator[tuple[Array, ...]]:
    """Of several tensors of the same shape the elements at the same places, piece by piece."""
    elements = PIECE_BYTES // max(_item_bytes(tensor) for _, tensor in tensors)
    yield from zip(
        *(
            _of_length(in_rows(values, tensor, elements * _item_bytes(tensor)), elements)
            for values, tensor in tensors
        ),
        strict=True,
    )


def as_window(tensor: Tensor) -> Tensor | None:
    """The tensor with a `View` as its place, where its elements lie at even distances."""
    place = tensor.place
    if tensor.dtype not in BITS:
        return None
    if isinstance(place, Plain):
        stride = strides(tensor.shape, fortran_order=place.fortran_order)
        return replace(tensor, place=View(place.extent, 0, stride, place.big_endian))
    return tensor if isinstance(place, View) else None


def narrowed(window: Tensor, axis: int, begin: int, size: int, step: int = 1) -> Tensor:
    """`size` indices of one dimension of a window, from `begin` on, `step` apart."""
    view = window.place
    assert isinstance(view, View)
    shape = (*window.shape[:axis], size, *window.shape[axis + 1 :])
    stride = (*view.stride[:axis], view.stride[axis] * step, *view.stride[axis + 1 :])
    offset = view.offset + begin * view.stride[axis] if prod(shape) else 0
    return replace(window, shape=shape, place=replace(view, offset=offset, stride=stride))


def read_window(values: Values, window: Tensor) -> Array:
    """The elements of a window as stored, in its shape; what lies between them is passed over in
    pieces, so that memory is taken for them and one piece."""
    view = window.place
    assert isinstance(view, View)
    item_bytes = _item_bytes(window)
    reaches = [(size - 1) * step for size, step in zip(window.shape, view.stride, strict=True)]
    span_bytes = (1 + sum(reaches)) * item_bytes
    if window.elements == 0 or span_bytes <= max(PIECE_BYTES, 2 * window.elements * item_bytes):
        return values.stored(window)
    axis = max(range(len(reaches)), key=reaches.__getitem__)
    size = max(PIECE_BYTES // (view.stride[axis] * item_bytes), 1)
    if size >= window.shape[axis]:
        return values.stored(window)
    found = np.empty(window.shape, stored_dtype(window.dtype))
    before = (slice(None),) * axis
    for begin in range(0, window.shape[axis], size):
        part = narrowed(window, axis, begin, min(size, window.shape[axis] - begin))
        found[(*before, slice(begin, begin + size))] = read_window(values, part)
    return found


def strides(shape: tuple[int, ...], *, fortran_order: bool = False) -> tuple[int, ...]:
    """How many elements apart neighbours along each dimension are."""
    if fortran_order:
        return tuple(prod(shape[:axis]) for axis in range(len(shape)))
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _is_row_major(window: Tensor) -> bool:
    assert isinstance(window.place, View)
    expected = strides(window.shape)
    each = zip(window.shape, window.place.stride, expected, strict=True)
    return window.elements == 0 or all(size == 1 or step == want for size, step, want in each)


def _row_blocks(window: Tensor, most_bytes: int, axis: int = 0) -> Iterator[Tensor]:
    """Windows of `most_bytes` at most that follow each other in row-major order."""
    rest = prod(window.shape[axis + 1 :]) * _item_bytes(window)
    size = most_bytes // rest
    for begin in range(0, window.shape[axis], max(size, 1)):
        block = narrowed(window, axis, begin, min(max(size, 1), window.shape[axis] - begin))
        if size:
            yield block
        else:
            yield from _row_blocks(block, most_bytes, axis + 1)


def _of_length(pieces: Iterator[Array], elements: int) -> Iterator[Array]:
    """The same elements in arrays of exactly so many, but for the last."""
    waiting: list[Array] = []
    length = 0
    for piece in pieces:
        rest = piece
        while len(rest):
            taken, rest = rest[: elements - length], rest[elements - length :]
            waiting.append(taken)
            length += len(taken)
            if length == elements:
                yield _joined(waiting)
                waiting, length = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(pieces: list[Array]) -> Array:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _item_bytes(tensor: Tensor) -> int:
    return BITS[tensor.dtype] // 8


def check_repetition(values: Values, window: Tensor) -> None:
    """A window may stand for a storage repeated without end (stride 0): raises CheckpointError."""
    assert isinstance(window.place, View)
    size_bytes = window.elements * _item_bytes(window)
    if size_bytes > max(MAX_REPETITIONS * window.place.storage.size, SCATTERED_PIECE_BYTES):
        raise CheckpointError(
            f"{window.name!r} stands for {size_bytes:,} bytes, but has "
            f"{window.place.storage.size:,} in the file",
            where=str(values.checkpoint.path),
            remedy="save its contiguous() copy",
        )
