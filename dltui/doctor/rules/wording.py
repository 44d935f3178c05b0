"""How findings write numbers and names."""

from __future__ import annotations

from collections.abc import Sequence


def named(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def number(value: float) -> str:
    """Three significant digits: `0.0123`, `1.2e-07`, `1,230`."""
    if abs(value) >= 1000 and abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.3g}"
