"""The top line of a plot: what each curve is, its value, and where that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dltui.charts.axes import HorizontalScale
from dltui.charts.canvas import QUIET, STRONG, TEXT, Frame, series_role
from dltui.charts.glyphs import Glyphs
from dltui.charts.numbers import format_count, format_duration, format_value
from dltui.charts.plot_view import Curve, PlotView
from dltui.charts.series import Mark, Series


def series_key(series: Series, glyphs: Glyphs, *, crowded: bool) -> str:
    """How a curve looks, in one character: its line, or its marker where several are solid."""
    if crowded:
        return glyphs.markers[series.color % len(glyphs.markers)]
    return glyphs.dashed if series.dashed else glyphs.solid


def is_crowded(curves: Sequence[Curve]) -> bool:
    """True if line styles alone do not tell the curves apart, so that markers are drawn."""
    return sum(not c.series.dashed for c in curves) > 1 or sum(c.series.dashed for c in curves) > 1


def draw_legend(
    frame: Frame,
    curves: Sequence[Curve],
    marks: Sequence[Mark],
    scale: HorizontalScale,
    view: PlotView,
    glyphs: Glyphs,
) -> None:
    """Values at the cursor, else the last ones, from the left; where that is, from the right."""
    crowded = is_crowded(curves)
    place = _place(curves, view)
    near = _near_mark(marks, scale, view.cursor)
    entries = [_entry(curve, view) for curve in curves]
    needed = sum(len(name) + len(value) + 4 for name, value in entries)
    width = frame.width
    settings = _settings(view)
    texts = (
        f"{near} {glyphs.dot} {place}" if near else " ".join([*settings, place]),
        near or place,
        place,
    )
    spare = width - (needed if len(entries) <= 3 else width // 2)
    right = next((text for text in texts if len(text) <= spare), "")
    room = width - len(right) - bool(right)
    column = 0
    for i, (curve, (name, value)) in enumerate(zip(curves, entries, strict=True)):
        length = len(name) + len(value) + 3
        rest = len(curves) - i
        if column + length > room - (4 if rest > 1 else 0) and i:
            column = frame.write(0, column, f"+{rest}", QUIET)
            break
        key = series_key(curve.series, glyphs, crowded=crowded)
        column = frame.write(0, column, key, series_role(curve.series.color)) + 1
        if length <= room - column + 2:
            column = frame.write(0, column, name, TEXT) + 1
        column = frame.write(0, column, value, STRONG) + 2
    frame.write(0, width - len(right), right, QUIET)


def _entry(curve: Curve, view: PlotView) -> tuple[str, str]:
    value = value_near(curve, view.cursor)
    text = "no data" if value is None else format_value(value)
    return curve.series.name, text.ljust(6)


def value_near(curve: Curve, cursor: float | None) -> float | None:
    """The value of the curve at or before the cursor, or its last one; None without points."""
    track = curve.track
    if cursor is None:
        return float(track.y[-1]) if track.y.size else None
    index = track.nearest(cursor)
    return None if index is None else float(track.y[index])


def _place(curves: Sequence[Curve], view: PlotView) -> str:
    newest = max((float(c.track.x[-1]) for c in curves if c.track.x.size), default=None)
    x = view.cursor if view.cursor is not None else newest
    if x is None:
        return ""
    number = format_duration(x) if view.x_label == "time" else format_count(x)
    return f"{view.x_label} {number}"


def _settings(view: PlotView) -> list[str]:
    settings = [f"smooth {view.smoothing:g}"] if view.smoothing > 0 else []
    settings += ["log y"] if view.log_y else []
    settings += ["log x"] if view.log_x else []
    return settings


def _near_mark(marks: Sequence[Mark], scale: HorizontalScale, cursor: float | None) -> str | None:
    cell = None if cursor is None else scale.cell(cursor)
    if cell is None:
        return None
    near = [(abs(c - cell), m.label) for m in marks if (c := scale.cell(m.x)) is not None]
    distance, label = min(near, default=(math.inf, ""))
    return label if distance <= 1 else None
