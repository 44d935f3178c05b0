"""Numbers as the panes write them: short, aligned, with units."""

from __future__ import annotations

import math


def scientific(value: float) -> str:
    """Seven columns for columns of norms: `1.2e-01`; NaN is written out."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:.1e}" if value else "0"


def percent(share: float) -> str:
    """A share from 0 to 1 as a percentage; `-` when it was not measured."""
    return "-" if math.isnan(share) else f"{share * 100:.1f} %"


def rate(per_s: float) -> str:
    """`52.7k`, `940`, `3.2`: things a second."""
    if not math.isfinite(per_s):
        return "-"
    if per_s >= 1e6:
        return f"{per_s / 1e6:.1f}M"
    if per_s >= 1e4:
        return f"{per_s / 1e3:.1f}k"
    return f"{per_s:,.0f}" if per_s >= 100 else f"{per_s:.1f}"


def byte_size(size_bytes: float) -> str:
    """`3.1 GiB`."""
    if not math.isfinite(size_bytes):
        return "-"
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB"):
        if abs(size) < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB" if size < 1024 else f"{size / 1024:.1f} TiB"


def duration(time_s: float) -> str:
    """`0:41`, `1:02:03`, `3 d 04:05`."""
    if not math.isfinite(time_s):
        return "-"
    whole = max(0, round(time_s))
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    if days:
        return f"{days} d {hours:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
