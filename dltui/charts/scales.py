"""Limits and ticks of axes, linear, logarithmic and in time."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_HUGE = 1e150
_TINY = 1e-150
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)


def nice_step(span: float, count: int) -> float:
    """The smallest of 1, 2, 2.5 or 5 times a power of ten that cuts `span` in `count` or fewer."""
    rough = span / max(count, 1)
    if not math.isfinite(rough) or rough <= 1e-300:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(n * power for n in _NICE if n * power >= rough * (1 - 1e-9))


def nice_ticks(lo: float, hi: float, count: int) -> list[float]:
    """At most `count` + 1 round values from `lo` to `hi`, both ends included where they are round.

    >>> nice_ticks(0.0, 1.0, 4)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if not hi > lo:
        return [lo]
    return _multiples(lo, hi, nice_step(hi - lo, count))


def time_ticks(lo: float, hi: float, count: int) -> list[float]:
    """Ticks in seconds at whole seconds, minutes and hours, as clocks have them."""
    rough = (hi - lo) / max(count, 1)
    if rough < 1 or rough > _SECONDS[-1]:
        day = 86400.0
        return (
            nice_ticks(lo, hi, count)
            if rough < 1
            else _multiples(lo, hi, day * max(1.0, nice_step((hi - lo) / day, count)))
        )
    return _multiples(lo, hi, float(next(s for s in _SECONDS if s >= rough)))


def log_ticks(lo: float, hi: float, count: int) -> list[float]:
    """Ticks of a logarithmic axis: powers of ten, with 2 and 5 between them where there is room."""
    first, last = math.floor(math.log10(lo)), math.ceil(math.log10(hi))
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        ticks = [m * 10.0**e for e in range(first, last + 1) for m in mantissas]
        ticks = [tick for tick in ticks if lo * (1 - 1e-9) <= tick <= hi * (1 + 1e-9)]
        if len(ticks) <= count + 1:
            return ticks if len(ticks) >= 2 else _few_log_ticks(lo, hi, count)
    stride = math.ceil((last - first) / max(count, 1))
    return [
        10.0**e for e in range(first, last + 1, stride) if lo <= 10.0**e * (1 + 1e-9) <= hi * 1.001
    ]


def tame(values: Floats) -> Floats:
    """Finite values beyond ±1e150 at ±1e150, so that differences and squares stay finite."""
    tamed: Floats = np.where(np.isfinite(values), np.clip(values, -_HUGE, _HUGE), values)
    return tamed


def robust_range(low: Floats, high: Floats) -> tuple[float, float] | None:
    """The range of an envelope without its wildest columns; None if nothing is finite.

    `low` and `high` are `(columns,)`, NaN where a column is empty. A value counts as wild when it
    lies further outside the central 96 % of the columns than their spread.
    """
    low, high = tame(low[np.isfinite(low)]), tame(high[np.isfinite(high)])
    if not low.size or not high.size:
        return None
    low.sort()
    high.sort()
    bottom, top = _quantile(low, 0.02), _quantile(high, 0.98)
    spread = top - bottom
    if spread <= 0:
        return float(low[0]), float(high[-1])
    return max(float(low[0]), bottom - spread), min(float(high[-1]), top + spread)


def _quantile(ordered: Floats, share: float) -> float:
    """As `np.quantile`, which takes ten times as long for as few values as there are columns."""
    place = share * (ordered.size - 1)
    below = math.floor(place)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def snapped_limits(
    lo: float, hi: float, previous: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Round limits around `lo` and `hi`.

    The previous limits stay while they hold the range and it still fills half of them, so that an
    axis does not jitter as points arrive.
    """
    if previous is not None:
        floor, ceiling = previous
        if floor <= lo and hi <= ceiling and (hi - lo) >= 0.5 * (ceiling - floor):
            return previous
    if hi - lo <= max(1e-12 * max(abs(lo), abs(hi)), _TINY):
        margin = abs(lo) * 0.1 if abs(lo) > _TINY else 1.0
        lo, hi = lo - margin, hi + margin
    step = nice_step(hi - lo, 8)
    return math.floor(lo / step + 1e-9) * step, math.ceil(hi / step - 1e-9) * step


def snapped_log_limits(
    lo: float, hi: float, previous: tuple[float, float] | None = None
) -> tuple[float, float]:
    """As `snapped_limits` for a logarithmic axis: positive ends at 1, 2 or 5 times 10ⁿ."""
    if previous is not None:
        floor, ceiling = previous
        held = floor <= lo and hi <= ceiling
        if held and math.log(hi / lo) >= 0.5 * math.log(ceiling / floor):
            return previous
    bottom, top = _round_log(lo, down=True), _round_log(hi, down=False)
    return (bottom, top) if top > bottom else (bottom / 2, top * 2)


def _round_log(value: float, *, down: bool) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    mantissa = value / power
    if down:
        return power * max(m for m in (1, 2, 5) if m <= mantissa * (1 + 1e-9) or m == 1)
    return power * min(m for m in (1, 2, 5, 10) if m >= mantissa * (1 - 1e-9) or m == 10)


def _multiples(lo: float, hi: float, step: float) -> list[float]:
    first, last = math.ceil(lo / step - 1e-9), math.floor(hi / step + 1e-9)
    return [round(i * step, 12) if step > 1e-9 else i * step for i in range(first, last + 1)]


def _few_log_ticks(lo: float, hi: float, count: int) -> list[float]:
    return [tick for tick in nice_ticks(lo, hi, count) if tick > 0] or [lo]
