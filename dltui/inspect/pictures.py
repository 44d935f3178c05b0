"""Weights as pictures: filters of convolutions, embeddings and matrices seen from afar.

Of a large tensor only what is shown is read, or, where a pixel stands for many values, everything
once, in pieces: memory is taken for the picture alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from dltui.errors import CheckpointError
from dltui.inspect.contents import Packed, Tensor
from dltui.inspect.dtypes import Array, numbers
from dltui.inspect.row_order import in_rows
from dltui.inspect.slicing import part
from dltui.inspect.values import Values

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

MAX_FILTERS = 64
MAX_PAIRS = 12
"""Of a kernel with many inputs so many outputs and inputs are shown, one picture a pair."""
SIDE = 192
"""Pixels of a matrix in each direction at most."""
_LIMIT_PERCENTILE = 99.5
"""What is full black or white: single outliers would leave all else grey."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Pictures in rows of `columns`, of one scale: 0 is `-limit`, 128 zero, 255 `limit`."""

    title: str
    images: tuple[Pixels, ...]
    """Shape (H, W), or (H, W, 3) for filters on red, green and blue."""
    captions: tuple[str, ...]
    columns: int
    limit: float


def picture(values: Values, tensor: Tensor, side: int = SIDE) -> Sheet:
    """The picture that suits the tensor's shape.

    (O, 3, h, w): colour filters. (O, I, h, w): a picture for each pair of an output and an input,
    the first of them. (O, I, d, h, w): their middle slices. Anything else: the matrix (first size,
    all others), each pixel the mean of its block, `side` pixels wide and high at most.

    Raises CheckpointError for tensors without elements or of complex numbers, and as `Values` does.
    """
    if not tensor.elements or tensor.dtype.startswith("complex"):
        raise CheckpointError(
            f"{tensor.name!r} has no picture: "
            + ("it is empty" if not tensor.elements else "its numbers are complex"),
            where=str(values.checkpoint.path),
        )
    if len(tensor.shape) in (4, 5) and prod(tensor.shape[2:]) > 1:
        return _filters(values, tensor)
    return _matrix(values, tensor, side)


def _filters(values: Values, tensor: Tensor) -> Sheet:
    outputs, inputs = tensor.shape[:2]
    colour = inputs == 3 and len(tensor.shape) == 4
    alone = inputs == 1 or colour
    shown_outputs = min(outputs, MAX_FILTERS if alone else MAX_PAIRS)
    shown_inputs = inputs if colour else min(inputs, MAX_PAIRS)
    middle = (tensor.shape[2] // 2,) if len(tensor.shape) == 5 else ()
    window = (slice(0, shown_outputs, 1), slice(0, shown_inputs, 1), *middle)
    rest = tuple(slice(0, size, 1) for size in tensor.shape[-2:])
    kernels = _finite(part(values, tensor, (*window, *rest)))
    limit = _limit(kernels)
    pixels = _pixels(kernels, limit)
    if colour:
        images = tuple(np.ascontiguousarray(kernel.transpose(1, 2, 0)) for kernel in pixels)
        captions = tuple(str(output) for output in range(shown_outputs))
    else:
        images = tuple(image for kernel in pixels for image in kernel)
        captions = tuple(
            str(output) if alone else f"{entry}→{output}"
            for output in range(shown_outputs)
            for entry in range(shown_inputs)
        )
    columns = shown_inputs if not alone else max(int(np.ceil(np.sqrt(2 * shown_outputs))), 1)
    title = f"{shown_outputs:,} of {outputs:,} filters"
    if not alone:
        title += f" on {shown_inputs:,} of {inputs:,} inputs"
    return Sheet(title, images, captions, columns, limit)


def _matrix(values: Values, tensor: Tensor, side: int) -> Sheet:
    rows = tensor.shape[0] if len(tensor.shape) > 1 else 1
    columns = tensor.elements // rows
    means = block_means(values, tensor, (rows, columns), side)
    limit = _limit(means)
    height, width = means.shape
    whole = (height, width) == (rows, columns)
    title = f"{rows:,} × {columns:,}" + (
        "" if whole else f", a pixel is the mean of {rows / height:.3g} × {columns / width:.3g}"
    )
    return Sheet(title, (_pixels(means, limit),), (tensor.name.rpartition(".")[2],), 1, limit)


def block_means(values: Values, tensor: Tensor, shape: tuple[int, int], side: int) -> Floats:
    """The tensor as a matrix of this shape, `side` × `side` blocks at most, the mean of each.

    NaN and infinity count as 0.
    """
    rows, columns = shape
    height, width = min(rows, side), min(columns, side)
    sums = np.zeros((height, width))
    begins = np.arange(width) * columns // width
    of_column = np.repeat(np.arange(width), np.diff(np.append(begins, columns)))
    place = 0
    for piece in in_rows(values, tensor):
        flat = _finite(_numbers(piece, tensor))
        at = 0
        while at < len(flat):
            row, column = divmod(place + at, columns)
            count = (len(flat) - at) // columns if column == 0 else 0
            if count:
                block = flat[at : at + count * columns].reshape(count, columns)
                means = np.add.reduceat(block, begins, axis=1, dtype=np.float64)
                np.add.at(sums, _bin(row + np.arange(count), rows, height), means)
                at += count * columns
            else:
                length = min(columns - column, len(flat) - at)
                bins = of_column[column : column + length]
                sums[int(_bin(np.array(row), rows, height))] += np.bincount(
                    bins, flat[at : at + length], minlength=width
                )
                at += length
        place += len(flat)
    row_counts = np.bincount(_bin(np.arange(rows), rows, height), minlength=height)
    column_counts = np.bincount(of_column, minlength=width)
    return sums / (row_counts[:, None] * column_counts)


def _bin(rows: NDArray[np.int64], total: int, bins: int) -> NDArray[np.int64]:
    """The block that each row belongs to: those that begin at `i * total // bins`."""
    return ((rows + 1) * bins - 1) // total


def _numbers(piece: Array, tensor: Tensor) -> Array:
    return piece if isinstance(tensor.place, Packed) else numbers(piece, tensor.dtype)


def _finite(found: Array) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):
        single = found.astype(np.float32)
    np.nan_to_num(single, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return single


def _limit(found: NDArray[np.floating]) -> float:
    magnitudes = np.abs(found)
    return float(np.percentile(magnitudes, _LIMIT_PERCENTILE)) or float(magnitudes.max()) or 1.0


def _pixels(found: NDArray[np.floating], limit: float) -> Pixels:
    scaled = np.clip(found.astype(np.float64) / limit, -1, 1)
    return np.rint(np.where(scaled < 0, 128 + 128 * scaled, 128 + 127 * scaled)).astype(np.uint8)
