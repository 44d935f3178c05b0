"""Two checkpoints compared on a screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from dltui.ui.app import DltuiApp
from dltui.ui.inspect.diff_screen import DiffScreen
from dltui.ui.inspect.screen import InspectScreen
from tests.ui.driving import until
from tests.ui.inspect.files import saved, transformer
from tests.ui.inspect.test_inspect_screen import seen


def two_files(folder: Path) -> tuple[Path, Path]:
    """The second has one tensor more, one less, one of another shape, and one other value."""
    a, b = folder / "a", folder / "b"
    a.mkdir()
    b.mkdir()
    arrays = transformer()
    other = dict(arrays)
    other["new.weight"] = other.pop("head.weight")[:2]
    other["wpe.weight"] = other["wpe.weight"][:3]
    other["h.1.attn.bias"] = other["h.1.attn.bias"] + np.float32(0.5)
    return saved(a, arrays), saved(b, other)


@asynccontextmanager
async def compared(a: Path, b: Path, size: tuple[int, int]) -> AsyncIterator[Pilot[int]]:
    app = DltuiApp(first=lambda: DiffScreen(a, b))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.screen_stack[0].difference is not None)
        await pilot.pause()
        yield pilot


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (20, 5)])
async def test_what_differs_is_listed_and_told_in_words(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with compared(*two_files(tmp_path), size) as pilot:
        if size[0] < 60:
            assert "too small" in seen(pilot)
            return
        shown = seen(pilot)
        assert "added     new.weight" in shown
        assert "removed   head.weight" in shown
        assert "reshaped  wpe.weight" in shown
        assert "1 changed · 1 reshaped · 1 added · 1 removed" in shown
        assert "24 of 24 values differ" in seen(pilot)
        assert "by 0.500 at most" in seen(pilot)
        await pilot.press("q")
        await pilot.pause()
    assert pilot.app.return_code == 1


async def test_files_that_agree_say_so_and_end_with_zero(tmp_path: Path) -> None:
    a, _ = two_files(tmp_path)
    async with compared(a, a, (80, 24)) as pilot:
        assert "agree in every name, shape, type and value" in seen(pilot)
        await pilot.press("q")
        await pilot.pause()
    assert pilot.app.return_code == 0


async def test_the_file_behind_a_difference_is_one_key_away(tmp_path: Path) -> None:
    async with compared(*two_files(tmp_path), (120, 36)) as pilot:
        await pilot.press("I")
        await until(pilot, lambda: isinstance(pilot.app.screen, InspectScreen))
        await until(pilot, lambda: "h.1.attn.bias" in str(pilot.app.screen.details.border_title))


async def test_a_file_that_is_none_ends_the_comparison_with_two(tmp_path: Path) -> None:
    a, b = two_files(tmp_path)
    b.write_text("no checkpoint")
    app = DltuiApp(first=lambda: DiffScreen(a, b))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: not app.is_running or app.return_code is not None)
    assert app.return_code == 2
