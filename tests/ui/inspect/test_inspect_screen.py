"""Exploring a checkpoint: what the screen shows and what its keys do."""

import os
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
from tests.ui.inspect.files import Arrays, saved, transformer

SIZES = [(80, 24), (120, 36), (200, 50)]


@asynccontextmanager
async def opened(path: Path, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Pilot[int]]:
    """The screen of a file, with its tree in place."""
    opening = Opening(path)
    app = DltuiApp(first=lambda: InspectScreen(opening))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: screen(pilot).file is not None and screen(pilot).is_filled)
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
        await until(pilot, lambda: "A checkpoint" in seen(pilot))
        await pilot.press("end")
        await until(pilot, lambda: "By name, dtype, shape and size" in seen(pilot))


async def test_every_view_of_a_tensor_is_explained(tmp_path: Path) -> None:
    async with opened(saved(tmp_path)) as pilot:
        screen(pilot).go_to_tensor("wte.weight")
        await pilot.pause()
        titles = set()
        for number in range(1, len(screen(pilot).details.views) + 1):
            await pilot.press(str(number), "question_mark")
            await until(pilot, lambda: len(pilot.app.screen_stack) > 1)
            titles.add(pilot.app.screen.text.splitlines()[0])
            await pilot.press("escape")
            await pilot.pause()
        assert len(titles) == len(screen(pilot).details.views)


async def test_pictures_and_spectra_of_a_matrix_are_drawn(tmp_path: Path) -> None:
    async with opened(saved(tmp_path)) as pilot:
        screen(pilot).go_to_tensor("wte.weight")
        await pilot.press("3")
        await until(pilot, lambda: "blue −, orange +" in seen(pilot))
        assert "▀" in seen(pilot)
        await pilot.press("4")
        await until(pilot, lambda: "effective rank" in seen(pilot))
        screen(pilot).go_to_tensor("h.1.ln.bias")
        await until(pilot, lambda: "a vector has no spectrum" in seen(pilot))


async def test_the_values_of_a_tensor_are_read_when_it_is_looked_at(tmp_path: Path) -> None:
    arrays: Arrays = {"a.weight": np.array([[1.5, np.nan], [0, -2.25]], np.float32)}
    async with opened(saved(tmp_path, arrays)) as pilot:
        assert not screen(pilot).details.panels
        screen(pilot).go_to_tensor("a.weight")
        await until(pilot, lambda: "-2.25" in seen(pilot))
        assert "NaN" in seen(pilot)
        assert "1 25 %" in seen(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "1.500" in seen(pilot))


async def test_a_part_of_a_tensor_is_chosen_as_in_python(tmp_path: Path) -> None:
    arrays: Arrays = {"a.weight": np.arange(40, dtype=np.int32).reshape(4, 10)}
    async with opened(saved(tmp_path, arrays), (200, 50)) as pilot:
        screen(pilot).go_to_tensor("a.weight")
        await pilot.press("5", "enter")
        await until(pilot, lambda: "39" in seen(pilot))
        await pilot.press("s", "9", "enter")
        await pilot.pause()
        assert "outside a dimension of 4" in seen(pilot)
        await pilot.press("ctrl+u", *"2,-3", "colon", "enter")
        await until(pilot, lambda: "[2,-3:]" in seen(pilot))
        shown = seen(pilot)
        assert all(number in shown for number in ("27", "28", "29"))
        assert "39" not in shown


async def test_a_view_is_copied_as_the_command_that_shows_it(tmp_path: Path) -> None:
    path = saved(tmp_path)
    async with opened(path) as pilot:
        screen(pilot).go_to_tensor("wte.weight")
        await pilot.press("2")
        await until(pilot, lambda: "median" in seen(pilot))
        await pilot.press("y", "y")
        await pilot.pause()
        command = pilot.app.clipboard
        assert command == f"dltui inspect {path} --tensor wte.weight --view histogram"
        await pilot.press("y", "p")
        await pilot.pause()
        found: dict[str, object] = {}
        exec(pilot.app.clipboard, found)
        array = found["array"]
        assert isinstance(array, np.ndarray)
        assert array.shape == (20, 8)
        await pilot.press("y", "t")
        await pilot.pause()
        assert "median" in pilot.app.clipboard


