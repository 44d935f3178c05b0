"""Forecasts, maps of points and sheets of pictures, drawn into cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.charts.band_plot import Forecast, draw_forecast
from dltui.charts.canvas import narrow, series_role
from dltui.charts.glyphs import ASCII, UNICODE
from dltui.charts.picture_sheet import legible_pixels, sheet_layout
from dltui.charts.scatter_plot import Points, class_marks, draw_scatter, own_center_share
from dltui.charts.scrolling import scrolled


def forecast(**changes: object) -> Forecast:
    time = np.arange(60.0)
    truth = np.sin(time / 6)
    prediction = np.where(time >= 40, truth + 0.1, np.nan)
    given = {"low": prediction - 0.3, "high": prediction + 0.3, "time_label": "day", **changes}
    return Forecast("load", time, truth, prediction, **given)


def test_a_forecast_says_its_error_and_what_its_interval_holds() -> None:
    frame = draw_forecast(forecast(), (80, 14), UNICODE)
    top = frame.lines()[0]
    assert "error 0.100" in top
    assert "interval holds 100 %" in top
    assert top.endswith("load")
    assert frame.lines()[-1].rstrip().endswith("day")


def test_the_prediction_differs_from_the_truth_by_its_markers_too() -> None:
    lines = draw_forecast(forecast(), (80, 14), UNICODE).lines()
    assert sum(line.count("■") for line in lines[1:]) >= 2
    assert any("┊" in line for line in lines)


def test_the_interval_is_a_field_of_dots_around_the_prediction() -> None:
    plain = draw_forecast(forecast(low=None, high=None), (80, 14), UNICODE)
    banded = draw_forecast(forecast(), (80, 14), UNICODE)
    faint = series_role(1, faint=True)
    assert not (plain.roles == faint).any()
    assert (banded.roles[1:] == faint).sum() > 20
    assert "interval" not in plain.lines()[0]


def test_ascii_draws_with_ascii_only() -> None:
    points = Points(np.arange(9.0), np.arange(9.0), np.arange(9) % 3, ("cat", "dog", "owl"))
    for frame in (
        draw_forecast(forecast(), (60, 12), ASCII),
        draw_scatter(points, (40, 12), ASCII),
    ):
        assert all(line.isascii() for line in frame.lines())


def test_each_class_has_its_own_mark_or_colour() -> None:
    names = [f"class {number}" for number in range(64)]
    marks = class_marks(names, UNICODE)
    assert len({(mark, series_role(label)) for label, mark in enumerate(marks)}) == 64
    assert len(set(marks[:8])) == 8
    assert class_marks(list("0123456789"), UNICODE) == list("0123456789")


def test_a_cell_shows_the_class_of_most_of_its_points() -> None:
    x = np.array([0.0, 1.0, 1.0, 1.0])
    points = Points(x, x.copy(), np.array([0, 1, 1, 0]), ("a", "b"))
    assert "".join(draw_scatter(points, (30, 10), UNICODE).lines()[:-2]).count("b") == 1
    chosen = draw_scatter(points, (30, 10), UNICODE, chosen=0).lines()[:-2]
    assert "".join(chosen).count("a") == 2
    assert "".join(chosen).count("b") == 0


def test_separate_classes_are_nearest_to_their_own_centre() -> None:
    label = np.repeat([0, 1, 2], 20)
    spread = np.random.default_rng(0).normal(0, 0.1, 60)
    assert own_center_share(Points(label + spread, spread, label, ("a", "b", "c"))) == 1.0
    assert np.isnan(own_center_share(Points(spread, spread, np.zeros(60, np.int64), ("a",))))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 120),
    st.integers(1, 50),
    st.integers(1, 40),
    st.sampled_from([0.0, 1e-9, 1.0, 1e300]),
)
def test_any_size_and_any_spread_is_drawn(
    width: int, height: int, count: int, scale: float
) -> None:
    random = np.random.default_rng(count)
    x, y = random.normal(size=(2, count)) * scale
    points = Points(x, y, random.integers(0, 12, count), tuple(f"größe {n}" for n in range(12)))
    assert draw_scatter(points, (width, height), UNICODE).chars.shape == (height, width)
    data = Forecast("x", np.arange(float(count)), x, np.where(x > 0, y, np.nan))
    assert draw_forecast(data, (width, height), UNICODE).chars.shape == (height, width)


def test_wide_and_combining_characters_take_one_cell_in_a_chart() -> None:
    assert narrow("模型 e\u0301 ok") == "?? e? ok"


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(st.integers(1, 64), st.integers(1, 16)),
    st.tuples(st.integers(1, 256), st.integers(1, 256)),
    st.tuples(st.integers(1, 200), st.integers(1, 80)),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_pictures_never_leave_the_room_across(
    grid: tuple[int, int],
    picture: tuple[int, int],
    room: tuple[int, int],
    caption: int,
    label: int,
) -> None:
    layout = sheet_layout(grid, picture, room, longest_caption=caption, longest_label=label)
    assert 1 <= layout.columns <= grid[0]
    assert 1 <= layout.rows <= grid[1]
    if room[0] >= 8 and room[1] >= 4:
        assert layout.label_cells + layout.columns * layout.pitch <= room[0]
        assert layout.rows * layout.row_cells - (not layout.captions) <= room[1]
        assert layout.picture_cells <= layout.pitch - 1


def test_small_pictures_grow_by_whole_factors_and_large_ones_stay_legible() -> None:
    grown = sheet_layout((4, 2), (8, 8), (90, 34))
    assert (grown.scale, grown.columns, grown.rows) == (2.0, 4, 2)
    crowded = sheet_layout((8, 8), (64, 64), (56, 13))
    assert round(crowded.scale * 64) == legible_pixels(64)
    assert crowded.columns < 8


def test_rows_that_are_compared_stay_in_sight_on_a_small_terminal() -> None:
    shown = sheet_layout((6, 3), (128, 128), (76, 18), longest_label=10)  # masks at 80×24
    assert (shown.columns, shown.rows, shown.picture_rows) == (5, 3, 5)


@pytest.mark.parametrize(
    ("first", "cursor", "now"), [(0, 0, 0), (0, 5, 2), (4, 1, 1), (9, 9, 6), (0, 3, 0)]
)
def test_a_sheet_scrolls_to_its_cursor(first: int, cursor: int, now: int) -> None:
    assert scrolled(first, cursor, 4, 10) == now
