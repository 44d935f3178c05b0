"""The line chart as a person sees and drives it."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from dltui.charts.glyphs import ASCII
from dltui.ui.widgets.line_chart import LineChart, Mark, Series

X = np.arange(1, 1001, dtype=np.float64)
LOSS = 2.3 * np.exp(-X / 200) + 0.05


class ChartApp(App[None]):
    CSS = "LineChart { width: 100%; height: 100%; }"

    def __init__(self, **options) -> None:
        super().__init__()
        self.options = options
        self.cursors: list[float | None] = []
        self.axes: list[str] = []

    def compose(self) -> ComposeResult:
        yield LineChart(**self.options)

    def on_line_chart_cursor_moved(self, event: LineChart.CursorMoved) -> None:
        self.cursors.append(event.x)

    def on_line_chart_axis_change_requested(self, event: LineChart.AxisChangeRequested) -> None:
        self.axes.append(event.current)


def text(chart: LineChart) -> str:
    return "\n".join(chart.frame.lines())


async def test_it_says_what_it_waits_for_until_there_is_a_point():
    async with ChartApp(waiting_for="waiting for the first evaluation").run_test() as pilot:
        chart = pilot.app.query_one(LineChart)
        assert "waiting for the first evaluation" in text(chart)
        chart.set_data([Series("train", X, LOSS)])
        assert "waiting" not in text(chart)
        assert "train" in chart.frame.lines()[0]
        assert "0.0655" in chart.frame.lines()[0]
        assert "step 1,000" in chart.frame.lines()[0]


async def test_validation_differs_from_training_without_colour():
    async with ChartApp().run_test() as pilot:
        chart = pilot.app.query_one(LineChart)
        val = Series("val", X[99::100], LOSS[99::100] + 0.5, 1, dashed=True)
        chart.set_data([Series("train", X, LOSS), val])
        assert "━ train" in chart.frame.lines()[0]
        assert "╍ val" in chart.frame.lines()[0]
        assert sum(line.count("•") for line in chart.frame.lines()[1:]) == 10


async def test_a_spike_a_nan_and_an_infinity_are_marked():
    y = LOSS.copy()
    y[400], y[600], y[800] = 500.0, np.nan, np.inf
    async with ChartApp().run_test() as pilot:
        chart = pilot.app.query_one(LineChart)
        chart.set_data([Series("train", X, y)])
        edge = chart.frame.lines()[1]
        assert edge.index("▲") < edge.index("×") < edge.index("∞")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
async def test_a_curve_without_one_finite_value_is_still_drawn(bad):
    async with ChartApp().run_test() as pilot:
        chart = pilot.app.query_one(LineChart)
        chart.set_data([Series("train", X, np.full(X.size, bad))])
        glyph = "×" if np.isnan(bad) else "∞"
        assert sum(line.count(glyph) for line in chart.frame.lines()) > 20


async def test_marks_stand_on_the_axis_and_speak_near_the_cursor():
    async with ChartApp().run_test() as pilot:
        chart = pilot.app.query_one(LineChart)
        mark = Mark(500, "checkpoint", "checkpoint 500")
        chart.set_data([Series("train", X, LOSS)], [mark])
        assert "◆" in chart.frame.lines()[-2]
        assert "checkpoint 500" not in text(chart)
        chart.cursor = 500.0
        assert "checkpoint 500" in chart.frame.lines()[0]


async def test_keys_change_smoothing_scales_and_cursor():
    app = ChartApp()
    async with app.run_test() as pilot:
        chart = app.query_one(LineChart)
        chart.set_data([Series("train", X, LOSS)])
        chart.focus()
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert "smooth 0.8" in text(chart)
        await pilot.press("left_square_bracket", "y", "X")
        assert chart.smoothing == 0.5
        assert "log y" in text(chart)
        assert "log x" in text(chart)
        await pilot.press("comma", "comma", "full_stop")
        assert app.cursors[0] == 1000.0
        assert app.cursors[1] < app.cursors[0]
        assert chart.value_at(app.cursors[1])["train"] == LOSS[int(app.cursors[1]) - 1]
        await pilot.press("x", "0")
        assert app.axes == ["step"]
        assert app.cursors[-1] is None
        assert (chart.smoothing, chart.log_y, chart.log_x) == (0.0, False, False)


async def test_zoom_and_pan_follow_the_newest_point_until_panned():
    async with ChartApp().run_test() as pilot:
        chart = pilot.app.query_one(LineChart)
        chart.set_data([Series("train", X, LOSS)])
        chart.focus()
        whole = chart.x_range
        await pilot.press("plus", "plus")
        lo, hi = chart.x_range
        assert hi - lo < 0.5 * (whole[1] - whole[0])
        assert hi >= 1000
        assert chart.follows
        await pilot.press("left")
        assert not chart.follows
        assert chart.x_range[1] < 1000
        longer = np.arange(1, 1101, dtype=np.float64)
        panned = chart.x_range
        chart.set_data([Series("train", longer, 2.3 * np.exp(-longer / 200) + 0.05)])
        assert chart.x_range == panned
        await pilot.press("right", "right", "right")
        assert chart.follows
        assert chart.x_range[1] >= 1100
        await pilot.press("0")
        assert chart.x_range[0] <= 1


async def test_zoom_keeps_the_cursor_in_view():
    async with ChartApp().run_test() as pilot:
        chart = pilot.app.query_one(LineChart)
        chart.set_data([Series("train", X, LOSS)])
        chart.focus()
        chart.cursor = 300.0
        for _ in range(4):
            await pilot.press("plus")
            assert chart.x_range[0] <= 300 <= chart.x_range[1]


async def test_the_mouse_reads_values():
    app = ChartApp()
    async with app.run_test() as pilot:
        chart = app.query_one(LineChart)
        chart.set_data([Series("train", X, LOSS)])
        await pilot.hover(LineChart, offset=(40, 8))
        assert len(app.cursors) == 1
        assert 300 < app.cursors[0] < 700
        assert "┊" in text(chart)


async def test_the_owner_moves_the_cursor_without_an_echo():
    app = ChartApp()
    async with app.run_test() as pilot:
        chart = app.query_one(LineChart)
        chart.set_data([Series("train", X, LOSS)])
        chart.cursor = 500.0
        await pilot.pause()
        assert app.cursors == []
        assert "step 500" in text(chart)


@pytest.mark.parametrize("size", [(5, 2), (12, 4), (13, 5), (20, 6), (80, 24), (250, 70)])
async def test_every_size_is_filled(size):
    async with ChartApp().run_test(size=size) as pilot:
        chart = pilot.app.query_one(LineChart)
        chart.set_data([Series("train", X, LOSS), Series("val", X, LOSS, 1, True)])
        assert (chart.frame.width, chart.frame.height) == size
        assert text(chart).strip()


async def test_resizing_draws_anew():
    async with ChartApp().run_test(size=(80, 24)) as pilot:
        chart = pilot.app.query_one(LineChart)
        chart.set_data([Series("train", X, LOSS)])
        for size in ((40, 10), (12, 4), (100, 30)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert (chart.frame.width, chart.frame.height) == size


async def test_ascii_has_no_other_characters():
    y = LOSS.copy()
    y[3], y[5] = np.nan, np.inf
    async with ChartApp(glyphs=ASCII).run_test() as pilot:
        chart = pilot.app.query_one(LineChart)
        chart.set_data(
            [Series("train", X, y), Series("val", X, y, 1, True)], [Mark(9, "pause", "paused")]
        )
        assert text(chart).isascii()
        assert "train" in text(chart)


async def test_a_new_point_changes_few_cells_of_a_million():
    rng = np.random.default_rng(0)
    x = np.arange(1_000_001, dtype=np.float64)
    y = rng.standard_normal(x.size)
    async with ChartApp().run_test(size=(120, 36)) as pilot:
        chart = pilot.app.query_one(LineChart)
        chart.set_data([Series("train", x[:-1], y[:-1])])
        before = chart.frame
        chart.set_data([Series("train", x, y)])
        changes = chart.frame.changes(before)
        assert changes is not None
        assert sum(width for _, _, width in changes) < 60


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
async def test_another_theme_brings_its_own_colours(theme):
    async with ChartApp().run_test() as pilot:
        chart = pilot.app.query_one(LineChart)
        chart.set_data([Series("train", X, LOSS)])
        before = {segment.style.color for segment in chart.render_line(0) if segment.style}
        pilot.app.theme = theme
        await pilot.pause()
        after = {segment.style.color for segment in chart.render_line(0) if segment.style}
        assert before.isdisjoint(after - {None})
