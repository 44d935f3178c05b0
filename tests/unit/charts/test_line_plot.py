"""Whatever a run writes, the chart can be drawn, at every size and on every axis."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dltui.charts.envelope import Grid
from dltui.charts.glyphs import ASCII, UNICODE
from dltui.charts.line_plot import PlotArea, draw_plot
from dltui.charts.plot_view import Curve, PlotView
from dltui.charts.series import Mark, Series
from dltui.charts.track import Track

ANY = st.floats(allow_nan=True, allow_infinity=True, width=64)
points = st.integers(1, 80).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.floats(-1e12, 1e12)),
        hnp.arrays(np.float64, n, elements=ANY),
    )
)
views = st.builds(
    PlotView,
    log_y=st.booleans(),
    log_x=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.5, 0.99]),
    x_label=st.sampled_from(["step", "epoch", "time", "samples"]),
    cursor=st.none() | st.floats(-1e12, 1e12),
)


def curve(x, y, *, color=0, dashed=False) -> Curve:
    track = Track()
    track.set_points(x, y)
    return Curve(Series("train", track.x, track.y, color, dashed), track)


def draw(curves, view, size, glyphs=UNICODE, marks=()):
    area = PlotArea.inside(*size, 6)
    ends = [c.track.position(log_x=view.log_x)[[0, -1]] for c in curves]
    grid = Grid.covering(min(e[0] for e in ends), max(e[1] for e in ends), area.width * 2)
    return draw_plot(curves, marks, view, grid, area, size, glyphs)


@settings(max_examples=100, deadline=None)
@given(points, views, st.integers(12, 60), st.integers(4, 20))
def test_any_numbers_at_any_size_give_a_full_frame(data, view, width, height):
    one, other = curve(*data), curve(*data, color=1, dashed=True)
    plot = draw([one, other], view, (width, height), marks=[Mark(data[0][0], "pause", "paused")])
    assert (plot.frame.width, plot.frame.height) == (width, height)
    assert plot.limits[0] < plot.limits[1]
    bad = ~np.isfinite(data[1])
    if bad.any():
        edges = "".join(plot.frame.lines()[1:-1])
        assert any(glyph in edges for glyph in "×∞")


@settings(max_examples=60, deadline=None)
@given(points, views)
def test_ascii_charts_hold_ascii_alone(data, view):
    lines = draw([curve(*data)], view, (60, 12), ASCII).frame.lines()
    body = "\n".join(lines[1:])
    assert body.replace("−", "").isascii()


def test_a_spike_of_one_point_in_a_million_is_drawn():
    x = np.arange(1_000_000, dtype=np.float64)
    y = np.ones(x.size)
    y[654_321] = 1.5
    plot = draw([curve(x, y)], PlotView(), (80, 20))
    column = 6 + 1 + plot.horizontal.cell(654_321.0)
    drawn = [row for row in range(1, 17) if plot.frame.lines()[row][column] > "⠀"]
    assert len(drawn) >= 4 or plot.frame.lines()[1][column] == "▲"


def test_smoothing_keeps_the_raw_curve_in_sight():
    x = np.arange(400, dtype=np.float64)
    y = np.where(x % 2 == 0, 1.0, 2.0)
    roles = draw([curve(x, y)], PlotView(smoothing=0.9), (60, 20)).frame.roles
    assert {16, 17} <= set(roles.ravel().tolist())


def test_values_that_a_logarithmic_axis_cannot_hold_are_marked_below():
    x = np.arange(50, dtype=np.float64)
    y = np.where(x == 25, -1.0, 10.0 ** (x / 10))
    plot = draw([curve(x, y)], PlotView(log_y=True), (60, 20))
    assert "▼" in plot.frame.lines()[plot.area.top + plot.area.height - 1]
