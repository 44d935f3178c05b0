"""Every series colour can be seen on the background it is meant for."""

import pytest

from dltui.charts.palette import DARK_BACKGROUND, LIGHT_BACKGROUND, contrast, series_color


@pytest.mark.parametrize("background", ["#000000", "#121212", "#1e1e1e", "#2e3440"])
@pytest.mark.parametrize("color", DARK_BACKGROUND)
def test_colours_stand_out_on_dark_backgrounds(color, background):
    assert contrast(color, background) >= 3


@pytest.mark.parametrize("background", ["#ffffff", "#e0e0e0", "#d8d8d8"])
@pytest.mark.parametrize("color", LIGHT_BACKGROUND)
def test_colours_stand_out_on_light_backgrounds(color, background):
    assert contrast(color, background) >= 3


def test_slots_beyond_the_last_start_over():
    assert series_color(8) == series_color(0)
