"""Ticks and labels that a person would have chosen."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.charts.numbers import (
    format_count,
    format_duration,
    format_short_count,
    format_value,
    log_label,
    tick_labels,
)
from dltui.charts.scales import (
    log_ticks,
    nice_ticks,
    robust_range,
    snapped_limits,
    snapped_log_limits,
    time_ticks,
)


def test_ticks_are_round():
    assert nice_ticks(0.0, 1.0, 4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert nice_ticks(-3.0, 8.0, 4) == [0.0, 5.0]
    assert log_ticks(0.01, 10.0, 5) == pytest.approx([0.01, 0.1, 1.0, 10.0])
    assert time_ticks(0, 7000, 4) == [0, 1800, 3600, 5400]


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12), st.integers(1, 12))
def test_linear_ticks_lie_inside_and_are_few(lo, span, count):
    hi = lo + span
    if hi - lo < 1e-9 * max(abs(lo), abs(hi)):
        return
    ticks = nice_ticks(lo, hi, count)
    tolerance = 1e-6 * (hi - lo)
    assert len(ticks) <= count + 1
    assert all(lo - tolerance <= tick <= hi + tolerance for tick in ticks)


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_limits_hold_their_range_and_stay_while_it_fits(lo, span):
    floor, ceiling = snapped_limits(lo, lo + span)
    slack = 1e-6 * max(1.0, abs(lo), span)
    assert floor <= lo + slack
    assert lo + span <= ceiling + slack
    assert snapped_limits(floor, ceiling, (floor, ceiling)) == (floor, ceiling)


@given(st.floats(1e-12, 1e12), st.floats(1, 1e9))
def test_log_limits_hold_their_range(lo, ratio):
    floor, ceiling = snapped_log_limits(lo, lo * ratio)
    assert 0 < floor <= lo * (1 + 1e-6)
    assert ceiling >= lo * ratio * (1 - 1e-6)
    assert len(log_ticks(floor, ceiling, 5)) >= 1


def test_one_wild_value_does_not_flatten_the_curve():
    y = np.linspace(1.0, 2.0, 200)
    y[100] = 1e6
    found = robust_range(y, y)
    assert found is not None
    assert found[0] == 1.0
    assert found[1] < 5
    assert robust_range(np.array([np.nan]), np.array([np.nan])) is None


def test_labels_share_their_form():
    assert tick_labels([0.0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert tick_labels([0.0, 500.0, 1000.0]) == ["0", "500", "1000"]
    assert tick_labels([0.0, 2.5e-5, 5e-5]) == ["0", "2.5e-5", "5.0e-5"]
    assert tick_labels([1e6, 1.5e6]) == ["1M", "1.5M"]
    assert [log_label(v) for v in (0.001, 1.0, 1e-6)] == ["0.001", "1", "1e-6"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0834, "0.0834"),
        (2.3456, "2.35"),
        (1234.5, "1234"),
        (1.2e-5, "1.20e-5"),
        (math.nan, "NaN"),
        (-math.inf, "−∞"),
        (0.0, "0"),
    ],
)
def test_values_have_three_significant_digits(value, text):
    assert format_value(value) == text


def test_counts_and_durations_read_as_people_write_them():
    assert format_count(1204) == "1,204"
    assert format_short_count(250_000) == "250k"
    assert format_short_count(1_200_000) == "1.2M"
    assert [format_duration(s) for s in (12, 83, 7510, 4e5)] == [
        "12 s",
        "1:23",
        "2:05:10",
        "4d 15h",
    ]
