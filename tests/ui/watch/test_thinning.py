"""Long curves stay small, and no spike is lost on the way."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dltui.ui.thinning import LIMIT, GrowingCurve


def grown(values: np.ndarray, pieces: list[int]) -> GrowingCurve:
    curve, start = GrowingCurve(), 0
    for piece in [*pieces, len(values)]:
        end = min(start + piece, len(values))
        steps = np.arange(start, end, dtype=np.float64)
        curve.extend(steps, steps / 10, values[start:end])
        start = end
    return curve


@given(st.lists(st.floats(allow_nan=True, width=32), max_size=200), st.lists(st.integers(0, 50)))
def test_a_short_curve_is_kept_as_it_came(values: list[float], pieces: list[int]) -> None:
    curve = grown(np.array(values, np.float64), pieces).curve()
    np.testing.assert_array_equal(curve.values, values)
    np.testing.assert_array_equal(curve.steps, np.arange(len(values)))
    assert curve.measured == len(values)


def test_five_million_points_keep_their_spikes_and_ends_in_little_memory() -> None:
    values = np.sin(np.arange(5_000_000) / 1e5)
    values[1_234_567], values[4_000_001] = 50.0, -50.0
    growing = GrowingCurve()
    for start in range(0, len(values), 500_000):
        steps = np.arange(start, start + 500_000, dtype=np.float64)
        growing.extend(steps, steps, values[start : start + 500_000])
    curve = growing.curve()
    assert len(curve.values) <= LIMIT + 512
    assert curve.measured == 5_000_000
    assert curve.steps[curve.values.argmax()] == 1_234_567
    assert curve.steps[curve.values.argmin()] == 4_000_001
    assert (np.diff(curve.steps) >= 0).all()
    assert curve.steps[-1] >= 5_000_000 - 512


def test_points_that_are_not_numbers_survive_thinning() -> None:
    values = np.zeros(LIMIT * 3)
    values[LIMIT] = np.nan
    curve = grown(values, [1000] * 50).curve()
    assert np.isnan(curve.values).any()


def test_a_curve_given_out_stays_as_it_was() -> None:
    growing = grown(np.arange(LIMIT - 10.0), [1000] * 20)
    given_out = growing.curve()
    before = given_out.values.copy()
    growing.cut(LIMIT // 2)
    more = np.arange(LIMIT * 1.0)
    growing.extend(more + LIMIT, more, more)
    np.testing.assert_array_equal(given_out.values, before)


def test_a_run_that_goes_back_loses_the_points_from_there_on() -> None:
    growing = grown(np.sin(np.arange(LIMIT * 4.0)), [5000] * 20)
    growing.cut(LIMIT * 2)
    curve = growing.curve()
    assert LIMIT * 2 - 64 <= curve.steps[-1] < LIMIT * 2
    growing.extend([LIMIT * 2], [0.0], [7.0])
    assert growing.curve().values[-1] == 7.0


def test_the_newest_points_are_kept_as_they_are() -> None:
    values = np.random.default_rng(0).normal(size=LIMIT * 3)
    curve = grown(values, [997] * 60).curve()
    np.testing.assert_array_equal(curve.values[-LIMIT // 4 :], values[-LIMIT // 4 :])
