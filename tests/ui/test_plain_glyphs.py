"""A terminal without Unicode: ASCII on every screen, and every character in its place."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.pilot import Pilot

from dltui.ui.inspect.details import FILE_VIEWS, TENSOR_VIEWS
from dltui.ui.inspect.diff_screen import DiffScreen
from dltui.ui.plain_glyphs import plain
from tests.ui.driving import until
from tests.ui.inspect.files import saved, transformer
from tests.ui.inspect.test_inspect_screen import opened, screen, seen


@given(st.text())
def test_plain_text_is_ascii_and_as_wide_as_it_was(text: str) -> None:
    shown = plain(text)
    assert shown.isascii()
    assert cell_len(shown) == cell_len(text)


def test_what_has_a_likeness_keeps_it() -> None:
    assert plain("▲ café · 64×3 → ±0.5 …") == "! cafe - 64x3 > +0.5 ~"
    assert plain("層.weight") == "??.weight"


def assert_plain(pilot: Pilot[int]) -> None:
    shown = seen(pilot)
    assert shown.isascii(), sorted({c for c in shown if not c.isascii()})


async def test_every_view_of_a_checkpoint_is_ascii(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_GLYPHS", "ascii")
    arrays = transformer() | {
        "層.重み": np.ones((4, 4), np.float32),
        "conv": np.linspace(-1, 1, 81, dtype=np.float32).reshape(3, 3, 3, 3),
        "bad": np.array([np.nan, 1, 2], np.float32),
    }
    async with opened(saved(tmp_path, arrays, note="né"), (80, 24)) as pilot:
        assert_plain(pilot)
        for view in FILE_VIEWS:
            screen(pilot).details.open_view(view)
            await pilot.pause()
            assert_plain(pilot)
        for name in ("conv", "bad"):
            screen(pilot).go_to_tensor(name)
            for view in TENSOR_VIEWS:
                if view in screen(pilot).details.views:
                    screen(pilot).details.open_view(view)
                    await until(pilot, lambda: "reading the" not in seen(pilot))
                    await pilot.pause(0.1)
                    assert_plain(pilot)
        await pilot.press("p", "slash", "w", "escape", "y")
        await pilot.pause()
        assert_plain(pilot)
        await pilot.press("escape", "question_mark")
        await pilot.pause()
        assert_plain(pilot)


async def test_a_comparison_is_ascii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_GLYPHS", "ascii")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = saved(tmp_path / "a")
    other = saved(tmp_path / "b", {n: a + 1 for n, a in transformer().items()})
    async with opened(first) as pilot:
        await pilot.app.push_screen(DiffScreen(first, other))
        await until(pilot, lambda: "changed" in seen(pilot))
        await until(pilot, lambda: "values differ" in seen(pilot))
        assert_plain(pilot)
