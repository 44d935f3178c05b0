"""A forecast and a map of points as widgets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltui.charts.band_plot import Forecast, draw_forecast
from dltui.charts.canvas import Frame
from dltui.charts.scatter_plot import Points, draw_scatter
from dltui.ui.widgets.frame_view import FrameView

_ROWS_A_CHART = 9


class ForecastChart(FrameView, can_focus=True):
    """Forecasts below each other, as many as have room, from the chosen one on."""

    DEFAULT_CSS = "ForecastChart { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._forecasts: tuple[Forecast, ...] = ()
        self.first = 0

    def set_data(self, forecasts: Sequence[Forecast]) -> None:
        """Shows these."""
        self._forecasts = tuple(forecasts)
        self.redraw()

    def show_from(self, first: int) -> None:
        """Begins with another one."""
        self.first = first
        self.redraw()

    @property
    def shown(self) -> int:
        """How many charts there is room for."""
        fitting = max(1, self.content_size.height // _ROWS_A_CHART)
        return max(1, min(fitting, len(self._forecasts)))

    def draw(self, width: int, height: int) -> Frame:
        frame = Frame.blank(width, height)
        count = self.shown
        edges = np.linspace(0, height, count + 1).round().astype(int).tolist()
        for place in range(count if self._forecasts else 0):
            forecast = self._forecasts[(self.first + place) % len(self._forecasts)]
            part = draw_forecast(forecast, (width, edges[place + 1] - edges[place]), self.glyphs)
            frame.chars[edges[place] : edges[place + 1]] = part.chars
            frame.roles[edges[place] : edges[place + 1]] = part.roles
        return frame


class ScatterChart(FrameView, can_focus=True):
    """A map of points; one class may be brought out."""

    DEFAULT_CSS = "ScatterChart { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._points: Points | None = None
        self.chosen: int | None = None

    def set_data(self, points: Points) -> None:
        """Shows these points."""
        self._points = points
        self.redraw()

    def choose(self, label: int | None) -> None:
        """Brings one class out; None shows all alike."""
        self.chosen = label
        self.redraw()

    def draw(self, width: int, height: int) -> Frame:
        if self._points is None:
            return Frame.blank(width, height)
        return draw_scatter(self._points, (width, height), self.glyphs, chosen=self.chosen)
