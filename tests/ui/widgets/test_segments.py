"""Fewer changes of style, the same picture."""

from __future__ import annotations

from rich.style import Style

from dltui.ui.widgets.segments import joined

RED, BLUE, MARKED = Style(color="red"), Style(color="blue"), Style(reverse=True)


def test_blanks_take_the_style_before_them_and_neighbours_join() -> None:
    found = joined([("a", RED), ("  ", BLUE), ("b", RED), ("", BLUE), ("c", BLUE)])
    assert [(segment.text, segment.style) for segment in found] == [("a  b", RED), ("c", BLUE)]


def test_a_blank_that_shows_keeps_its_style() -> None:
    found = joined([("a", RED), (" ", MARKED), (" ", RED), ("b", RED)])
    assert [segment.text for segment in found] == ["a", " ", " b"]
