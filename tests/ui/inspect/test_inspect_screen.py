"""Exploring a checkpoint: what the screen shows and what its keys do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from dltui.ui.app import DltuiApp
from dltui.ui.inspect.opening import Opening
from dltui.ui.inspect.screen import InspectScreen
from dltui.ui.panes.lines import Lines, text_of
from tests.ui.driving import until
from tests.ui.inspect.files import Arrays, saved

SIZES = [(80, 24), (120, 36), (200, 50)]


@asynccontextmanager
async def opened(path: Path, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Pilot[int]]:
    """The screen of a file, with its tree in place."""
    opening = Opening(path)
    app = DltuiApp(first=lambda: InspectScreen(opening))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: screen(pilot).file is not None)
        await pilot.pause()
        yield pilot


def screen(pilot: Pilot[int]) -> InspectScreen:
    found = pilot.app.screen_stack[0]
    assert isinstance(found, InspectScreen)
    return found


def seen(pilot: Pilot[int]) -> str:
    """What stands on the terminal."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def header(pilot: Pilot[int]) -> str:
    return text_of(pilot.app.screen.query_one("#inspect-header", Lines).lines[0])


@pytest.mark.parametrize("size", SIZES)
async def test_the_tree_of_a_file_with_its_figures_is_shown(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with opened(saved(tmp_path), size) as pilot:
        shown = seen(pilot)
        assert "model.safetensors" in header(pilot)
        assert f"{20 * 8 * 2 + 6 * 8 + 3 * (16 + 24 * 8 + 24):,} parameters" in header(pilot)
        assert "0…2 ×3" in shown
        assert "wte.weight" in shown
        assert "overview" in shown


@pytest.mark.parametrize("size", [(20, 5), (30, 10), (60, 16), (71, 20)])
async def test_a_small_terminal_shows_what_it_can(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(saved(tmp_path), size) as pilot:
        await pilot.press("down", "down", "z", "down", "slash", "a", "escape", "escape")
        shown = seen(pilot)
        assert "too small" in shown if size[0] < 60 else "wte.weight" in shown


async def test_the_cursor_chooses_what_the_details_are_about(tmp_path: Path) -> None:
    async with opened(saved(tmp_path)) as pilot:
        tree = screen(pilot).tree_widget
        tree.go_to("t:wte.weight")
        await pilot.pause()
        assert "wte.weight" in str(screen(pilot).details.border_title)
        assert "float32 [20, 8]" in str(screen(pilot).details.border_title)
        tree.go_to("m:h")
        await pilot.pause()
        assert "module" in screen(pilot).details.views[0]


async def test_a_filter_leaves_what_fits_and_says_how_many(tmp_path: Path) -> None:
    async with opened(saved(tmp_path)) as pilot:
        await pilot.press("slash", *"attn ", "d", "i", "m", "s", "colon", "1")
        await pilot.pause()
        names = [row.tensor.name for row in screen(pilot).tree_widget.rows if row.tensor]
        assert names == [f"h.{block}.attn.bias" for block in range(3)]
        assert "3 found" in seen(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert len(screen(pilot).tree_widget.rows) > 3
        assert not pilot.app.screen.query_one("#tensor-filter", Input).display


async def test_a_filter_that_makes_no_sense_says_so_and_keeps_what_was_shown(
    tmp_path: Path,
) -> None:
    async with opened(saved(tmp_path)) as pilot:
        before = [row.key for row in screen(pilot).tree_widget.rows]
        await pilot.press("slash", "greater_than_sign")
        await pilot.pause()
        assert "compares with no number" in seen(pilot)
        assert [row.key for row in screen(pilot).tree_widget.rows] == before


async def test_names_with_markup_and_control_characters_are_shown_as_they_are(
    tmp_path: Path,
) -> None:
    arrays: Arrays = {
        "[red]a[/red].weight": np.zeros(2, np.float32),
        "b\x1b[31m\n.weight": np.zeros(2, np.float32),
    }
    async with opened(saved(tmp_path, arrays, note="[bold]x[/bold] \x1b]0;gone\x07")) as pilot:
        shown = seen(pilot)
        assert "[red]a[/red].weight" in shown
        assert "b\\x1b[31m\\n.weight" in shown
        screen(pilot).tree_widget.action_move(1)
        await pilot.pause()
        assert seen(pilot).count("[red]a[/red].weight") > 1


async def test_twenty_thousand_tensors_are_drawn_one_row_at_a_time(tmp_path: Path) -> None:
    arrays = {
        f"b{n // 100}.s{n % 100}x.weight": np.zeros(1 + n // 100, np.uint8) for n in range(20_000)
    }
    async with opened(saved(tmp_path, arrays)) as pilot:
        tree = screen(pilot).tree_widget
        await pilot.press("asterisk")
        await pilot.pause()
        assert tree.count > 20_000
        drawn = tree.lines_drawn
        await pilot.press("end")
        await pilot.pause()
        assert tree.cursor == tree.count - 1
        assert tree.lines_drawn - drawn < 4 * tree.size.height


async def test_help_names_the_keys(tmp_path: Path) -> None:
    async with opened(saved(tmp_path)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Find" in seen(pilot)
