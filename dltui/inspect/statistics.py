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
from dataclasses import asdict, dataclass, fields
from typing import Any

from dltui.inspect.contents import Tensor
from dltui.inspect.dtypes import Array
from dltui.inspect.histogram import PERCENTILES, Histogram
from dltui.inspect.row_order import as_window, check_repetition
from dltui.inspect.totals import Total
from dltui.inspect.values import Values

BLOCK_BYTES = 1 << 20
"""Read at once: it stays in the cache for all passes, and a pass outweighs its call."""
OnProgress = Callable[[int], None]
"""Is told how many elements have been seen."""
Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the values of one tensor are like.

    Of complex numbers the real and imaginary parts are the values, two per element. Limits, mean,
    spread and percentiles are those of the finite values, NaN where there is none. Percentiles of
    types with more than 16 bits are right to 1/128 of their value above 4,096 elements.
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
        total.add(chunk)
        if on_progress is not None:
            on_progress(total.seen)
        if cancelled is not None and cancelled():
            break
    return described(total)


def refining(
    values: Values, tensor: Tensor, cancelled: Cancelled | None = None
) -> Iterator[Statistics]:
    """Statistics that get better: after the first block, then each time that twice as much has
    been seen; the last one is of all values (or of those seen when `cancelled` said so)."""
    total, shown = Total(tensor), 0
    for chunk in blocks(values, tensor):
        total.add(chunk)
        if cancelled is not None and cancelled():
            break
        if total.seen >= 2 * shown and total.seen < total.count:
            shown = total.seen
            yield described(total)
    yield described(total)


def blocks(values: Values, tensor: Tensor) -> Iterator[Array]:
    """The elements as they are stored, as flat arrays of at most `BLOCK_BYTES`.

    Raises CheckpointError where a tensor repeats few bytes too often to look at all of it.
    """
    window = as_window(tensor)
    if window is not None:
        check_repetition(values, window)
    for chunk in values.chunks(tensor, BLOCK_BYTES):
        step = max(BLOCK_BYTES // max(chunk.dtype.itemsize, 1), 1)
        for begin in range(0, len(chunk), step):
            yield chunk[begin : begin + step]


def described(total: Total) -> Statistics:
    """What has been added up so far."""
    tallies, moments, distribution = total.measured()
    nothing = not moments.count
    low, high = (math.nan, math.nan) if nothing else (moments.low, moments.high)
    return Statistics(
        count=total.count,
        seen=total.seen,
        partial=total.seen < total.count,
        min=low,
        max=high,
        mean=math.nan if nothing else moments.mean,
        std=moments.std,
        abs_max=max(abs(low), abs(high)),
        l2_norm=math.nan if nothing else moments.norm,
        percentiles=dict(zip(PERCENTILES, distribution.percentiles(PERCENTILES), strict=True)),
        histogram=distribution.bars(),
        **asdict(tallies),
    )