async def test_a_tensor_is_written_to_a_file(tmp_path: Path) -> None:
    arrays: Arrays = {"a.weight": np.arange(12, dtype=np.float32).reshape(3, 4)}
    async with opened(saved(tmp_path, arrays)) as pilot:
        screen(pilot).go_to_tensor("a.weight")
        await pilot.press("e", "enter")
        written = Path("a.weight.npy")
        await until(pilot, written.exists)
        assert np.array_equal(np.load(written), arrays["a.weight"])
        await pilot.press("e", "enter")
        await pilot.pause()
        assert "is there already" in seen(pilot)


async def test_a_file_that_changes_while_it_is_open_says_so_and_is_opened_again(
    tmp_path: Path,
) -> None:
    path = saved(tmp_path)
    async with opened(path) as pilot:
        screen(pilot).go_to_tensor("wpe.weight")
        await until(pilot, lambda: "L2 norm" in seen(pilot))
        path.unlink()
        saved(tmp_path, {"wpe.weight": np.full((2, 2), 7, np.float32)})
        os.utime(path, (1, 1))
        await until(pilot, lambda: "the file has changed on disk" in seen(pilot))
        await pilot.press("r")
        await until(pilot, lambda: "7.000" in seen(pilot))
        assert "the file has changed" not in seen(pilot)
        assert "wpe.weight" in str(screen(pilot).details.border_title)


async def test_metadata_is_one_key_away_and_back(tmp_path: Path) -> None:
    async with opened(saved(tmp_path, purpose="a test of metadata")) as pilot:
        screen(pilot).go_to_tensor("wpe.weight")
        await pilot.press("m")
        await until(pilot, lambda: "a test of metadata" in seen(pilot))
        await pilot.press("m")
        await until(pilot, lambda: "wpe.weight" in str(screen(pilot).details.border_title))


def with_problems() -> Arrays:
    """A transformer with a NaN in its last block and an infinity in the first."""
    arrays = transformer()
    arrays["h.2.attn.weight"][3, 1] = np.nan
    arrays["h.0.attn.weight"][1, 2] = np.inf
    return arrays


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_wrong_is_listed_and_gone_through_by_key(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with opened(saved(tmp_path, with_problems()), size) as pilot:
        await until(pilot, lambda: "all values checked" in seen(pilot))
        assert "2 errors" in seen(pilot)
        await pilot.press("p")
        await pilot.pause()
        assert screen(pilot).findings.list.has_focus
        names = {finding.tensor for finding in screen(pilot).findings.list.findings}
        assert "h.2.attn.weight" in names
        await pilot.press("home", "enter")
        first = screen(pilot).findings.list.findings[0].tensor
        await until(pilot, lambda: first in str(screen(pilot).details.border_title))
        await pilot.press("escape", "n")
        second = screen(pilot).findings.list.findings[1].tensor
        await until(pilot, lambda: second in str(screen(pilot).details.border_title))
        await pilot.press("N")
        await until(pilot, lambda: first in str(screen(pilot).details.border_title))


async def test_a_module_with_a_problem_inside_is_marked_while_it_is_closed(tmp_path: Path) -> None:
    async with opened(saved(tmp_path, with_problems()), (120, 36)) as pilot:
        await until(pilot, lambda: "all values checked" in seen(pilot))
        tree = screen(pilot).tree_widget
        tree.go_to("m:h")
        tree.action_close()
        await pilot.pause()
        line = next(line for line in seen(pilot).splitlines() if "▸ h " in line)
        assert "▲" in line


async def test_a_large_file_is_checked_when_asked_and_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dltui.ui.inspect.problems.UNASKED_BYTES", 0)
    async with opened(saved(tmp_path, with_problems())) as pilot:
        await until(pilot, lambda: "S checks the values" in seen(pilot))
        assert not screen(pilot).file.statistics
        await pilot.press("S", "S")
        await pilot.pause()
        assert "S goes on" in seen(pilot) or "all values checked" in seen(pilot)
        screen(pilot).start_scan()
        await until(pilot, lambda: "all values checked" in seen(pilot))
        assert "1 NaN" in seen(pilot)


async def test_a_module_lists_the_tensors_of_all_its_blocks(tmp_path: Path) -> None:
    async with opened(saved(tmp_path, with_problems()), (200, 50)) as pilot:
        await until(pilot, lambda: "all values checked" in seen(pilot))
        tree = screen(pilot).tree_widget
        group = next(row for row in tree.rows if row.is_group)
        tree.go_to(group.key)
        await pilot.pause()
        shown = seen(pilot)
        assert "×3: h.0 to h.2" in shown
        assert all(f"{block}.attn.weight" in shown for block in range(3))
        assert "8×24 f32" in shown
