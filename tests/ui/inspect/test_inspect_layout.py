"""What a narrow terminal shows of a checkpoint: whole words, whole figures, names told apart."""

from pathlib import Path

import numpy as np
import pytest

from dltui.ui.inspect.tabs import ViewTabs
from dltui.ui.panes.lines import Line, text_of, wrapped_line
from tests.ui.driving import until
from tests.ui.inspect.files import Arrays, saved
from tests.ui.inspect.test_inspect_screen import opened, screen, seen

DEEP: Arrays = {
    f"layer1.0.{name}": np.linspace(-1, 2, 147_456, dtype=np.float32)
    for name in ("bn1.running_mean", "bn1.running_var", "conv1.weight")
}


async def test_names_below_three_modules_are_told_apart_at_80_columns(tmp_path: Path) -> None:
    async with opened(saved(tmp_path, DEEP), (80, 24)) as pilot:
        screen(pilot).go_to_tensor("layer1.0.bn1.running_var")
        screen(pilot).go_to_tensor("layer1.0.conv1.weight")
        await pilot.pause()
        shown = seen(pilot)
        assert "running_mean" in shown
        assert "running_var" in shown
        assert "147,456" in shown


async def test_statistics_stand_in_two_columns_with_nothing_cut_at_80_columns(
    tmp_path: Path,
) -> None:
    async with opened(saved(tmp_path, DEEP), (80, 24)) as pilot:
        screen(pilot).go_to_tensor("layer1.0.conv1.weight")
        await until(pilot, lambda: "percentiles" in seen(pilot))
        shown = seen(pilot)
        figures = shown[shown.index("min ") :].splitlines()
        assert "max" in figures[0]
        assert "negative      33.3 %" in shown
        assert "99.9 %" in shown
        assert "layer1.0.conv1.weight  f32 147456" in shown


async def test_what_a_view_says_is_wrapped_and_not_cut(tmp_path: Path) -> None:
    async with opened(saved(tmp_path, DEEP), (80, 24)) as pilot:
        screen(pilot).go_to_tensor("layer1.0.conv1.weight")
        await pilot.press("4")
        await until(pilot, lambda: "spectrum: look at a matrix" in seen(pilot))
        panel = screen(pilot).details.panel
        assert panel is not None
        told = " ".join(panel.as_text().split())
        assert told == "a vector has no spectrum: look at a matrix or a convolution"
        assert panel.word.size.height == 2


def test_lines_are_broken_between_words_that_keep_their_tones() -> None:
    line: Line = (("64 of 64 filters", ""), ("   red, green and blue", "dim"))
    assert wrapped_line(line, 80) != [line]
    assert text_of(wrapped_line(line, 80)[0]) == text_of(line)
    assert [text_of(piece) for piece in wrapped_line(line, 20)] == [
        "64 of 64 filters",
        "red, green and blue",
    ]
    assert {tone for _, tone in wrapped_line(line, 20)[1]} == {"dim"}
    assert [text_of(piece) for piece in wrapped_line((("重" * 5, ""),), 4)] == [
        "重重",
        "重重",
        "重",
    ]
    assert wrapped_line((), 10) == [()]


@pytest.mark.parametrize("active", range(7))
async def test_all_views_of_a_tensor_with_an_optimizer_have_their_tab_at_80_columns(
    tmp_path: Path, active: int
) -> None:
    names = ("stats", "histogram", "picture", "spectrum", "values", "optimizer", "tensor")
    async with opened(saved(tmp_path), (80, 24)) as pilot:
        tabs = pilot.app.screen.query_one(ViewTabs)
        tabs.show(names, active)
        shown = text_of(tabs.lines[0])
        assert len(shown.rstrip()) <= tabs.size.width
        assert [word for word in shown.split() if word.isdigit()] == list("1234567")
        assert f"{active + 1} {names[active][:5]}" in shown
