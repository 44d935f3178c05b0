"""Singular values of a stored tensor as a matrix (O, everything else), in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dltui.errors import CheckpointError
from dltui.inspect.contents import Packed, Tensor
from dltui.inspect.dtypes import numbers
from dltui.inspect.row_order import in_rows
from dltui.inspect.values import Values

MAX_ELEMENTS = 1 << 30
DIRECT_ELEMENTS = 1 << 22
"""Up to here the matrix is decomposed as it is, in double precision."""
GRAM_SIZE = 4096
"""Largest square matrix of inner products whose eigenvalues are all found: 128 MB, and as much
again while they are. The process that does it is a child, and ends with it."""
GRAM_OPERATIONS = 4e11
"""About ten seconds on a core."""
LEADING = 128
"""How many singular values are found of anything larger."""
_ITERATIONS = 3
MAX_COLUMNS = 1 << 16
"""Of a matrix that is not kept: some hundred numbers a column are."""

Matrix = NDArray[Any]


@dataclass(frozen=True, slots=True)
class SingularValues:
    """Largest first, and how they were found."""

    values: NDArray[np.float64]
    shape: tuple[int, int]
    squared_norm: float
    """Σ σ² of all of them: the squared Frobenius norm."""
    complete: bool
    method: str


def singular_values(values: Values, tensor: Tensor) -> SingularValues:
    """Of the tensor as the matrix that its layer multiplies with: a kernel (O, I, h, w) is the
    matrix (O, I·h·w).

    Small ones are decomposed as they are. Of larger ones with a side of at most `GRAM_SIZE` the
    eigenvalues of the matrix of inner products are taken, which leaves singular values below 1e-7
    of the largest unknown. Of the largest the `LEADING` first are found by
    subspace iteration on AᵀA with a random start (Halko, Martinsson & Tropp, "Finding Structure
    with Randomness", 2011, algorithm 4.4), which reads the matrix four times and never keeps it.

    Raises CheckpointError for what is no matrix of finite real numbers, or is too large.
    """
    shape = _matrix_shape(values, tensor)
    rows, columns = shape
    if prod(shape) <= DIRECT_ELEMENTS:
        whole = np.concatenate([*_row_blocks(values, tensor, shape)]).astype(np.float64)
        found: NDArray[np.float64] = np.linalg.svd(whole, compute_uv=False).astype(np.float64)
        return SingularValues(found, shape, float(np.square(found).sum()), True, "exact")
    side = min(shape)
    if columns == side <= GRAM_SIZE and rows * side * side <= GRAM_OPERATIONS:
        return _from_gram(_gram(values, tensor, shape), shape)
    if rows == side <= GRAM_SIZE and columns * side * side <= GRAM_OPERATIONS:
        kept = _whole(values, tensor, shape)
        if kept is not None:
            return _from_gram(_wide_gram(kept), shape)
    if columns > MAX_COLUMNS:
        raise _refused(values, tensor, f"{rows:,} × {columns:,} is too wide a matrix")
    return _leading(values, tensor, shape)


def _matrix_shape(values: Values, tensor: Tensor) -> tuple[int, int]:
    wide = [size for size in tensor.shape if size > 1]
    if len(wide) < 2 or tensor.elements == 0:
        raise _refused(values, tensor, "it is no matrix")
    if tensor.dtype.startswith("complex"):
        raise _refused(values, tensor, "its numbers are complex")
    if tensor.elements > MAX_ELEMENTS:
        raise _refused(values, tensor, f"it has more than {MAX_ELEMENTS:,} elements")
    # Leading sizes of 1 are no outputs.
    axis = next(axis for axis, size in enumerate(tensor.shape) if size > 1)
    rows = tensor.shape[axis]
    return rows, tensor.elements // rows


def _refused(values: Values, tensor: Tensor, why: str) -> CheckpointError:
    return CheckpointError(
        f"{tensor.name!r} has no spectrum here: {why}", where=str(values.checkpoint.path)
    )


def _row_blocks(values: Values, tensor: Tensor, shape: tuple[int, int]) -> Iterator[Matrix]:
    """The matrix in blocks of whole rows, of about a piece each, float32 or float64."""
    columns = shape[1]
    rest: Matrix | None = None
    for piece in in_rows(values, tensor):
        real = numbers(piece, "float32" if isinstance(tensor.place, Packed) else tensor.dtype)
        wide = np.float64 if real.dtype.itemsize > 4 else np.float32
        flat = real.astype(wide, copy=False)
        if not np.isfinite(flat).all():
            raise _refused(values, tensor, "it holds NaN or infinity")
        if rest is not None:
            flat = np.concatenate([rest, flat])
        full = len(flat) // columns * columns
        if full:
            yield flat[:full].reshape(-1, columns)
        rest = flat[full:]


def _gram(values: Values, tensor: Tensor, shape: tuple[int, int]) -> Matrix:
    """AᵀA, summed over blocks of rows."""
    gram = np.zeros((shape[1], shape[1]))
    for block in _row_blocks(values, tensor, shape):
        exact = block.astype(np.float64, copy=False)
        gram += exact.T @ exact
    return gram


def _whole(values: Values, tensor: Tensor, shape: tuple[int, int]) -> Matrix | None:
    """A wide matrix in single precision, where it takes no more than the inner products may."""
    if prod(shape) * 4 > GRAM_SIZE * GRAM_SIZE * 4:
        return None
    whole = np.empty(shape, np.float32)
    begin = 0
    for block in _row_blocks(values, tensor, shape):
        whole[begin : begin + len(block)] = block
        begin += len(block)
    return whole


def _wide_gram(whole: Matrix) -> Matrix:
    """AAᵀ, summed over blocks of columns."""
    gram = np.zeros((len(whole), len(whole)))
    step = max(DIRECT_ELEMENTS // (4 * len(whole)), 1)
    for begin in range(0, whole.shape[1], step):
        block = whole[:, begin : begin + step].astype(np.float64)
        gram += block @ block.T
    return gram


def _from_gram(gram: Matrix, shape: tuple[int, int]) -> SingularValues:
    eigenvalues = np.linalg.eigvalsh(gram)[::-1]
    found = np.sqrt(np.clip(eigenvalues, 0, None))
    return SingularValues(found, shape, float(np.trace(gram)), True, "from inner products")


def _leading(values: Values, tensor: Tensor, shape: tuple[int, int]) -> SingularValues:
    """Subspace iteration; the first pass also sums the squares."""
    chance = np.random.default_rng(0)
    size = min(LEADING, *shape)
    # More directions than wanted make the last ones right.
    basis = chance.standard_normal((shape[1], min(size + 16, *shape))).astype(np.float32)
    squared_norm = 0.0
    for turn in range(_ITERATIONS + 1):
        basis = np.linalg.qr(basis)[0]
        image = np.zeros_like(basis)
        inner = np.zeros((basis.shape[1], basis.shape[1]))
        for block in _row_blocks(values, tensor, shape):
            single = block.astype(np.float32, copy=False)
            product = single @ basis
            image += single.T @ product
            inner += product.T.astype(np.float64) @ product
            if turn == 0:
                squared_norm += float(np.square(single, dtype=np.float64).sum())
        basis = image
    eigenvalues = np.linalg.eigvalsh(inner)[::-1][:size]
    return SingularValues(
        np.sqrt(np.clip(eigenvalues, 0, None)),
        shape,
        squared_norm,
        False,
        f"the {size} largest, by subspace iteration",
    )
