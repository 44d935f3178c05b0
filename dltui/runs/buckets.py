"""Histograms over the top bits of a float32: no minimum or maximum to find first.

A value's bucket is its upper 11 bits: sign, 8 of exponent, 2 of mantissa, so four buckets an
octave, each at most 25 % wide, over the whole range. The bucket of values with exponent 255 holds
infinity or NaN, so both are counted for free. (IEEE 754-2019, binary32.)

    counts = bincount(x.float().view(int32) >> 21 & 2047, minlength=BUCKETS)
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

BUCKETS = 2048
SHIFT = 21
"""`float32 bits >> SHIFT` is the bucket."""
_HALF = BUCKETS // 2
_FINITE = 1020
"""Finite buckets of each sign; then one of infinity and three of NaN."""
INFINITY_BUCKETS: tuple[int, ...] = (_FINITE, _HALF + _FINITE)
NAN_BUCKETS: tuple[int, ...] = tuple(
    sign + _FINITE + offset for sign in (0, _HALF) for offset in (1, 2, 3)
)


def bucket_of(values: ArrayLike) -> NDArray[np.int64]:
    """The bucket of each value, any shape; values are rounded to float32 first."""
    with np.errstate(over="ignore"):
        bits = np.asarray(values, np.float32).view(np.uint32)
    return (bits >> SHIFT).astype(np.int64)


def bucket_counts(values: ArrayLike) -> NDArray[np.uint32]:
    """Histogram of all values, shape (BUCKETS,)."""
    return np.bincount(bucket_of(values).ravel(), minlength=BUCKETS).astype(np.uint32)


@functools.cache
def bucket_edges() -> NDArray[np.float32]:
    """Lower and upper limit of each bucket, shape (BUCKETS, 2), low < high; NaN where not finite.

    The buckets next to zero reach to 0; the outermost ones to the greatest float32.
    """
    magnitudes = (np.arange(_FINITE + 1, dtype=np.uint32) << SHIFT).view(np.float32)
    magnitudes[-1] = np.finfo(np.float32).max
    edges = np.full((BUCKETS, 2), np.nan, np.float32)
    edges[:_FINITE, 0], edges[:_FINITE, 1] = magnitudes[:-1], magnitudes[1:]
    edges[_HALF : _HALF + _FINITE, 0] = -magnitudes[1:]
    edges[_HALF : _HALF + _FINITE, 1] = -magnitudes[:-1]
    edges.setflags(write=False)
    return edges


def in_order(counts: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts of the finite buckets by ascending value, and the edges between them.

    (…, BUCKETS) → (…, 2040) and (2041,).
    """
    negative = counts[..., _HALF : _HALF + _FINITE][..., ::-1]
    positive = counts[..., :_FINITE]
    upper = bucket_edges()[:_FINITE, 1].astype(np.float64)
    edges = np.concatenate([-upper[::-1], [0.0], upper])
    return np.concatenate([negative, positive], axis=-1).astype(np.float64), edges


def nonfinite(counts: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many values were NaN and how many infinite. (…, BUCKETS) → two of shape (…)."""
    nan = counts[..., list(NAN_BUCKETS)].sum(axis=-1, dtype=np.int64)
    infinite = counts[..., list(INFINITY_BUCKETS)].sum(axis=-1, dtype=np.int64)
    return np.asarray(nan), np.asarray(infinite)


def rebucket(counts: NDArray[np.integer], axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts over the columns of another axis, for drawing.

    (…, BUCKETS) and ascending edges (n + 1,) → (…, n). A bucket that spans several columns is
    shared out evenly; values beyond the axis are left out.
    """
    ordered, edges = in_order(counts)
    below = np.concatenate(
        [np.zeros((*ordered.shape[:-1], 1)), np.cumsum(ordered, axis=-1)], axis=-1
    )
    place = np.clip(np.searchsorted(edges, axis, "right") - 1, 0, len(edges) - 2)
    # Differences of edges near ±3.4e38 stay within float64.
    share = np.clip((axis - edges[place]) / (edges[place + 1] - edges[place]), 0.0, 1.0)
    at_axis = below[..., place] + share * ordered[..., place]
    result: NDArray[np.float64] = np.diff(at_axis, axis=-1)
    return result


def quantile(counts: NDArray[np.integer], q: ArrayLike) -> NDArray[np.float64]:
    """The values below which a share `q` (0 to 1, shape (k,)) of the finite values lies.

    (BUCKETS,) → (k,), exact to the width of a bucket; NaN without finite values.
    """
    ordered, edges = in_order(counts)
    wanted = np.asarray(q, np.float64)
    total = ordered.sum()
    if total == 0:
        return np.full(wanted.shape, np.nan)
    filled = np.flatnonzero(ordered)
    below = np.cumsum(ordered[filled])
    target = wanted * total
    place = np.minimum(np.searchsorted(below, target, "left"), len(filled) - 1)
    bucket = filled[place]
    share = (target - (below[place] - ordered[bucket])) / ordered[bucket]
    result: NDArray[np.float64] = edges[bucket] + share * (edges[bucket + 1] - edges[bucket])
    return result


def linear_axis(low: float, high: float, columns: int) -> NDArray[np.float64]:
    """Edges of equal columns, shape (columns + 1,)."""
    return np.linspace(low, high, columns + 1)


def symlog_axis(low: float, high: float, columns: int, threshold: float) -> NDArray[np.float64]:
    """Edges equal on a scale that is linear within ±threshold and logarithmic beyond.

    Shape (columns + 1,); the scale is asinh(x / threshold).
    """
    scaled = np.linspace(np.arcsinh(low / threshold), np.arcsinh(high / threshold), columns + 1)
    axis: NDArray[np.float64] = threshold * np.sinh(scaled)
    axis[0], axis[-1] = low, high
    return axis
