"""How the values of a tensor are distributed: counts by bit pattern, bars, percentiles.

A 16-bit float has 65,536 patterns: counting them once gives the exact distribution, and with it
every statistic. Of a float32 the upper 16 bits are counted (sign, exponent, 7 bits of mantissa:
bfloat16's), so a bucket is at most 1/128 of its value wide, over the whole range, and no pass is
needed to find limits first; NaN, infinity and subnormal numbers have buckets of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dltui.inspect.dtypes import numbers, stored_dtype

BARS = 64
PERCENTILES = (0.1, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.9)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars of equal width from `low` to `high`, over the finite values."""

    low: float
    high: float
    counts: tuple[int, ...]
    """Empty where there is no finite value."""

    @property
    def edges(self) -> tuple[float, ...]:
        """Limits of the bars, one more than there are bars."""
        bars = max(len(self.counts), 1)
        return tuple(self.low + (self.high - self.low) * i / bars for i in range(bars + 1))


@dataclass(frozen=True, slots=True)
class Distribution:
    """Occupied buckets in ascending order: `counts[i]` finite values lie in `[lower[i], upper[i]]`.

    Arrays of shape (buckets,). Where `lower` equals `upper` the values are exactly that.
    """

    lower: Floats
    upper: Floats
    counts: Counts
    whole_numbers: bool = False

    @property
    def total(self) -> int:
        """How many values there are."""
        return int(self.counts.sum())

    def clipped(self, low: float, high: float) -> Distribution:
        """The same with no bucket beyond the smallest and largest value, which are known."""
        return Distribution(
            np.clip(self.lower, low, high),
            np.clip(self.upper, low, high),
            self.counts,
            self.whole_numbers,
        )

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """For each the value that so many % of all are not above; within a bucket as if its values
        were spread evenly. NaN where there are no values."""
        if not len(self.counts):
            return [float("nan")] * len(percents)
        sums = np.cumsum(self.counts)
        ranks = np.asarray(percents) / 100 * (sums[-1] - 1)
        buckets = np.minimum(np.searchsorted(sums, ranks, side="right"), len(sums) - 1)
        counts = self.counts[buckets]
        inside = np.clip((ranks - (sums[buckets] - counts) + 0.5) / counts, 0, 1)
        lower, upper = self.lower[buckets], self.upper[buckets]
        return [float(each) for each in lower + (upper - lower) * inside]

    def bars(
        self, bars: int = BARS, low: float | None = None, high: float | None = None
    ) -> Histogram:
        """Counts in bars of equal width from `low` to `high`: by default over all values.

        Whole numbers get bars of a whole width, so that none holds more numbers than another.
        """
        if not len(self.counts):
            return Histogram(0.0, 0.0, ())
        low = float(self.lower[0]) if low is None else low
        high = float(self.upper[-1]) if high is None else high
        if self.whole_numbers:
            width = max(-(-int(high - low + 1) // bars), 1)
            bars = -(-int(high - low + 1) // width)
            low, high = low - 0.5, low - 0.5 + bars * width
        elif low == high:
            return Histogram(low, high, (self.total,))
        # Halves, as the distance of the largest floats is itself beyond the largest.
        steps = np.linspace(0.0, 1.0, bars + 1)
        below = self._below(low * (1 - steps) + high * steps)
        counts = np.diff(np.rint(below).astype(np.int64))
        return Histogram(low, high, tuple(int(count) for count in counts))

    def _below(self, edges: Floats) -> Floats:
        """How many values lie below each edge; at the last edge also those on it."""
        sums = np.concatenate([[0], np.cumsum(self.counts)]).astype(np.float64)
        first = np.searchsorted(self.upper, edges, side="left")
        first[-1] = np.searchsorted(self.upper, edges[-1], side="right")
        bucket = np.minimum(first, len(self.counts) - 1)
        lower, upper = self.lower[bucket], self.upper[bucket]
        width = np.where(upper > lower, upper - lower, 1.0)
        inside = np.clip((edges - lower) / width, 0.0, 1.0)
        partly = np.where((first < len(self.counts)) & (upper > lower), inside, 0.0)
        return np.asarray(sums[first] + partly * self.counts[bucket], np.float64)


@dataclass(frozen=True, slots=True)
class Codes:
    """What the bit patterns of a type mean. Arrays of shape (patterns,)."""

    lower: Floats
    upper: Floats
    """Smallest and largest finite number of a pattern; NaN and infinity as they are."""
    order: NDArray[np.int64]
    """The patterns of finite numbers, by value."""
    exact: bool
    whole_numbers: bool

    def distribution(self, counts: Counts) -> Distribution:
        """From counts per pattern."""
        ordered = counts[self.order]
        found = self.order[np.flatnonzero(ordered)]
        return Distribution(self.lower[found], self.upper[found], counts[found], self.whole_numbers)


@cache
@np.errstate(invalid="ignore")
def codes_of(dtype: str) -> Codes:
    """The patterns of an 8- or 16-bit type; for any other those of float32's upper half."""
    stored = stored_dtype(dtype)
    exact = stored.itemsize <= 2
    if exact:
        patterns = np.arange(1 << (8 * stored.itemsize)).astype(f"u{stored.itemsize}")
        values = numbers(patterns.view(stored), dtype).astype(np.float64)
        lower, upper = values, values
    else:
        patterns = np.arange(1 << 16).astype(np.uint32)
        near = (patterns << 16).view(np.float32).astype(np.float64)
        far = (patterns << 16 | 0xFFFF).view(np.float32).astype(np.float64)
        lower, upper = np.where(near < far, near, far), np.where(near < far, far, near)
        lower = np.where(np.isfinite(near), lower, near)
        upper = np.where(np.isfinite(near), upper, near)
        # Nearly always nothing but zeros; what else is there is below 1e-40.
        upper[0] = lower[0x8000] = 0.0
    finite = np.flatnonzero(np.isfinite(lower))
    order = finite[np.argsort(lower[finite], kind="stable")]
    return Codes(lower, upper, order, exact, "int" in dtype or dtype == "bool")
