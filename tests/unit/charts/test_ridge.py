"""Ridges show where the values lie, and count what has no place on an axis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.charts.glyphs import ASCII, UNICODE
from dltui.charts.ridge import Distributions, ValueAxis, draw_ridge, rebin, shown_rows
from dltui.runs.buckets import bucket_counts, in_order, nonfinite

MAGNITUDES = 2.0 ** np.arange(-20, 8)
EDGES = np.concatenate(([-np.inf], -MAGNITUDES[::-1], [0.0], MAGNITUDES, [np.inf]))


def distributions(rows: int) -> Distributions:
    rng = np.random.default_rng(0)
    counts = [np.histogram(rng.normal(0, 1 + row, 5000), EDGES)[0] for row in range(rows)]
    return Distributions.from_buckets(np.arange(rows) * 100, counts, EDGES)


def test_buckets_with_an_infinite_edge_count_as_not_finite():
    counts = np.zeros((1, EDGES.size - 1))
    counts[0, 0], counts[0, -1], counts[0, 30] = 2, 3, 10
    data = Distributions.from_buckets([0], counts, EDGES)
    assert data.nonfinite.tolist() == [5]
    assert data.counts.sum() == 10


@pytest.mark.parametrize("logarithmic", [False, True])
def test_rebinning_keeps_the_mass_inside_the_axis(logarithmic):
    data = distributions(1)
    axis = ValueAxis.around(data, logarithmic=logarithmic)
    mass = rebin(data.counts[0], data.edges, axis, 60)
    assert mass.min() >= 0
    assert mass.sum() == pytest.approx(5000, rel=0.01)


def test_quantiles_of_a_normal_distribution():
    low, median, high = distributions(1).quantiles(0)
    assert median == pytest.approx(0, abs=0.05)
    assert low == pytest.approx(-1.645, abs=0.2)
    assert high == pytest.approx(1.645, abs=0.2)


@given(st.integers(1, 500), st.integers(1, 60))
def test_rows_run_from_the_newest_to_the_oldest(count, height):
    rows = shown_rows(count, height)
    assert rows[0] == count - 1
    assert len(rows) == min(count, height)
    assert rows == sorted(rows, reverse=True)
    if height > 1:
        assert rows[-1] == 0


@pytest.mark.parametrize("glyphs", [ASCII, UNICODE])
def test_every_row_has_its_step_and_the_header_its_quantiles(glyphs):
    lines = draw_ridge(distributions(5), (80, 20), glyphs, logarithmic=False, cursor=None).lines()
    assert "median" in lines[0]
    assert "no NaN" in lines[0]
    for step in ("400", "300", "200", "100"):
        assert any(line.lstrip().startswith(step) for line in lines[1:])
    if glyphs is ASCII:
        assert all(line.isascii() for line in lines)


def test_a_tensor_full_of_nan_is_said_to_be_so():
    counts = np.zeros((1, EDGES.size - 1))
    counts[0, -1] = 64
    data = Distributions.from_buckets([7], counts, EDGES)
    lines = draw_ridge(data, (60, 8), UNICODE, logarithmic=False, cursor=None).lines()
    assert "64 NaN or infinite" in lines[0]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_the_buckets_of_a_run_are_drawn_and_their_nan_counted(logarithmic):
    weights = np.random.default_rng(0).normal(0, 0.05, 10_000).astype(np.float32)
    weights[:3], weights[3] = np.nan, np.inf
    counts = np.stack([bucket_counts(weights)])
    ordered, edges = in_order(counts)
    data = Distributions.from_buckets([1], ordered, edges, sum(nonfinite(counts)))
    low, median, high = data.quantiles(0)
    assert median == pytest.approx(0, abs=0.005)
    assert (low, high) == pytest.approx((-0.082, 0.082), abs=0.01)
    lines = draw_ridge(data, (80, 10), UNICODE, logarithmic=logarithmic, cursor=None).lines()
    assert "4 NaN or infinite" in lines[0]
    bars = [sum(character in "▁▂▃▄▅▆▇█" for character in line) for line in lines]
    assert sum(count >= 3 for count in bars) >= 3
