"""Curves that grow while one looks at them, with a cursor, zoom, smoothing and marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from dltui.charts.canvas import QUIET, TEXT, Frame
from dltui.charts.envelope import Grid
from dltui.charts.glyphs import Glyphs
from dltui.charts.legend import value_near
from dltui.charts.line_plot import (
    MIN_HEIGHT,
    MIN_WIDTH,
    Plot,
    PlotArea,
    draw_plot,
    label_width,
    plot_limits,
)
from dltui.charts.plot_view import Curve, PlotView
from dltui.charts.series import Mark, Series
from dltui.charts.track import Track
from dltui.ui.widgets.chart_window import ChartWindow
from dltui.ui.widgets.frame_view import FrameView

__all__ = ["LineChart", "Mark", "Series"]

SMOOTHING_STEPS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)


class LineChart(FrameView, can_focus=True):
    """Several series over one x axis.

    The owner passes the arrays of the x axis it shows (`set_data`, `x_label`); a press of `x` asks
    it for the next one with `AxisChangeRequested`. `cursor` is in the unit of x and may be set by
    the owner, so that charts share it; only the user's own moves are posted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left_square_bracket,[",
            "change_smoothing(-1)",
            "Smooth less",
            show=False,
            tooltip="Lower the weight of the moving average over the curve",
            id="chart-smooth-less",
        ),
        Binding(
            "right_square_bracket,]",
            "change_smoothing(1)",
            "Smooth more",
            show=False,
            tooltip="Raise the weight of the moving average; the raw curve stays, faint",
            id="chart-smooth-more",
        ),
        Binding(
            "y",
            "toggle_log_y",
            "Log y",
            show=False,
            tooltip="Switch the vertical axis between linear and logarithmic",
            id="chart-log-y",
        ),
        Binding(
            "x",
            "request_axis",
            "X axis",
            show=False,
            tooltip="Show the curves by step, epoch, time or samples",
            id="chart-x-axis",
        ),
        Binding(
            "X",
            "toggle_log_x",
            "Log x",
            show=False,
            tooltip="Switch the horizontal axis between linear and logarithmic",
            id="chart-log-x",
        ),
        Binding(
            "plus,equals_sign,+,=",
            "zoom_chart(0.5)",
            "Zoom in",
            show=False,
            tooltip="Show half as much about the cursor, or up to the newest point",
            id="chart-zoom-in",
        ),
        Binding(
            "minus,-",
            "zoom_chart(2)",
            "Zoom out",
            show=False,
            tooltip="Show twice as much",
            id="chart-zoom-out",
        ),
        Binding(
            "left",
            "pan_chart(-1)",
            "Earlier",
            show=False,
            tooltip="Move the view to earlier points",
            id="chart-pan-left",
        ),
        Binding(
            "right",
            "pan_chart(1)",
            "Later",
            show=False,
            tooltip="Move the view to later points; at the end it follows the newest again",
            id="chart-pan-right",
        ),
        Binding(
            "comma,shift+left",
            "move_cursor(-1)",
            "Cursor left",
            show=False,
            tooltip="Read the values one column earlier",
            id="chart-cursor-left",
        ),
        Binding(
            "full_stop,shift+right",
            "move_cursor(1)",
            "Cursor right",
            show=False,
            tooltip="Read the values one column later",
            id="chart-cursor-right",
        ),
        Binding(
            "0",
            "reset_view",
            "Reset view",
            show=False,
            tooltip="Show everything, without cursor, zoom or smoothing, on linear axes",
            id="chart-reset",
        ),
    ]

    log_y: reactive[bool] = reactive(False, repaint=False)
    log_x: reactive[bool] = reactive(False, repaint=False)
    smoothing: reactive[float] = reactive(0.0, repaint=False)
    x_label: reactive[str] = reactive("step", repaint=False)
    cursor: reactive[float | None] = reactive(None, repaint=False)
    waiting_for: reactive[str] = reactive("waiting for the first point", repaint=False)

    @dataclass
    class CursorMoved(Message):
        """The user moved the cursor to `x`, or off the chart (None)."""

        chart: LineChart
        x: float | None

        @property
        def control(self) -> LineChart:
            return self.chart

    @dataclass
    class AxisChangeRequested(Message):
        """The user asked for another x axis than `current`."""

        chart: LineChart
        current: str

        @property
        def control(self) -> LineChart:
            return self.chart

    def __init__(
        self,
        *,
        waiting_for: str = "waiting for the first point",
        glyphs: Glyphs | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(glyphs=glyphs, id=id)
        self._curves: tuple[Curve, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._tracks: dict[str, Track] = {}
        self._window = ChartWindow()
        self._limits: tuple[float, float] | None = None
        self._plot: Plot | None = None
        self.set_reactive(LineChart.waiting_for, waiting_for)

    def set_data(self, series: Sequence[Series], marks: Sequence[Mark] = ()) -> None:
        """Shows these curves; an array that continues the former one costs only its new end."""
        tracks = {s.name: self._tracks.get(s.name) or Track() for s in series}
        continued = [tracks[s.name].set_points(s.x, s.y) for s in series]
        if not all(continued):
            self._limits = None
        self._tracks = tracks
        self._curves = tuple(Curve(s, tracks[s.name]) for s in series)
        self._marks = tuple(marks)
        self.redraw()

    def value_at(self, x: float) -> dict[str, float]:
        """The value of each series at its last point at or before `x`."""
        values = {c.series.name: value_near(c, x) for c in self._curves}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def x_range(self) -> tuple[float, float] | None:
        """The x that the plot shows now, from edge to edge; None while it shows nothing."""
        if self._plot is None:
            return None
        scale = self._plot.horizontal
        return scale.value(scale.grid.lo), scale.value(scale.grid.hi)

    @property
    def follows(self) -> bool:
        """True while the newest point stays in view."""
        return self._window.follows

    def draw(self, width: int, height: int) -> Frame:
        if width < MIN_WIDTH or height < MIN_HEIGHT:
            self._plot = None
            return Frame.telling(width, height, (f"{MIN_WIDTH}×{MIN_HEIGHT} needed", TEXT))
        extent = self._extent()
        if extent is None:
            self._plot = None
            return self._draw_waiting(width, height)
        view = PlotView(self.log_y, self.log_x, self.smoothing, self.x_label, self.cursor)
        former = self._limits
        labels = label_width(former, height - 3, log=self.log_y) if former else 4
        for _ in range(3):
            area = PlotArea.inside(width, height, labels)
            grid = self._grid(extent, area)
            limits = plot_limits(self._curves, view, grid, former)
            needed = min(label_width(limits, area.height, log=self.log_y), width // 2)
            if needed == labels:
                break
            labels = needed
        self._plot = draw_plot(
            self._curves, self._marks, view, grid, area, (width, height), self.glyphs, limits
        )
        self._limits = limits
        return self._plot.frame

    def watch_log_y(self) -> None:
        self._limits = None
        self.redraw()

    def watch_log_x(self) -> None:
        self._window.reset()
        self.redraw()

    def watch_smoothing(self) -> None:
        self.redraw()

    def watch_x_label(self) -> None:
        self._window.reset()
        self.set_reactive(LineChart.cursor, None)
        self.redraw()

    def watch_cursor(self) -> None:
        self.redraw()

    def watch_waiting_for(self) -> None:
        self.redraw()

    def validate_smoothing(self, smoothing: float) -> float:
        return min(max(smoothing, 0.0), 0.999)

    def action_change_smoothing(self, direction: int) -> None:
        """To the next or the former weight in `SMOOTHING_STEPS`."""
        if direction > 0:
            higher = [s for s in SMOOTHING_STEPS if s > self.smoothing + 1e-9]
            self.smoothing = higher[0] if higher else SMOOTHING_STEPS[-1]
        else:
            lower = [s for s in SMOOTHING_STEPS if s < self.smoothing - 1e-9]
            self.smoothing = lower[-1] if lower else 0.0

    def action_toggle_log_y(self) -> None:
        self.log_y = not self.log_y

    def action_toggle_log_x(self) -> None:
        self.log_x = not self.log_x

    def action_request_axis(self) -> None:
        self.post_message(self.AxisChangeRequested(self, self.x_label))

    def action_zoom_chart(self, factor: float) -> None:
        """Shows `factor` times as much of the x axis."""
        extent = self._extent()
        if extent is None or self._plot is None:
            return
        cursor = None if self.cursor is None else self._plot.horizontal.position(self.cursor)
        self._window.zoom(factor, extent, cursor)
        self._show_window()

    def action_pan_chart(self, direction: int) -> None:
        """Moves the view by a quarter of what it shows."""
        extent = self._extent()
        if extent is not None:
            self._window.pan(direction * 0.25, extent)
            self._show_window()

    def action_reset_view(self) -> None:
        """Shows everything again, as at first."""
        self._window.reset()
        self._limits = None
        self.log_x = self.log_y = False
        self.smoothing = 0.0
        self._move_cursor_to(None)
        self.redraw()

    def action_move_cursor(self, cells: int) -> None:
        """Moves the cursor by columns; the first press puts it on the newest point."""
        if self._plot is None:
            return
        scale = self._plot.horizontal
        current = None if self.cursor is None else scale.cell(self.cursor)
        if current is None:
            newest = scale.cell(max(float(c.track.x[-1]) for c in self._curves if c.track.x.size))
            target = newest if newest is not None else scale.width - 1
        else:
            target = min(max(current + cells, 0), scale.width - 1)
        self._move_cursor_to(self._snapped(target))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._plot is None:
            return
        place = event.get_content_offset(self)
        cell = -1 if place is None else place.x - self._plot.area.left
        inside = 0 <= cell < self._plot.area.width
        self._move_cursor_to(self._snapped(cell) if inside else None)

    def on_leave(self, _event: events.Leave) -> None:
        self._move_cursor_to(None)

    def _move_cursor_to(self, x: float | None) -> None:
        if x != self.cursor:
            self.cursor = x
            self.post_message(self.CursorMoved(self, x))

    def _snapped(self, cell: int) -> float:
        """The last x that a series has in this column of cells, else the middle of the column."""
        assert self._plot is not None
        scale = self._plot.horizontal
        end = scale.value((scale.grid.start + 2 * cell + 2) * scale.grid.width)
        for curve in self._curves:
            index = curve.track.nearest(math.nextafter(end, -math.inf))
            if index is not None and scale.cell(x := float(curve.track.x[index])) == cell:
                return x
        return scale.at_cell(cell)

    def _show_window(self) -> None:
        self._limits = None
        self.redraw()

    def _extent(self) -> tuple[float, float] | None:
        """The least and greatest position of all curves, as the grid counts them."""
        ends = [
            (float(position[0]), float(position[-1]))
            for c in self._curves
            if (position := c.track.position(log_x=self.log_x)).size
        ]
        return (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else None

    def _grid(self, extent: tuple[float, float], area: PlotArea) -> Grid:
        return self._window.grid(extent, area.width * 2)

    def _draw_waiting(self, width: int, height: int) -> Frame:
        names = ", ".join(c.series.name for c in self._curves)
        lines = [(self.waiting_for, TEXT), *([(names, QUIET)] if names else [])]
        return Frame.telling(width, height, *lines)
