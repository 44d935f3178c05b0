"""What is added up while a tensor's values are read, block after block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray

from dltui.inspect.contents import BITS, Tensor
from dltui.inspect.dtypes import Array, numbers
from dltui.inspect.histogram import Codes, Counts, Distribution, codes_of
from dltui.inspect.moments import Moments, of_counted, of_float32, of_float64

SMALL = 4096
"""Tensors of so few elements are sorted instead of counted: exact, and faster."""


@dataclass(slots=True)
class Tallies:
    """How many values are what."""

    zeros: int = 0
    negative: int = 0
    nan: int = 0
    infinite: int = 0
    subnormal: int = 0
    at_limit: int = 0

    def merge(self, other: Tallies) -> None:
        """Add another count to this one."""
        self.zeros += other.zeros
        self.negative += other.negative
        self.nan += other.nan
        self.infinite += other.infinite
        self.subnormal += other.subnormal
        self.at_limit += other.at_limit


class Total:
    """The values of one tensor seen so far. One thread at a time.

    `add` takes blocks in any order; what two of them have seen, `merge` puts together.
    """

    def __init__(self, tensor: Tensor):
        self.tensor = tensor
        self.dtype = part_dtype(tensor.dtype)
        self.count = tensor.elements * (2 if tensor.dtype.startswith("complex") else 1)
        self.seen = 0
        self._codes = codes_of(self.dtype)
        self._tallies = Tallies()
        self._moments = Moments()
        self._counts: Counts | None = None
        self._sorted: list[NDArray[np.float64]] = []

    @np.errstate(invalid="ignore", over="ignore")
    def add(self, stored: Array) -> None:
        """One block of the tensor's elements, flat, as they are stored."""
        block = _native_parts(stored, self.tensor.dtype, self.dtype)
        self.seen += len(block)
        if self.tensor.elements <= SMALL:
            self._add_small(numbers(block, self.dtype).astype(np.float64))
        elif self._codes.exact:
            self._count(block.view(f"u{block.dtype.itemsize}"), len(self._codes.lower))
        elif self.dtype == "float32":
            self._add_float32(cast("NDArray[np.float32]", block))
        else:
            self._add_wide(block.astype(np.float64, copy=False))

    def merge(self, other: Self) -> None:
        """What another total has seen of the same tensor."""
        self.seen += other.seen
        self._tallies.merge(other._tallies)
        self._moments.merge(other._moments)
        self._sorted += other._sorted
        if other._counts is not None:
            self._counts = other._counts if self._counts is None else self._counts + other._counts

    def measured(self) -> tuple[Tallies, Moments, Distribution]:
        """As of now."""
        if self._codes.exact and self._counts is not None:
            return self._measured_by_counts(self._counts)
        if self._sorted:
            points, times = np.unique(np.concatenate(self._sorted), return_counts=True)
            whole = self._codes.whole_numbers
            return (
                self._tallies,
                self._moments,
                Distribution(points, points, times.astype(np.int64), whole),
            )
        return self._tallies, self._moments, self._distribution()

    def _distribution(self) -> Distribution:
        if self._counts is None or not self._moments.count:
            nothing = np.empty(0)
            return Distribution(nothing, nothing, np.empty(0, np.int64))
        found = self._codes.distribution(self._counts)
        return found.clipped(self._moments.low, self._moments.high)

    def _count(self, patterns: Array, length: int) -> Counts:
        """Adds to the counts of bit patterns; those of this block alone."""
        counts = np.bincount(patterns, minlength=length).astype(np.int64, copy=False)
        if self._counts is None:
            self._counts = counts.copy()
        else:
            self._counts += counts
        return counts

    def _measured_by_counts(self, counts: Counts) -> tuple[Tallies, Moments, Distribution]:
        """8 and 16 bits: how often each bit pattern occurs says everything, exactly."""
        codes = self._codes
        found = np.flatnonzero(counts)
        values, times = codes.lower[found], counts[found]
        finite = np.isfinite(values)
        known, weights = values[finite], times[finite]
        magnitudes = np.abs(known)
        tiny, largest = limits(self.dtype)
        tallies = Tallies(
            zeros=int(weights[known == 0].sum()),
            negative=int(times[values < 0].sum()),
            nan=int(times[np.isnan(values)].sum()),
            infinite=int(times[np.isinf(values)].sum()),
            subnormal=int(weights[(magnitudes > 0) & (magnitudes < tiny)].sum()),
            at_limit=int(weights[magnitudes >= largest].sum()),
        )
        return tallies, of_counted(known, weights), codes.distribution(counts)

    def _add_small(self, values: NDArray[np.float64]) -> None:
        """Few values: kept, in double precision."""
        finite = values[np.isfinite(values)]
        magnitudes = np.abs(finite)
        tiny, largest = limits(self.dtype)
        nan = int(np.count_nonzero(np.isnan(values)))
        self._tallies.merge(
            Tallies(
                zeros=int(np.count_nonzero(finite == 0)),
                negative=int(np.count_nonzero(values < 0)),
                nan=nan,
                infinite=len(values) - len(finite) - nan,
                subnormal=int(np.count_nonzero((magnitudes > 0) & (magnitudes < tiny))),
                at_limit=int(np.count_nonzero(magnitudes >= largest)),
            )
        )
        self._moments.merge(of_float64(finite))
        self._sorted.append(finite)

    def _add_float32(self, values: NDArray[np.float32]) -> None:
        """A count of the upper halves, and what only full patterns tell, where it is there."""
        counts = self._count(_upper_halves(values), 1 << 16)
        tallies = Tallies()
        minus_zeros = 0
        if counts[_ZERO] or counts[_MINUS_ZERO]:
            tallies.zeros = len(values) - int(np.count_nonzero(values))
            minus_zeros = int(np.count_nonzero(values.view(np.uint32) == 0x80000000))
        special = int(counts[_INFINITY:_MINUS_ZERO].sum() + counts[_MINUS_INFINITY:].sum())
        finite = values
        minus_infinite = 0
        if special:
            tallies.infinite = int(np.count_nonzero(np.isinf(values)))
            minus_infinite = int(np.count_nonzero(values == -np.inf))
            finite = values[np.isfinite(values)]
        if counts[_INFINITY - 1] or counts[_MINUS_INFINITY - 1]:
            largest = np.finfo(np.float32).max
            tallies.at_limit = int(np.count_nonzero(np.abs(finite) == largest))
        below = int(counts[_MINUS_ZERO:_MINUS_INFINITY].sum())
        tallies.negative = below - minus_zeros + minus_infinite
        tallies.nan = special - tallies.infinite
        small = counts[:_SUBNORMALS].sum() + counts[_MINUS_ZERO : _MINUS_ZERO + _SUBNORMALS].sum()
        tallies.subnormal = int(small) - tallies.zeros
        self._tallies.merge(tallies)
        self._moments.merge(of_float32(finite))

    def _add_wide(self, values: NDArray[np.float64]) -> None:
        """float64 and integers of 32 and 64 bits: counted as the nearest float32."""
        nan = int(np.count_nonzero(np.isnan(values)))
        infinite = int(np.count_nonzero(np.isinf(values)))
        finite = values[np.isfinite(values)] if nan or infinite else values
        largest = float(np.finfo(np.float32).max)
        self._count(_upper_halves(np.clip(finite, -largest, largest).astype(np.float32)), 1 << 16)
        magnitudes = np.abs(finite)
        tiny, limit = limits(self.dtype)
        zeros = len(finite) - int(np.count_nonzero(finite))
        self._tallies.merge(
            Tallies(
                zeros=zeros,
                negative=int(np.count_nonzero(values < 0)),
                nan=nan,
                infinite=infinite,
                subnormal=int(np.count_nonzero(magnitudes < tiny)) - zeros if tiny else 0,
                at_limit=int(np.count_nonzero(magnitudes >= limit)),
            )
        )
        self._moments.merge(of_float64(finite))


