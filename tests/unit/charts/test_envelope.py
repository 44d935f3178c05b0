"""What a thinned curve promises: every spike is in it, and what is drawn stays where it is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dltui.charts.envelope import Grid, bucket_width, envelope
from dltui.charts.track import Track

ANY = st.floats(allow_nan=True, allow_infinity=True, width=64)
curves = hnp.arrays(np.float64, st.integers(1, 300), elements=ANY)


def steps(values):
    return np.arange(values.size, dtype=np.float64)


@given(curves, st.integers(1, 60))
def test_every_extreme_is_in_the_envelope(y, columns):
    grid = Grid.covering(0, y.size - 1, columns)
    thin = envelope(steps(y), y, grid)
    finite = y[np.isfinite(y)]
    if finite.size:
        assert np.nanmax(thin.high) == finite.max()
        assert np.nanmin(thin.low) == finite.min()
    assert thin.nan.any() == np.isnan(y).any()
    assert thin.above.any() == (y == np.inf).any()
    assert thin.below.any() == (y == -np.inf).any()


@given(curves, st.integers(1, 60))
def test_each_column_equals_a_look_at_its_own_points(y, columns):
    grid = Grid.covering(0, y.size - 1, columns)
    thin = envelope(steps(y), y, grid)
    edges = grid.edges()
    for i in range(columns):
        inside = y[(steps(y) >= edges[i]) & (steps(y) < edges[i + 1])]
        finite = inside[np.isfinite(inside)]
        assert thin.nan[i] == np.isnan(inside).any()
        if finite.size:
            assert (thin.first[i], thin.last[i]) == (finite[0], finite[-1])
            assert (thin.low[i], thin.high[i]) == (finite.min(), finite.max())
        else:
            assert np.isnan(thin.high[i])


@given(
    st.floats(-1e9, 1e9, allow_subnormal=False),
    st.floats(0, 1e9, allow_subnormal=False),
    st.integers(2, 400),
)
def test_the_grid_holds_both_ends_and_wastes_little(lo, span, columns):
    grid = Grid.covering(lo, lo + span, columns)
    assert grid.lo <= lo
    assert lo + span < grid.hi
    if span / columns > 1e-3 and columns >= 20:
        assert span > 0.7 * (grid.hi - grid.lo)


def test_bucket_widths_are_a_coarse_ladder():
    widths = {bucket_width(span, 1) for span in np.linspace(4, 8, 1000)}
    assert widths == {4.0, 5.0, 6.0, 7.0, 8.0}


@given(curves, st.integers(1, 299), st.integers(4, 60), st.sampled_from([0.0, 0.9]))
def test_a_track_that_grew_equals_one_read_whole(y, cut, columns, smoothing):
    cut = min(cut, y.size)
    grid = Grid.covering(0, y.size - 1, columns)
    grown, whole = Track(), Track()
    grown.set_points(steps(y)[:cut], y[:cut])
    grown.columns(grid, smoothing=smoothing)
    assert grown.set_points(steps(y), y)
    whole.set_points(steps(y), y)
    one = grown.columns(grid, smoothing=smoothing)
    other = whole.columns(grid, smoothing=smoothing)
    for name in ("first", "last", "low", "high"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)
    np.testing.assert_array_equal(one.nan, other.nan)


def test_old_columns_stay_still_while_points_arrive():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(1000)
    moves = 0
    former = None
    for n in range(500, 1000):
        grid = Grid.covering(0, n - 1, 120)
        thin = envelope(steps(y[:n]), y[:n], grid)
        if former is not None and former[0] == grid:
            newest = int(grid.column(n - 1))
            np.testing.assert_array_equal(thin.high[:newest], former[1].high[:newest])
            np.testing.assert_array_equal(thin.low[:newest], former[1].low[:newest])
        elif former is not None:
            moves += 1
        former = (grid, thin)
    assert moves <= 4


def test_a_run_that_went_back_to_a_checkpoint_is_seen_as_new():
    x = np.arange(20_000, dtype=np.float64)
    track = Track()
    track.set_points(x, np.sin(x))
    assert track.set_points(np.append(x, 20_000.0), np.sin(np.append(x, 20_000.0)))
    resumed = np.where(x < 15_000, np.sin(x), np.cos(x))
    assert not track.set_points(np.append(x, 20_000.0), np.append(resumed, 0.0))
    assert track.y[-1] == 0.0


def test_points_out_of_order_and_without_x_are_put_right():
    track = Track()
    track.set_points([3.0, 1.0, np.nan, 2.0], [30.0, 10.0, 0.0, 20.0])
    assert track.x.tolist() == [1.0, 2.0, 3.0]
    assert track.y.tolist() == [10.0, 20.0, 30.0]
