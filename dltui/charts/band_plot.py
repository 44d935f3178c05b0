"""A forecast against the truth, with the interval that it is sure of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltui.charts.axes import (
    HorizontalScale,
    VerticalScale,
    draw_horizontal_axis,
    draw_vertical_axis,
)
from dltui.charts.canvas import CURSOR, QUIET, STRONG, TEXT, Dots, Frame, narrow, series_role
from dltui.charts.envelope import Envelope, Grid, envelope
from dltui.charts.glyphs import Glyphs
from dltui.charts.line_plot import PlotArea, curve_spans, label_width
from dltui.charts.numbers import format_value
from dltui.charts.scales import Floats, robust_range, snapped_limits

MIN_WIDTH, MIN_HEIGHT = 16, 4
_TRUTH, _PREDICTION = 0, 1
_MARKER_EVERY = 8


@dataclass(frozen=True, slots=True)
class Forecast:
    """One series, all arrays `(T,)`, `time` ascending; NaN where nothing is known or predicted.

    `low` and `high` bound the interval; both None where there is none.
    """

    name: str
    time: Floats
    truth: Floats
    prediction: Floats
    low: Floats | None = None
    high: Floats | None = None
    time_label: str = "time"

    @property
    def start(self) -> float | None:
        """The time of the first prediction."""
        known = np.flatnonzero(np.isfinite(self.prediction))
        return float(self.time[known[0]]) if known.size else None

    @property
    def error(self) -> float:
        """The mean absolute error where both are known; NaN where they never are."""
        off = np.abs(self.prediction - self.truth)
        known = np.isfinite(off)
        return float(off[known].mean()) if known.any() else float("nan")

    @property
    def inside(self) -> float:
        """The share of known truths that lie in the interval; NaN without an interval."""
        if self.low is None or self.high is None:
            return float("nan")
        known = np.isfinite(self.truth) & np.isfinite(self.low) & np.isfinite(self.high)
        held = (self.low <= self.truth) & (self.truth <= self.high)
        return float(held[known].mean()) if known.any() else float("nan")


def draw_forecast(data: Forecast, size: tuple[int, int], glyphs: Glyphs) -> Frame:
    """The chart in `size` (width, height) cells: legend, plot and time axis.

    Truth and prediction differ by colour and by the markers on the prediction; the interval is a
    field of dots, and a vertical line stands where the forecast begins.
    """
    frame = Frame.blank(*size)
    if size[0] < MIN_WIDTH or size[1] < MIN_HEIGHT:
        frame.write(size[1] // 2, 0, f"{MIN_WIDTH}×{MIN_HEIGHT} needed"[: size[0]], QUIET)
        return frame
    if not data.time.size or not (np.isfinite(data.truth) | np.isfinite(data.prediction)).any():
        frame.write(size[1] // 2, 1, "nothing is known of this series"[: size[0] - 1], QUIET)
        return frame
    limits = _limits(data)
    area = PlotArea.inside(*size, label_width(limits, size[1], log=False))
    extent = float(data.time[0]), float(data.time[-1])
    grid = Grid.covering(*extent, 2 * area.width)
    horizontal = HorizontalScale(grid, kind="year", lo=extent[0], hi=extent[1])
    vertical = VerticalScale(*limits, area.height)
    draw_vertical_axis(frame, vertical, glyphs, top=area.top, width=area.left - 1)
    draw_horizontal_axis(
        frame,
        horizontal,
        glyphs,
        row=area.top + area.height,
        left=area.left,
        label=narrow(data.time_label) if area.labels else "",
    )
    _draw_start(frame, data, horizontal, area, glyphs)
    _draw_interval(frame, data, grid, vertical, area, glyphs)
    dots = Dots(area.width, area.height)
    truth = envelope(data.time, data.truth, grid)
    prediction = envelope(data.time, data.prediction, grid)
    dots.draw_spans(*curve_spans(truth, vertical), series_role(_TRUTH))
    dots.draw_spans(*curve_spans(prediction, vertical), series_role(_PREDICTION))
    dots.paint(frame, area.top, area.left, glyphs)
    _draw_markers(frame, prediction, grid, vertical, area, glyphs)
    _draw_legend(frame, data, glyphs)
    return frame


def _limits(data: Forecast) -> tuple[float, float]:
    """Of truth and prediction, and of the interval as far as it does not dwarf them."""
    ranges = [robust_range(values, values) for values in (data.truth, data.prediction)]
    known = [found for found in ranges if found is not None]
    lo, hi = min(low for low, _ in known), max(high for _, high in known)
    if data.low is not None and data.high is not None:
        margin = (hi - lo) or 1.0
        band = robust_range(data.low, data.high)
        if band is not None:
            lo, hi = max(min(lo, band[0]), lo - margin), min(max(hi, band[1]), hi + margin)
    return snapped_limits(lo, hi)


def _draw_start(
    frame: Frame, data: Forecast, scale: HorizontalScale, area: PlotArea, glyphs: Glyphs
) -> None:
    cell = None if data.start is None else scale.cell(data.start)
    if cell:
        for row in range(area.top, area.top + area.height):
            frame.write(row, area.left + cell, glyphs.cursor, CURSOR)


def _draw_interval(
    frame: Frame,
    data: Forecast,
    grid: Grid,
    scale: VerticalScale,
    area: PlotArea,
    glyphs: Glyphs,
) -> None:
    """Every second dot of a chequerboard between the bounds."""
    if data.low is None or data.high is None:
        return
    dots = Dots(area.width, area.height)
    top, _ = curve_spans(envelope(data.time, data.high, grid), scale)
    _, bottom = curve_spans(envelope(data.time, data.low, grid), scale)
    dots.draw_spans(top, bottom, series_role(_PREDICTION, faint=True))
    rows, columns = np.indices(dots.dots.shape)
    dots.dots &= (rows + columns) % 2 == 0
    dots.paint(frame, area.top, area.left, glyphs)


def _draw_markers(
    frame: Frame,
    prediction: Envelope,
    grid: Grid,
    scale: VerticalScale,
    area: PlotArea,
    glyphs: Glyphs,
) -> None:
    filled = np.flatnonzero(~np.isnan(prediction.last))
    if filled.size > max(1, area.width // 4):
        filled = filled[(filled + grid.start) % (2 * _MARKER_EVERY) == 0]
    rows = scale.rows(prediction.last[filled])
    for column, row in zip(filled.tolist(), rows.tolist(), strict=True):
        place = area.top + round(row) // 4, area.left + column // 2
        frame.write(*place, glyphs.markers[_PREDICTION], series_role(_PREDICTION))


def _draw_legend(frame: Frame, data: Forecast, glyphs: Glyphs) -> None:
    column = frame.write(0, 0, glyphs.solid, series_role(_TRUTH)) + 1
    column = frame.write(0, column, "truth", TEXT) + 2
    column = frame.write(0, column, glyphs.markers[_PREDICTION], series_role(_PREDICTION)) + 1
    column = frame.write(0, column, "prediction", TEXT) + 2
    key = series_role(_PREDICTION, faint=True)
    for sign, name, value in (
        ("", "error", format_value(data.error)),
        ("::", "interval holds", f"{data.inside * 100:.0f} %"),
    ):
        length = len(sign) + bool(sign) + len(name) + 1 + len(value)
        if "nan" not in value.lower() and column + length <= frame.width:
            column = frame.write(0, column, sign, key) + bool(sign)
            column = frame.write(0, column, name, QUIET) + 1
            column = frame.write(0, column, value, STRONG) + 2
    name = narrow(data.name)
    if frame.width - len(name) > column:
        frame.write(0, frame.width - len(name), name, QUIET)
