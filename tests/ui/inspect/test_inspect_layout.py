"""What a narrow terminal shows of a checkpoint: whole words, whole figures, names told apart."""

from pathlib import Path

import numpy as np
import pytest

from dltui.inspect.contents import Checkpoint
from dltui.ui.inspect.tabs import ViewTabs
from dltui.ui.inspect.views.facts import code_lines
from dltui.ui.panes.lines import Line, text_of, wrapped_line
from dltui.ui.widgets.picture_sheet import PictureSheetView
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


FILTERS: Arrays = {"conv": np.linspace(-1, 1, 12 * 12 * 9, dtype=np.float32).reshape(12, 12, 3, 3)}


async def test_small_filters_use_the_room_of_a_wide_screen_and_grow_by_a_key(
    tmp_path: Path,
) -> None:
    async with opened(saved(tmp_path, FILTERS), (200, 50)) as pilot:
        screen(pilot).go_to_tensor("conv")
        await pilot.press("3", "enter")
        await until(pilot, lambda: "larger, smaller" in seen(pilot))
        sheet = pilot.app.screen.query_one(PictureSheetView)
        await until(pilot, lambda: sheet.layout_now is not None)
        first = sheet.layout_now
        assert first is not None
        assert (first.picture_cells, first.columns) == (6, 12)
        await pilot.press("plus")
        await pilot.pause()
        assert sheet.layout_now is not None
        assert sheet.layout_now.picture_cells == 12
        assert f"{sheet.visible_count} of 144 in sight" in " ".join(seen(pilot).split())
        await pilot.press(*["plus"] * 20)
        await pilot.pause()
        assert sheet.visible_count == 1
        zoomed = sheet.zoom
        assert zoomed < 20, "no key is counted that changes nothing"
        await pilot.press(*["minus"] * (zoomed - 1))
        await pilot.pause()
        assert sheet.layout_now == first


async def test_the_words_over_a_picture_take_two_lines_at_80_columns(tmp_path: Path) -> None:
    async with opened(saved(tmp_path, FILTERS), (80, 24)) as pilot:
        screen(pilot).go_to_tensor("conv")
        await pilot.press("3")
        await until(pilot, lambda: "blue" in seen(pilot))
        await pilot.pause()
        panel = screen(pilot).details.panel
        assert panel is not None
        assert panel.word.size.height == 2


async def test_typing_a_filter_in_a_large_file_looks_once_and_enter_waits_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dltui.ui.inspect.actions.FILTERED_AT_ONCE", 100)
    monkeypatch.setattr("dltui.ui.inspect.actions._TYPING_S", 60.0)
    arrays = {f"layer{n}.weight": np.full(2, n, np.float32) for n in range(200)}
    async with opened(saved(tmp_path, arrays)) as pilot:
        before = list(screen(pilot).tree_widget.rows)
        await pilot.press("slash", *"layer17.")
        await pilot.pause()
        assert screen(pilot).tree_widget.rows == before
        await pilot.press("enter")
        await pilot.pause()
        assert screen(pilot).tensor is not None
        assert screen(pilot).tensor.name == "layer17.weight"
        await pilot.press("slash", "x", "escape")
        await pilot.pause()
        assert len(screen(pilot).tree_widget.rows) > 3


async def test_folded_blocks_say_what_their_names_share_once(tmp_path: Path) -> None:
    arrays = {
        f"block{n}.{name}": np.zeros((2, 2), np.float32) for n in range(4) for name in ("a", "b")
    }
    async with opened(saved(tmp_path, arrays), (80, 24)) as pilot:
        assert "block0…3 ×4" in seen(pilot)


async def test_a_tensor_without_a_name_and_one_without_values_are_there(tmp_path: Path) -> None:
    arrays = {"": np.ones(2, np.float32), "none": np.ones((0, 3), np.float32)}
    async with opened(saved(tmp_path, arrays), (80, 24)) as pilot:
        assert "''" in [row.strip(" │").split("  ")[0] for row in seen(pilot).splitlines()]
        screen(pilot).go_to_tensor("none")
        await until(pilot, lambda: "no values" in seen(pilot))
        assert "NaN" not in seen(pilot)


def test_names_of_code_are_never_cut() -> None:
    name = "ultralytics.nn.modules.block." + "deep." * 20 + "Bottleneck"
    path = Path("m.pt")
    checkpoint = Checkpoint(path, "PyTorch zip", (path,), 1, (), globals=(name,))
    lines = code_lines(checkpoint, 44)
    assert max(len(text_of(line)) for line in lines) <= 44
    assert name in "".join(text_of(line).strip() for line in lines)


async def test_a_checkpoint_that_its_run_removed_makes_way_for_the_newest(tmp_path: Path) -> None:
    folder = tmp_path / "20261120-153012-mine-1" / "checkpoints"
    for step in (10, 20):
        (folder / f"step_{step:08}").mkdir(parents=True)
        saved(folder / f"step_{step:08}")
    old = folder / "step_00000010"
    async with opened(old) as pilot:
        (old / "model.safetensors").unlink()
        old.rmdir()
        screen(pilot)._look_for_change()
        await until(pilot, lambda: "r opens its newest" in seen(pilot))
        await pilot.press("r")
        await until(pilot, lambda: "step_00000020" in seen(pilot))
        assert "r opens" not in seen(pilot)


async def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    path = saved(tmp_path)
    async with opened(path) as pilot:
        path.unlink()
        screen(pilot)._look_for_change()
        await until(pilot, lambda: "the file is gone" in seen(pilot))
