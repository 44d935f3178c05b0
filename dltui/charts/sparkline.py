"""A curve or a share in one line of text."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dltui.charts.envelope import Grid, envelope
from dltui.charts.glyphs import UNICODE, Glyphs
from dltui.charts.scales import robust_range, tame


def sparkline(
    values: npt.ArrayLike, width: int, glyphs: Glyphs = UNICODE, *, log: bool = False
) -> str:
    """`values`, `(n,)`, oldest first, in `width` characters or fewer, scaled to their own range.

    More values than characters are averaged; NaN and infinity have a character of their own. With
    `log`, values that are not positive count as not finite.
    """
    points = tame(np.asarray(values, np.float64))
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            points = np.where(points > 0, np.log10(points), np.nan)
    if not points.size or width < 1:
        return ""
    levels = glyphs.levels[1:]
    grid = Grid(0, max(1.0, points.size / width), min(width, points.size))
    thin = envelope(np.arange(points.size, dtype=np.float64), points, grid)
    middle = thin.low / 2 + thin.high / 2
    lo, hi = robust_range(middle, middle) or (0.0, 0.0)
    span = hi - lo
    text = []
    for value in middle.tolist():
        if math.isnan(value):
            text.append(glyphs.not_a_number)
        else:
            share = min(max((value - lo) / span, 0.0), 1.0) if span > 0 else 0.0
            text.append(levels[round(share * (len(levels) - 1))])
    return "".join(text)


def bar(share: float, width: int, glyphs: Glyphs = UNICODE) -> tuple[str, str]:
    """The full and the empty part of a bar of `width` characters for a share from 0 to 1."""
    share = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    halves = round(share * width * 2)
    full = glyphs.bar_full * (halves // 2) + glyphs.bar_half * (halves % 2)
    return full, glyphs.bar_empty * (width - len(full))
