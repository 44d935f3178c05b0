"""Counts as bars over one axis of values, with ticks below and the largest count at the side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dltui.charts.canvas import AXIS, QUIET, TEXT, Frame, series_role
from dltui.charts.glyphs import Glyphs
from dltui.charts.numbers import format_short_count, format_value, tick_labels
from dltui.charts.scales import Floats, nice_ticks

_EIGHTHS = 8


def bar_chart(
    counts: npt.ArrayLike,
    low: float,
    high: float,
    size: tuple[int, int],
    glyphs: Glyphs,
    *,
    logarithmic: bool = False,
) -> Frame:
    """`counts`, `(B,)`, of bars of equal width from `low` to `high`, in `size` (width, height).

    `logarithmic` draws the counts by their logarithm, so that rare values are seen. A bar that
    holds anything is never empty.
    """
    width, height = size
    frame = Frame.blank(width, height)
    values = np.asarray(counts, np.float64)
    rows = height - 2
    if not values.size or rows < 1 or width < 10:
        return frame
    top = float(values.max())
    label = format_short_count(top)
    left = len(label) + 1
    room = width - left - 1
    if low == high or values.size == 1:
        # One value alone: a bar of three columns in the middle, not a full width of it.
        columns = np.zeros(room)
        columns[room // 2 - 1 : room // 2 + 2] = top
    else:
        columns = _spread(values, room)
    shares = _heights(columns, logarithmic=logarithmic)
    _draw_bars(frame, shares, (left + 1, rows), glyphs)
    for row in range(rows):
        frame.write(row, left, glyphs.axis, AXIS)
    frame.write(0, 0, label, QUIET)
    frame.write(rows - 1, left - 2, "log" if logarithmic and left > 4 else "0", QUIET)
    _draw_axis(frame, low, high, (left + 1, rows, room), glyphs)
    return frame


def _spread(values: Floats, room: int) -> Floats:
    """The counts in `room` columns: the mean of the bars a column covers, or a bar repeated."""
    edges = np.linspace(0, values.size, room + 1)
    sums = np.concatenate(([0.0], np.cumsum(values)))
    at_edges = np.interp(edges, np.arange(values.size + 1), sums)
    spread: Floats = np.diff(at_edges) * room / values.size
    return spread


def _heights(columns: Floats, *, logarithmic: bool) -> Floats:
    """Shares of the height, 0 to 1."""
    shown = np.log1p(columns) if logarithmic else columns
    top = float(shown.max())
    heights: Floats = shown / top if top > 0 else shown
    return heights


def _draw_bars(frame: Frame, shares: Floats, place: tuple[int, int], glyphs: Glyphs) -> None:
    left, rows = place
    steps = np.rint(shares * rows * _EIGHTHS).astype(int)
    steps = np.maximum(steps, (shares > 0).astype(int))
    role = series_role(0)
    for row in range(rows):
        filled = np.clip(steps - (rows - 1 - row) * _EIGHTHS, 0, _EIGHTHS)
        text = "".join(glyphs.levels[level] for level in filled.tolist())
        frame.write(row, left, text, role)


def _draw_axis(
    frame: Frame, low: float, high: float, place: tuple[int, int, int], glyphs: Glyphs
) -> None:
    left, row, room = place
    frame.write(row, left - 1, glyphs.corner + glyphs.floor * room, AXIS)
    if high <= low:
        label = format_value(low)
        frame.write(row + 1, left + (room - len(label)) // 2, label, TEXT)
        return
    ticks = [tick for tick in nice_ticks(low, high, max(2, room // 12)) if low <= tick <= high]
    end = -1
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        column = left + min(room - 1, int((tick - low) / (high - low) * room))
        frame.write(row, column, glyphs.floor_tick, AXIS)
        start = min(max(0, column - len(label) // 2), frame.width - len(label))
        if start > end:
            frame.write(row + 1, start, label, QUIET)
            end = start + len(label)
