"""Long curves thinned to columns: what each column holds, so that no spike ever vanishes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dltui.charts.scales import Floats

_PRECISION = 2.0**-45
"""The least bucket, as a share of the largest x: bucket numbers stay exact in float64."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal buckets along x. Column `i` holds `(start + i) · width ≤ x < (start + i + 1) · width`.

    Buckets are multiples of their width, counted from zero, and widths come from a coarse ladder
    (`bucket_width`): a curve that grows at its end keeps its old columns until the ladder is
    climbed.
    """

    start: int
    width: float
    columns: int

    @classmethod
    def covering(cls, lo: float, hi: float, columns: int) -> Grid:
        """The finest grid of `columns` buckets that holds both `lo` and `hi`."""
        finest = max(abs(lo), abs(hi)) * _PRECISION
        width = bucket_width(max(hi - lo, finest * columns), columns)
        start = math.floor(lo / width)
        while math.floor(hi / width) - start >= columns:
            width = _wider(width)
            start = math.floor(lo / width)
        return cls(start, width, columns)

    def edges(self) -> Floats:
        """The `columns + 1` bucket edges."""
        return (self.start + np.arange(self.columns + 1, dtype=np.float64)) * self.width

    def column(self, x: float) -> float:
        """Where `x` lies, in columns from the left edge; may be outside the grid."""
        return x / self.width - self.start

    @property
    def lo(self) -> float:
        return self.start * self.width

    @property
    def hi(self) -> float:
        return (self.start + self.columns) * self.width


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the columns of a grid hold, each array `(columns,)`.

    `first`, `last`, `low` and `high` are over finite values, NaN in a column without any; `nan`,
    `above` and `below` tell whether the column holds NaN, +∞ and −∞.
    """

    first: Floats
    last: Floats
    low: Floats
    high: Floats
    nan: Bools
    above: Bools
    below: Bools

    @classmethod
    def empty(cls, columns: int) -> Envelope:
        """Columns that hold nothing."""
        numbers = (np.full(columns, np.nan) for _ in range(4))
        flags = (np.zeros(columns, dtype=np.bool_) for _ in range(3))
        return cls(*numbers, *flags)

    def write(self, column: int, other: Envelope) -> None:
        """Replaces the columns from `column` on by those of `other`."""
        for name in ("first", "last", "low", "high", "nan", "above", "below"):
            getattr(self, name)[column:] = getattr(other, name)


def bucket_width(span: float, columns: int) -> float:
    """The least width of 4, 5, 6 or 7 times a power of two with `columns` of it spanning `span`."""
    least = span / columns
    if not math.isfinite(least) or least < 1e-290:
        return 2.0**-20
    exponent = math.frexp(least)[1] - 3
    quarter = math.ldexp(1.0, exponent)
    return math.ceil(least / quarter - 1e-12) * quarter


def envelope(x: Floats, y: Floats, grid: Grid) -> Envelope:
    """First, last, least and greatest of `y` in each bucket of `x`, both `(n,)`, x sorted."""
    result = Envelope.empty(grid.columns)
    cuts = np.searchsorted(x, grid.edges(), side="left")
    window = slice(int(cuts[0]), int(cuts[-1]))
    inside = y[window]
    if not inside.size:
        return result
    cuts = cuts - window.start
    finite = np.isfinite(inside)
    if not finite.all():
        _flag(result, inside, finite, cuts)
        cuts = np.concatenate(([0], np.cumsum(finite)))[cuts]
        inside = inside[finite]
    filled = np.flatnonzero(cuts[1:] > cuts[:-1])
    if filled.size:
        starts = cuts[filled]
        result.first[filled] = inside[starts]
        result.last[filled] = inside[cuts[filled + 1] - 1]
        result.low[filled] = np.minimum.reduceat(inside, starts)
        result.high[filled] = np.maximum.reduceat(inside, starts)
    return result


def _flag(result: Envelope, values: Floats, finite: Bools, cuts: npt.NDArray[np.intp]) -> None:
    where = np.flatnonzero(~finite)
    wild = values[where]
    columns = np.searchsorted(cuts, where, side="right") - 1
    result.nan[columns[np.isnan(wild)]] = True
    result.above[columns[wild == np.inf]] = True
    result.below[columns[wild == -np.inf]] = True


def _wider(width: float) -> float:
    return bucket_width(width * (1 + 1e-6), 1)
