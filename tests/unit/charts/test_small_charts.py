"""Sparklines, bars, heat maps and half blocks show their numbers as they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dltui.charts.glyphs import ASCII, UNICODE, terminal_glyphs
from dltui.charts.half_blocks import fitted_size, grey_rows, half_block_rows
from dltui.charts.heat_map import heat_map
from dltui.charts.sparkline import bar, sparkline

ANY = st.floats(allow_nan=True, allow_infinity=True, width=64)


def test_a_sparkline_rises_with_its_values():
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, 10, 100], 3, log=True)[1] in "▄▅"
    assert sparkline([1, np.nan, 3], 3) == "▁×█"
    assert sparkline([], 8) == ""


@given(hnp.arrays(np.float64, st.integers(1, 200), elements=ANY), st.integers(1, 40))
def test_a_sparkline_is_as_wide_as_it_may_be(values, width):
    text = sparkline(values, width, ASCII)
    assert len(text) == min(width, values.size)
    assert text.isascii()
    assert not np.isnan(values).all() or set(text) == {"N"}


def test_a_bar_fills_by_halves():
    assert bar(0.5, 4) == ("━━", "──")
    assert bar(0.375, 4) == ("━╸", "──")
    assert bar(2.0, 3) == ("━━━", "")
    assert bar(float("nan"), 3) == ("", "───")


def test_a_heat_map_keeps_the_extremes_of_a_large_matrix():
    matrix = np.zeros((500, 500))
    matrix[250, 250], matrix[10, 10] = 9.0, np.nan
    lines = heat_map(matrix, (20, 11), UNICODE).lines()
    assert sum(line.count("█") for line in lines[:-1]) == 1
    assert sum(line.count("×") for line in lines[:-1]) == 1
    assert "9.00" in lines[-1]


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=ANY),
    st.integers(1, 20),
    st.integers(1, 10),
)
def test_a_heat_map_fills_its_size(matrix, width, height):
    frame = heat_map(matrix, (width, height), ASCII)
    assert (frame.width, frame.height) == (width, height)
    assert all(line.isascii() or "∞" in line for line in frame.lines())


@pytest.mark.parametrize(
    ("image", "room", "size"),
    [
        ((8, 8), (20, 10), (16, 16)),
        ((28, 28), (100, 20), (28, 28)),
        ((640, 480), (40, 40), (40, 30)),
        ((1, 1000), (10, 10), (1, 20)),
    ],
)
def test_images_keep_their_shape_and_square_pixels(image, room, size):
    assert fitted_size(image, room) == size


def test_half_blocks_hold_two_pixels_and_join_equal_neighbours():
    pixels = np.zeros((3, 4, 3), np.uint8)
    pixels[0, :2] = 255
    first, last = half_block_rows(pixels)
    assert [run[0] for run in first] == [2, 2]
    assert first[0][1].tolist() == [255, 255, 255]
    assert first[0][2].tolist() == [0, 0, 0]
    assert last[0][2] is None
    assert grey_rows(pixels, UNICODE) == ["▒▒  ", "    "]


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"LANG": "en_US.UTF-8", "TERM": "xterm-256color"}, "unicode"),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, "ascii"),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, "ascii"),
        ({"LC_ALL": "C", "DLTUI_GLYPHS": "unicode"}, "unicode"),
        ({"LANG": "de_DE.utf8", "DLTUI_GLYPHS": "ascii"}, "ascii"),
    ],
)
def test_glyphs_follow_the_terminal_unless_told(environment, name):
    assert terminal_glyphs(environment).name == name
