"""Numbers as short text: values, steps, durations, tick labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise


def format_value(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits, in at most `digits` + 6 characters."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 5:
        decimals = max(0, min(digits - 1 - exponent, digits + 2))
        return f"{value:.{decimals}f}"
    return _scientific(value, digits - 1)


def format_count(count: float) -> str:
    """A whole number with thousands separators: `1,204`; fractions keep two digits."""
    if not math.isfinite(count):
        return format_value(count)
    return f"{count:,.0f}" if count == round(count) or abs(count) >= 1e5 else f"{count:,.2f}"


def format_short_count(count: float) -> str:
    """A count in four or five characters: `1.2k`, `250k`, `1M`."""
    for limit, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= limit:
            return f"{count / limit:.4g}{suffix}"
    return f"{count:.4g}"


def format_duration(seconds: float) -> str:
    """`12 s`, `1:23`, `2:05:10`, `3d 04h`."""
    if not math.isfinite(seconds):
        return format_value(seconds)
    sign = "−" if seconds < 0 else ""
    seconds = abs(seconds)
    if seconds < 60:
        return f"{sign}{seconds:.3g} s"
    whole = round(seconds)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 100:
        return f"{sign}{hours // 24}d {hours % 24:02}h"
    if hours:
        return f"{sign}{hours}:{minute:02}:{second:02}"
    return f"{sign}{minute}:{second:02}"


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Labels of linear ticks with one shared number of decimals or one shared exponent form."""
    if not ticks:
        return []
    largest = max(abs(tick) for tick in ticks)
    gap = min((abs(b - a) for a, b in pairwise(ticks)), default=largest)
    if largest == 0:
        return ["0" for _ in ticks]
    gap = gap or largest
    if largest >= 1e5 and gap >= 1e2:
        return [format_short_count(tick) for tick in ticks]
    if largest < 1e-3 or largest >= 1e5:
        decimals = max(0, math.floor(math.log10(largest)) - _last_digit(gap))
        return ["0" if tick == 0 else _scientific(tick, min(decimals, 6)) for tick in ticks]
    decimals = min(max(0, -_last_digit(gap)), 8)
    return [f"{tick:.{decimals}f}" for tick in ticks]


def log_label(tick: float) -> str:
    """Label of a tick on a logarithmic axis: `0.01`, `1`, `2e-5`."""
    return f"{tick:.6g}" if 1e-3 <= abs(tick) < 1e4 else _scientific(tick, 0)


def _last_digit(gap: float) -> int:
    """The power of ten of the last digit that ticks `gap` apart need."""
    exponent = math.floor(math.log10(gap) + 1e-9)
    mantissa = gap / 10**exponent
    return exponent if abs(mantissa - round(mantissa)) < 1e-6 else exponent - 1


def _scientific(value: float, decimals: int) -> str:
    mantissa, exponent = f"{value:.{decimals}e}".split("e")
    return f"{mantissa}e{int(exponent)}"
