"""Curves over steps, epochs, time or samples, drawn into a frame of cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dltui.charts.axes import (
    HorizontalScale,
    VerticalScale,
    draw_horizontal_axis,
    draw_vertical_axis,
)
from dltui.charts.canvas import (
    ALARM,
    CURSOR,
    MARK,
    Dots,
    Frame,
    series_role,
)
from dltui.charts.envelope import Envelope, Grid
from dltui.charts.glyphs import Glyphs
from dltui.charts.legend import draw_legend, is_crowded
from dltui.charts.plot_view import Curve, PlotView
from dltui.charts.scales import Floats, robust_range, snapped_limits, snapped_log_limits
from dltui.charts.series import Mark

MIN_WIDTH, MIN_HEIGHT = 12, 4
_MARKER_EVERY = 24


@dataclass(frozen=True, slots=True)
class PlotArea:
    """Where the plot lies in a frame: rows and columns in cells."""

    top: int
    left: int
    width: int
    height: int
    labels: bool

    @classmethod
    def inside(cls, width: int, height: int, label_width: int) -> PlotArea:
        """The area that a legend above, an axis below and labels on both sides leave."""
        labels = height >= 6
        left = label_width + 1
        return cls(1, left, max(width - left, 1), max(height - 2 - labels, 1), labels)


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn chart and what is needed to point into it."""

    frame: Frame
    area: PlotArea
    horizontal: HorizontalScale
    limits: tuple[float, float]


def draw_plot(
    curves: Sequence[Curve],
    marks: Sequence[Mark],
    view: PlotView,
    grid: Grid,
    area: PlotArea,
    size: tuple[int, int],
    glyphs: Glyphs,
    limits: tuple[float, float] | None = None,
) -> Plot:
    """The chart in `size` (width, height) cells; `limits` are the former y limits.

    `grid` counts log₁₀ x where the view is logarithmic in x.
    """
    frame = Frame.blank(*size)
    ends = [float(c.track.x[-1]) for c in curves if c.track.x.size]
    horizontal = HorizontalScale(grid, view.log_x, view.x_label, hi=max(ends, default=math.inf))
    raw = [c.track.columns(grid, log_x=view.log_x) for c in curves]
    limits = _limits(raw, view.log_y, limits)
    vertical = VerticalScale(*limits, area.height, view.log_y)
    draw_vertical_axis(frame, vertical, glyphs, top=area.top, width=area.left - 1)
    floor = area.top + area.height
    draw_horizontal_axis(
        frame,
        horizontal,
        glyphs,
        row=floor,
        left=area.left,
        label=view.x_label if area.labels else "",
    )
    _draw_cursor(frame, horizontal, view.cursor, area, glyphs)
    dots = Dots(area.width, area.height)
    for curve, columns in zip(curves, raw, strict=True):
        _draw_curve(dots, curve, columns, vertical, view, grid)
    dots.paint(frame, area.top, area.left, glyphs)
    _draw_markers(frame, curves, raw, vertical, view, grid, area, glyphs)
    for columns in raw:
        _draw_edges(frame, columns, vertical, area, glyphs)
    _draw_marks(frame, marks, horizontal, area, glyphs)
    draw_legend(frame, curves, marks, horizontal, view, glyphs)
    return Plot(frame, area, horizontal, limits)


def label_width(limits: tuple[float, float], height: int, *, log: bool) -> int:
    """Cells that the labels of the vertical axis take, at least 3."""
    ticks = VerticalScale(*limits, max(height, 1), log).ticks()
    return max(3, *(len(label) for _, label in ticks)) if ticks else 3


def plot_limits(
    curves: Sequence[Curve], view: PlotView, grid: Grid, former: tuple[float, float] | None
) -> tuple[float, float]:
    """The y limits that `draw_plot` would use on this grid."""
    raw = [c.track.columns(grid, log_x=view.log_x) for c in curves]
    return _limits(raw, view.log_y, former)


def _limits(
    raw: Sequence[Envelope], log_y: bool, former: tuple[float, float] | None
) -> tuple[float, float]:
    ranges = []
    for columns in raw:
        low = np.where(columns.low > 0, columns.low, np.nan) if log_y else columns.low
        high = np.where(columns.high > 0, columns.high, np.nan) if log_y else columns.high
        if log_y:
            low, high = (np.clip(np.log10(values), -150, 150) for values in (low, high))
        if (found := robust_range(low, high)) is not None:
            ranges.append(found)
    if not ranges:
        return (0.1, 10.0) if log_y else (0.0, 1.0)
    lo, hi = min(r[0] for r in ranges), max(r[1] for r in ranges)
    if log_y:
        return snapped_log_limits(10.0**lo, 10.0**hi, former)
    return snapped_limits(lo, hi, former)


