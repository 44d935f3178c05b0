"""Figures of a tensor's values, and how they are distributed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive

from dltui.charts.bar_chart import bar_chart
from dltui.charts.canvas import Frame
from dltui.charts.numbers import format_value
from dltui.inspect.contents import Tensor
from dltui.inspect.statistics import Statistics, refining
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.panel import Panel
from dltui.ui.inspect.reading import Cancelled, Reading, Work
from dltui.ui.inspect.views.figures import progress_line, statistics_lines
from dltui.ui.panes.lines import Line, Lines
from dltui.ui.widgets.frame_view import FrameView

_CHART_ROWS = 5


class ValueHistogram(FrameView, can_focus=True):
    """Bars of the values; `h` switches to logarithmic counts, in which rare values are seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "h",
            "toggle_log",
            "Log counts",
            show=False,
            tooltip="Bars by the logarithm of their counts: rare values are seen",
            id="histogram-log",
        )
    ]
    DEFAULT_CSS = "ValueHistogram { height: 1fr; }"
    log_counts: reactive[bool] = reactive(False, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self.statistics: Statistics | None = None

    def show(self, statistics: Statistics | None) -> None:
        """Draws another tensor's bars, or none."""
        self.statistics = statistics
        self.redraw()

    def draw(self, width: int, height: int) -> Frame:
        found = self.statistics
        if found is None or not found.histogram.counts:
            return Frame.blank(width, height)
        bars = found.histogram
        size = (width, height)
        return bar_chart(
            bars.counts, bars.low, bars.high, size, self.glyphs, logarithmic=self.log_counts
        )

    def action_toggle_log(self) -> None:
        self.log_counts = not self.log_counts
        self.redraw()


def statistics_work(file: OpenedFile, tensor: Tensor) -> Work:
    """Statistics that get better, kept with the file once they are of all values."""

    def work(values: Any, cancelled: Cancelled) -> Iterator[Statistics]:
        known = file.statistics.get(tensor.name)
        if known is not None:
            yield known
            return
        for found in refining(values, tensor, cancelled):
            if not found.partial:
                file.statistics[tensor.name] = found
            yield found

    return work


class StatisticsPanel(Panel):
    """All figures, with the histogram where there is room below."""

    view = "stats"
    topic = "tensor-statistics"
    full: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.figures = Lines(id=f"{self.view}-figures")
        self.chart = ValueHistogram()
        self.found: Statistics | None = None

    def compose(self) -> ComposeResult:
        yield self.word
        yield self.figures
        yield self.chart

    def show(self, file: OpenedFile, tensor: Tensor) -> None:
        super().show(file, tensor)
        self.found = None
        self.figures.set_lines(())
        self.chart.show(None)

    def wish(self, file: OpenedFile, tensor: Tensor) -> tuple[Hashable, Work]:
        return ("statistics", tensor.name), statistics_work(file, tensor)

    def take(self, reading: Reading) -> None:
        self.found = reading.result
        if reading.problem:
            self.say(((reading.problem, "bad"),))
        else:
            line = progress_line(self.found)
            self.say(*([line] if line else []))
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        if self.found is None or not self.size.width:
            return
        lines = self._lines(self.found, max(20, self.size.width - 1))
        self.figures.set_lines(lines)
        room = self.size.height - len(lines)
        self.chart.display = room >= _CHART_ROWS
        self.figures.styles.height = len(lines) if self.chart.display else "1fr"
        self.chart.show(self.found)

    def _lines(self, found: Statistics, width: int) -> list[Line]:
        return statistics_lines(found, width)

    def readings(self) -> list[str]:
        found = self.found
        if found is None:
            return []
        return [
            f"values from {format_value(found.min)} to {format_value(found.max)}, "
            f"mean {format_value(found.mean)}, standard deviation {format_value(found.std)}",
            f"{found.zeros:,} of {found.seen:,} are zero, {found.nan:,} NaN, "
            f"{found.infinite:,} infinite",
        ]


class HistogramPanel(StatisticsPanel):
    """The histogram as large as it gets, with the limits above."""

    view = "histogram"
    topic = "tensor-histogram"

    def _lines(self, found: Statistics, width: int) -> list[Line]:
        text = (
            f"{format_value(found.min)} to {format_value(found.max)}   "
            f"median {format_value(found.percentiles.get(50.0, float('nan')))}   "
            f"std {format_value(found.std)}"
        )
        lines: list[Line] = [((text, "dim"),)]
        if found.nan or found.infinite:
            lines.append(((f"▲ {found.nan:,} NaN and {found.infinite:,} infinite", "bad"),))
        return lines