_ZERO, _MINUS_ZERO, _INFINITY, _MINUS_INFINITY = 0x0000, 0x8000, 0x7F80, 0xFF80
_SUBNORMALS = 0x80
"""Upper halves of float32 patterns; as many patterns from zero on are zero or subnormal."""
_UPPER = int(np.frombuffer(np.array([1], np.uint32).tobytes(), np.uint16)[0])
"""Where the upper half of 32 bits stands in memory: 1 on little-endian machines."""


def _upper_halves(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper 16 bits of each number, same shape."""
    return np.ascontiguousarray(values).view(np.uint16)[_UPPER::2]


def part_dtype(dtype: str) -> str:
    """The type of the values: of complex numbers that of a part, of packed types float32."""
    if dtype.startswith("complex"):
        return f"float{BITS[dtype] // 2}"
    return dtype if dtype in BITS else "float32"


def _native_parts(stored: Array, dtype: str, part: str) -> Array:
    """In this machine's order of bytes; of complex numbers the real and imaginary parts."""
    native = stored
    if not stored.dtype.isnative:
        native = stored.byteswap().view(stored.dtype.newbyteorder("="))
    if dtype.startswith("complex"):
        if dtype == "complex32" and native is not stored:
            # Kept as 32 bits, of which each half has its own order.
            native = stored.view(np.uint16).byteswap()
        return cast(Array, np.ascontiguousarray(native).view(part))
    return native


def limits(dtype: str) -> tuple[float, float]:
    """Smallest normal and largest finite magnitude of a floating type; (0, inf) for others."""
    if dtype == "bfloat16":
        return float(np.finfo(np.float32).tiny), float.fromhex("0x1.fep127")
    if dtype in ("float16", "float32", "float64"):
        info = np.finfo(dtype)
        return float(info.tiny), float(info.max)
    if dtype.startswith("float8"):
        return _limits_of_table(codes_of(dtype), {"e4m3": 3, "e5m2": 2, "e8m0": 0}[dtype[7:11]])
    return 0.0, float("inf")


def _limits_of_table(codes: Codes, mantissa_bits: int) -> tuple[float, float]:
    finite = codes.lower[codes.order]
    positive = finite[finite > 0]
    return float(positive[0] * 2**mantissa_bits), float(positive[-1])