def _draw_curve(
    dots: Dots, curve: Curve, columns: Envelope, scale: VerticalScale, view: PlotView, grid: Grid
) -> None:
    slot = curve.series.color
    smooth = view.smoothing > 0 and not curve.series.dashed
    top, bottom = curve_spans(columns, scale)
    if curve.series.dashed:
        gaps = (np.arange(top.size) + grid.start) % 4 >= 2
        top = np.where(gaps & np.isnan(columns.first), np.nan, top)
    dots.draw_spans(top, bottom, series_role(slot, faint=smooth))
    if smooth:
        averaged = curve.track.columns(grid, log_x=view.log_x, smoothing=view.smoothing)
        middle = _middle(averaged)
        dots.draw_spans(*curve_spans(middle, scale), series_role(slot), cover=True)


def _middle(columns: Envelope) -> Envelope:
    """A thin curve for an average: each column at its last value."""
    last = columns.last
    return Envelope(last, last, last, last, columns.nan, columns.above, columns.below)


def curve_spans(columns: Envelope, scale: VerticalScale) -> tuple[Floats, Floats]:
    """Top and bottom dot row of each column: its envelope, joined to its neighbours."""
    top, bottom = scale.rows(columns.high), scale.rows(columns.low)
    first, last = scale.rows(columns.first), scale.rows(columns.last)
    filled = np.flatnonzero(~np.isnan(first))
    if filled.size < 2:
        return top, bottom
    left, right = filled[:-1], filled[1:]
    start, end = last[left], first[right]
    slope = (end - start) / (right - left)
    middle = np.arange(filled[0], filled[-1])
    step = np.searchsorted(filled, middle, side="right") - 1
    leave = start[step] + slope[step] * np.maximum(middle - left[step] - 0.5, 0)
    reach = start[step] + slope[step] * (middle - left[step] + 0.5)
    low, high = np.minimum(leave, reach), np.maximum(leave, reach)
    columns_here = middle
    top[columns_here] = np.fmin(top[columns_here], low)
    bottom[columns_here] = np.fmax(bottom[columns_here], high)
    arrive = end - slope * 0.5
    top[right] = np.fmin(top[right], np.minimum(arrive, end))
    bottom[right] = np.fmax(bottom[right], np.maximum(arrive, end))
    return top, bottom


def _draw_markers(
    frame: Frame,
    curves: Sequence[Curve],
    raw: Sequence[Envelope],
    scale: VerticalScale,
    view: PlotView,
    grid: Grid,
    area: PlotArea,
    glyphs: Glyphs,
) -> None:
    """Markers at the points of sparse curves, and along the curves where lines alone are alike."""
    crowded = is_crowded(curves)
    for curve, columns in zip(curves, raw, strict=True):
        slot = curve.series.color
        marker = glyphs.markers[slot % len(glyphs.markers)] if crowded else glyphs.point
        shown = columns
        if view.smoothing > 0 and not curve.series.dashed:
            shown = curve.track.columns(grid, log_x=view.log_x, smoothing=view.smoothing)
        filled = np.flatnonzero(~np.isnan(shown.last))
        sparse = 0 < filled.size <= max(1, area.width // 2)
        if not sparse and crowded:
            filled = filled[(filled + grid.start + 6 * slot) % (2 * _MARKER_EVERY) == 0]
        elif not sparse:
            continue
        rows = scale.rows(shown.last[filled])
        for column, row in zip(filled.tolist(), rows.tolist(), strict=True):
            cell = area.top + round(row) // 4
            frame.write(cell, area.left + column // 2, marker, series_role(slot))


def _draw_edges(
    frame: Frame, columns: Envelope, scale: VerticalScale, area: PlotArea, glyphs: Glyphs
) -> None:
    """What has no place between the limits, on the edge it left by; NaN at the top."""
    bottom = area.top + area.height - 1
    with np.errstate(invalid="ignore"):
        edges = (
            (columns.high > scale.hi, area.top, glyphs.above),
            (columns.low < scale.lo, bottom, glyphs.below),
            (columns.below, bottom, glyphs.infinite),
            (columns.above, area.top, glyphs.infinite),
            (columns.nan, area.top, glyphs.not_a_number),
        )
    for flags, row, glyph in edges:
        for column in np.unique(np.flatnonzero(flags) // 2).tolist():
            frame.write(row, area.left + column, glyph, ALARM)


def _draw_cursor(
    frame: Frame,
    scale: HorizontalScale,
    cursor: float | None,
    area: PlotArea,
    glyphs: Glyphs,
) -> None:
    cell = None if cursor is None else scale.cell(cursor)
    if cell is not None:
        for row in range(area.top, area.top + area.height):
            frame.write(row, area.left + cell, glyphs.cursor, CURSOR)


def _draw_marks(
    frame: Frame,
    marks: Sequence[Mark],
    scale: HorizontalScale,
    area: PlotArea,
    glyphs: Glyphs,
) -> None:
    for mark in marks:
        cell = scale.cell(mark.x)
        if cell is not None:
            glyph = glyphs.marks.get(mark.kind, glyphs.dot)
            frame.write(area.top + area.height, area.left + cell, glyph, MARK)
