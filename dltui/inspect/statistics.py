"""Count, limits, mean, spread, zeros, NaN, infinity and distribution of a tensor's values.

Read in chunks, each looked at while it is in the cache: so a tensor of any size takes a few
megabytes, and its statistics can be shown while they grow. Passes over memory are what costs:
16- and 8-bit types are counted by bit pattern and nothing else; float32 takes one count of its
upper half, from which zeros, signs, NaN and infinity follow too, two passes for the limits, and
two for the moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from dltui.inspect.contents import BITS, Tensor
from dltui.inspect.dtypes import Array, numbers
from dltui.inspect.histogram import (
    PERCENTILES,
    Codes,
    Counts,
    Distribution,
    Histogram,
    codes_of,
)
from dltui.inspect.values import Values

BLOCK_BYTES = 1 << 20
"""Read at once: it stays in the cache for all passes, and a pass outweighs its call."""
SMALL = 4096
"""Tensors of so few elements are sorted instead of counted: exact, and faster."""

OnProgress = Callable[[int], None]
"""Is told how many elements have been seen."""
Cancelled = Callable[[], bool]

_SAFE = (1e-15, 1e15)
"""Squares of float32 numbers between these neither overflow nor vanish, however many are added."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the values of one tensor are like.

    Of complex numbers the real and imaginary parts are the values, two per element. Limits, mean,
    spread and percentiles are those of the finite values, NaN where there is none. Percentiles of
    types with more than 16 bits are right to 1/128 of their value above `SMALL` elements.
    """

    count: int
    """Values of the whole tensor, seen or not."""
    seen: int
    """Values so far; all if not `partial`."""
    partial: bool
    min: float
    max: float
    mean: float
    std: float
    """Of the population: divided by n."""
    abs_max: float
    l2_norm: float
    zeros: int
    negative: int
    """Below zero, minus infinity included."""
    nan: int
    infinite: int
    subnormal: int
    """Not zero, and smaller than the type's smallest normal number."""
    at_limit: int
    """Largest magnitude that the type can hold (65,504 of float16); 0 for integers."""
    percentiles: Mapping[float, float]
    """By percent: `PERCENTILES`."""
    histogram: Histogram

    @property
    def finite(self) -> int:
        """Values that are neither NaN nor infinite."""
        return self.seen - self.nan - self.infinite

    @property
    def sparsity(self) -> float:
        """Share of zeros among the values seen."""
        return self.zeros / self.seen if self.seen else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain values; None for numbers that are not there."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in plain.items()
        }
        plain["percentiles"] = {
            f"{percent:g}": value if math.isfinite(value) else None
            for percent, value in self.percentiles.items()
        }
        plain["histogram"] = {
            "low": self.histogram.low,
            "high": self.histogram.high,
            "counts": list(self.histogram.counts),
        }
        plain["sparsity"] = self.sparsity
        return plain


def statistics(
    values: Values,
    tensor: Tensor,
    on_progress: OnProgress | None = None,
    cancelled: Cancelled | None = None,
) -> Statistics:
    """All values of one tensor, or, if `cancelled` says so in between, those seen until then.

    Raises CheckpointError where the values cannot be read.
    """
    total = Total(tensor)
    for chunk in blocks(values, tensor):
        total.add(summary(chunk, tensor))
        if on_progress is not None:
            on_progress(total.seen)
        if cancelled is not None and cancelled():
            break
    return total.statistics()


def refining(
    values: Values, tensor: Tensor, cancelled: Cancelled | None = None
) -> Iterator[Statistics]:
    """Statistics that get better: after the first block, then each time that twice as much has
    been seen; the last one is of all values (or of those seen when `cancelled` said so)."""
    total, shown = Total(tensor), 0
    for chunk in blocks(values, tensor):
        total.add(summary(chunk, tensor))
        if cancelled is not None and cancelled():
            break
        if total.seen >= 2 * shown and total.seen < total.count:
            shown = total.seen
            yield total.statistics()
    yield total.statistics()


