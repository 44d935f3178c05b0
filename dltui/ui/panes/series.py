"""Forecasts against the truth, with the interval that the model is sure of."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding

from dltui.charts.band_plot import Forecast
from dltui.charts.numbers import format_value
from dltui.ui.outcome_frames import forecasts
from dltui.ui.panes.outcome import OutcomePane
from dltui.ui.snapshot import SeriesAt, Snapshot
from dltui.ui.widgets.outcome_charts import ForecastChart


class SeriesPane(OutcomePane):
    """The newest forecasts; `n` turns to other series, `<` and `>` to earlier evaluations."""

    pane_title = "forecast against truth"
    topic = "series"
    hint = "< > steps · n next series"
    kind = "series"
    BINDINGS = [
        Binding("n", "turn_series(1)", "Next series", show=False, id="series-next"),
        Binding("N", "turn_series(-1)", "Series before", show=False, id="series-before"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.chart = ForecastChart(id="forecast-chart")
        self._shown: SeriesAt | None = None
        self._forecasts: tuple[Forecast, ...] = ()

    def compose(self) -> ComposeResult:
        yield self.chart

    def show(self, snapshot: Snapshot) -> None:
        at = snapshot.series
        if at is None:
            self.wait_while(
                snapshot,
                "waiting for the first evaluation, which leaves a forecast",
                "this run has no forecast",
            )
            self._shown = None
        elif at is not self._shown:
            self.wait_for(None)
            self._shown = at
            self._forecasts = forecasts(at)
            self.name_as(f"{at.title} · {self.show_moment(at.steps, at.index)}")
            self.chart.set_data(self._forecasts)

    def action_turn_series(self, by: int) -> None:
        if self._forecasts:
            self.chart.show_from((self.chart.first + by) % len(self._forecasts))

    def readings(self) -> list[str]:
        if self._shown is None:
            return ["There is no forecast yet."]
        step = self._shown.steps[self._shown.index]
        lines = [f"{self._shown.title}: {len(self._forecasts)} series at step {step:,}."]
        for forecast in self._forecasts[:8]:
            held = forecast.inside
            inside = f"; the interval holds {held * 100:.0f} % of the truth" if held == held else ""
            lines.append(
                f"{forecast.name}: the prediction is off by {format_value(forecast.error)} on "
                f"average{inside}."
            )
        return lines
