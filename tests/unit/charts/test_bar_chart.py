"""Counts as bars: nothing that was counted is invisible, the axis says where it lies."""

import numpy as np
import pytest

from dltui.charts.bar_chart import bar_chart
from dltui.charts.glyphs import ASCII, UNICODE


def test_the_tallest_bar_fills_the_height_and_a_rare_one_is_seen() -> None:
    counts = [1, 0, 1_000_000, 0]
    lines = bar_chart(counts, 0.0, 4.0, (60, 12), UNICODE).lines()
    assert "█" in lines[0]
    assert "▁" in lines[9]
    assert lines[0].startswith("1M")


def test_logarithmic_counts_raise_the_rare_bars() -> None:
    counts = np.array([10, 0, 1000])
    plain = bar_chart(counts, 0.0, 3.0, (40, 12), UNICODE)
    log = bar_chart(counts, 0.0, 3.0, (40, 12), UNICODE, logarithmic=True)
    assert sum(line.count("█") for line in log.lines()) > sum(
        line.count("█") for line in plain.lines()
    )


def test_a_single_value_is_one_thin_bar_with_its_value_below() -> None:
    lines = bar_chart([7], 0.5, 0.5, (40, 8), UNICODE).lines()
    assert lines[0].count("█") == 3
    assert "0.5" in lines[-1]


@pytest.mark.parametrize("size", [(1, 1), (9, 3), (40, 2), (12, 3)])
def test_any_room_is_kept_to(size: tuple[int, int]) -> None:
    frame = bar_chart([1, 2, 3], -1.0, 1.0, size, ASCII)
    assert (frame.width, frame.height) == size
    assert all(line.isascii() for line in frame.lines())


def test_nothing_counted_draws_nothing() -> None:
    assert not "".join(bar_chart([], 0.0, 0.0, (30, 8), UNICODE).lines()).strip()