def blocks(values: Values, tensor: Tensor) -> Iterator[Array]:
    """The elements as they are stored, as flat arrays of at most `BLOCK_BYTES`."""
    for chunk in values.chunks(tensor, BLOCK_BYTES):
        step = max(BLOCK_BYTES // max(chunk.dtype.itemsize, 1), 1)
        for begin in range(0, len(chunk), step):
            yield chunk[begin : begin + step]


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one block of values: what can be added up."""

    seen: int
    zeros: int
    negative: int
    nan: int
    infinite: int
    subnormal: int
    at_limit: int
    min: float
    max: float
    """±infinity where nothing is finite."""
    mean: float
    squares: float
    """Σ (x − mean)²."""
    counts: Counts | None
    """Per bit pattern; None where the values themselves are kept, in `sorted_values`."""
    sorted_values: NDArray[np.float64] | None = None


class Total:
    """The sum of all blocks of one tensor."""

    def __init__(self, tensor: Tensor):
        parts = 2 if tensor.dtype.startswith("complex") else 1
        self.count = tensor.elements * parts
        self.seen = 0
        self._codes = codes_of(_part_dtype(tensor.dtype))
        self._tallies = dict.fromkeys(_TALLIES, 0)
        self._min, self._max = math.inf, -math.inf
        self._mean = self._squares = 0.0
        self._counts: Counts | None = None
        self._sorted: NDArray[np.float64] | None = None

    def add(self, block: Summary) -> None:
        """Take in one block; the order does not matter.

        Means and squares by Chan, Golub & LeVeque, "Updating Formulae and a Pairwise Algorithm for
        Computing Sample Variances" (1979), which loses no digits where the mean is large.
        """
        before = self.seen - self._tallies["nan"] - self._tallies["infinite"]
        new = block.seen - block.nan - block.infinite
        if new:
            shift = block.mean - self._mean
            both = before + new
            self._mean += shift * (new / both)
            self._squares += block.squares + shift * shift * (before / both) * new
            self._min, self._max = min(self._min, block.min), max(self._max, block.max)
        self.seen += block.seen
        for name in _TALLIES:
            self._tallies[name] += getattr(block, name)
        if block.sorted_values is not None:
            self._sorted = block.sorted_values
        elif block.counts is not None:
            self._counts = block.counts if self._counts is None else self._counts + block.counts

    def distribution(self) -> Distribution:
        """Of the finite values so far: for bars of any number and limits."""
        if self._sorted is not None:
            points, counts = np.unique(self._sorted, return_counts=True)
            return Distribution(points, points, counts.astype(np.int64), self._codes.whole_numbers)
        if self._counts is None or self._min > self._max:
            nothing = np.empty(0)
            return Distribution(nothing, nothing, np.empty(0, np.int64))
        return self._codes.distribution(self._counts).clipped(self._min, self._max)

    def statistics(self) -> Statistics:
        """As of now."""
        finite = self.seen - self._tallies["nan"] - self._tallies["infinite"]
        distribution = self.distribution()
        low, high = (self._min, self._max) if finite else (math.nan, math.nan)
        mean = self._mean if finite else math.nan
        return Statistics(
            count=self.count,
            seen=self.seen,
            partial=self.seen < self.count,
            min=low,
            max=high,
            mean=mean,
            std=math.sqrt(self._squares / finite) if finite else math.nan,
            abs_max=max(abs(low), abs(high)),
            l2_norm=math.hypot(math.sqrt(self._squares), math.sqrt(finite) * self._mean)
            if finite
            else math.nan,
            percentiles={percent: distribution.percentile(percent) for percent in PERCENTILES},
            histogram=distribution.bars(),
            **self._tallies,
        )


_TALLIES = ("zeros", "negative", "nan", "infinite", "subnormal", "at_limit")


@np.errstate(invalid="ignore", over="ignore")
def summary(stored: Array, tensor: Tensor) -> Summary:
    """Of one block of a tensor's elements, flat, as they are stored."""
    dtype = _part_dtype(tensor.dtype)
    if dtype != tensor.dtype:
        stored = _parts(stored, tensor.dtype)
    if not stored.dtype.isnative:
        stored = stored.astype(stored.dtype.newbyteorder("="))
    codes = codes_of(dtype)
    if tensor.elements <= SMALL:
        return _sorted_summary(numbers(stored, dtype), dtype)
    if codes.exact:
        return _counted_summary(stored, codes, dtype)
    if dtype == "float32":
        return _float32_summary(cast("NDArray[np.float32]", stored))
    return _wide_summary(stored, dtype)


def _part_dtype(dtype: str) -> str:
    """The type of the values: of complex numbers that of a part, of packed types float32."""
    if dtype.startswith("complex"):
        return f"float{BITS[dtype] // 2}"
    return dtype if dtype in BITS else "float32"


def _parts(stored: Array, dtype: str) -> Array:
    """Real and imaginary parts of complex numbers; anything else as it is."""
    if dtype not in BITS or not dtype.startswith("complex"):
        return stored
    native = np.ascontiguousarray(stored).view(stored.dtype.newbyteorder("="))
    swapped = native.byteswap() if not stored.dtype.isnative else native
    return cast(Array, swapped.view(_part_dtype(dtype)))


def _limits(dtype: str) -> tuple[float, float]:
    """Smallest normal and largest finite magnitude of a floating type; (0, inf) for others."""
    if dtype == "bfloat16":
        return float(np.finfo(np.float32).tiny), float.fromhex("0x1.fep127")
    if dtype in ("float16", "float32", "float64"):
        info = np.finfo(dtype)
        return float(info.tiny), float(info.max)
    if dtype.startswith("float8"):
        table = codes_of(dtype)
        finite = table.upper[table.order]
        mantissa_bits = {"e4m3": 3, "e5m2": 2, "e8m0": 0}[dtype[7:11]]
        positive = finite[finite > 0]
        return float(positive[0] * 2**mantissa_bits), float(positive[-1])
    return 0.0, math.inf


def _sorted_summary(values: Array, dtype: str) -> Summary:
    """Few values: everything from a sorted copy in double precision."""
    wide = values.astype(np.float64)
    nan, infinite = int(np.isnan(wide).sum()), int(np.isinf(wide).sum())
    finite = np.sort(wide[np.isfinite(wide)])
    magnitudes = np.abs(finite)
    tiny, largest = _limits(dtype)
    mean = float(finite.mean()) if len(finite) else 0.0
    return Summary(
        seen=len(wide),
        zeros=int((finite == 0).sum()),
        negative=int((wide < 0).sum()),
        nan=nan,
        infinite=infinite,
        subnormal=int(((magnitudes > 0) & (magnitudes < tiny)).sum()),
        at_limit=int((magnitudes >= largest).sum()),
        min=float(finite[0]) if len(finite) else math.inf,
        max=float(finite[-1]) if len(finite) else -math.inf,
        mean=mean,
        squares=float(np.square(finite - mean).sum()),
        counts=None,
        sorted_values=finite,
    )


def _counted_summary(stored: Array, codes: Codes, dtype: str) -> Summary:
    """8 and 16 bits: how often each bit pattern occurs says everything, exactly."""
    patterns = stored.view(f"u{stored.dtype.itemsize}")
    counts = np.bincount(patterns, minlength=len(codes.lower)).astype(np.int64, copy=False)
    found = np.flatnonzero(counts)
    values, times = codes.lower[found], counts[found]
    finite = np.isfinite(values)
    known, weights = values[finite], times[finite]
    seen = int(weights.sum())
    mean = float(known @ weights) / seen if seen else 0.0
    tiny, largest = _limits(dtype)
    magnitudes = np.abs(known)
    return Summary(
        seen=len(stored),
        zeros=int(weights[known == 0].sum()),
        negative=int(times[values < 0].sum()),
        nan=int(times[np.isnan(values)].sum()),
        infinite=int(times[np.isinf(values)].sum()),
        subnormal=int(weights[(magnitudes > 0) & (magnitudes < tiny)].sum()),
        at_limit=int(weights[magnitudes >= largest].sum()),
        min=float(known.min()) if seen else math.inf,
        max=float(known.max()) if seen else -math.inf,
        mean=mean,
        squares=float(np.square(known - mean) @ weights),
        counts=counts,
    )


_ZERO, _MINUS_ZERO, _INFINITY, _MINUS_INFINITY = 0x0000, 0x8000, 0x7F80, 0xFF80
_SUBNORMALS = 0x80
"""Upper halves of float32 patterns; as many patterns from zero on are zero or subnormal."""


def _float32_summary(values: NDArray[np.float32]) -> Summary:
    """A count of the upper halves, and what only the full patterns tell, where it is there."""
    counts = _upper_halves(values)
    zeros = minus_zeros = infinite = at_limit = 0
    if counts[_ZERO] or counts[_MINUS_ZERO]:
        zeros = len(values) - int(np.count_nonzero(values))
        minus_zeros = int(np.count_nonzero(values.view(np.uint32) == 0x80000000))
    special = int(counts[_INFINITY:_MINUS_ZERO].sum() + counts[_MINUS_INFINITY:].sum())
    minus_infinite = 0
    finite = values
    if special:
        infinite = int(np.count_nonzero(np.isinf(values)))
        minus_infinite = int(np.count_nonzero(values == -np.inf))
        finite = values[np.isfinite(values)]
    if counts[_INFINITY - 1] or counts[_MINUS_INFINITY - 1]:
        at_limit = int(np.count_nonzero(np.abs(finite) == np.finfo(np.float32).max))
    below = int(counts[_MINUS_ZERO:_MINUS_INFINITY].sum())
    small = int(counts[:_SUBNORMALS].sum() + counts[_MINUS_ZERO : _MINUS_ZERO + _SUBNORMALS].sum())
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (math.inf, -math.inf)
    mean, squares = _moments(finite, max(abs(low), abs(high)))
    return Summary(
        seen=len(values),
        zeros=zeros,
        negative=below - minus_zeros + minus_infinite,
        nan=special - infinite,
        infinite=infinite,
        subnormal=small - zeros,
        at_limit=at_limit,
        min=low,
        max=high,
        mean=mean,
        squares=squares,
        counts=counts,
    )


def _upper_halves(values: NDArray[np.float32]) -> Counts:
    """How often each upper half of the bit patterns occurs, shape (65536,)."""
    halves = np.ascontiguousarray(values).view(np.uint16)[_UPPER::2]
    return np.bincount(halves, minlength=1 << 16).astype(np.int64, copy=False)


_UPPER = int(np.frombuffer(np.array([1], np.uint32).tobytes(), np.uint16)[0])
"""Where the upper half of 32 bits stands in memory: 1 on little-endian machines."""


def _moments(values: NDArray[np.float32], largest: float) -> tuple[float, float]:
    """Mean and Σ (x − mean)² of finite values.

    Sums of plain and squared values lose digits where the mean is large against the spread: then
    the values are shifted by the mean first. In single precision where that cannot overflow.
    """
    if not len(values):
        return 0.0, 0.0
    if not _SAFE[0] < largest < _SAFE[1]:
        wide = values.astype(np.float64)
        mean = float(wide.mean())
        wide -= mean
        return mean, float(wide @ wide)
    mean = float(values.sum()) / len(values)
    squares = float(values @ values)
    of_mean = mean * mean * len(values)
    if of_mean <= 0.01 * squares:
        return mean, squares - of_mean
    shifted = values - np.float32(mean)
    rest = float(shifted.sum(dtype=np.float64)) / len(values)
    squares = float(shifted @ shifted) - rest * rest * len(values)
    return float(np.float32(mean)) + rest, max(squares, 0.0)


def _wide_summary(stored: Array, dtype: str) -> Summary:
    """float64 and integers of 32 and 64 bits: moments in double precision, counts as float32."""
    values = stored.astype(np.float64, copy=False)
    nan = int(np.count_nonzero(np.isnan(values)))
    infinite = int(np.count_nonzero(np.isinf(values)))
    finite = values[np.isfinite(values)] if nan or infinite else values
    largest = float(np.finfo(np.float32).max)
    counts = _upper_halves(np.clip(finite, -largest, largest).astype(np.float32))
    mean = float(finite.mean()) if len(finite) else 0.0
    shifted = finite - mean
    magnitudes = np.abs(finite)
    tiny, limit = _limits(dtype)
    zeros = len(finite) - int(np.count_nonzero(finite))
    return Summary(
        seen=len(values),
        zeros=zeros,
        negative=int(np.count_nonzero(values < 0)),
        nan=nan,
        infinite=infinite,
        subnormal=int(np.count_nonzero(magnitudes < tiny)) - zeros if tiny else 0,
        at_limit=int(np.count_nonzero(magnitudes >= limit)),
        min=float(finite.min()) if len(finite) else math.inf,
        max=float(finite.max()) if len(finite) else -math.inf,
        mean=mean,
        squares=float(shifted @ shifted),
        counts=counts,
    )
