"""Keys that come in one go act as if typed one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from dltui.ui.app import DltuiApp
from dltui.ui.home.recipe_preview import RecipePreview
from dltui.ui.home.recipe_tree import RecipeTree
from dltui.ui.screens.dialogs import Ask
from dltui.ui.screens.editor import EditorScreen
from tests.ui.driving import settled, until


def type_at_once(pilot: Pilot[Any], *keys: str) -> None:
    """As a slow link delivers them: all keys are there before the first has acted."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_text_typed_right_after_a_key_that_asks_for_it_is_not_lost() -> None:
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        type_at_once(pilot, "n", "ctrl+u", *"abc", "left", "x", "full_stop")
        await until(pilot, lambda: isinstance(app.screen, Ask) and "x" in field(app))
        assert field(app) == "abxc"
        type_at_once(pilot, "ctrl+u", "ctrl+k", *"my", "enter")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        assert Path("my").is_file()


def field(app: DltuiApp) -> str:
    return app.screen.query_one(Input).value


async def test_a_filter_typed_in_one_go_with_its_key_holds_all_of_it() -> None:
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        type_at_once(pilot, "slash", *"wine", "ctrl+u", *"lenet", "enter", "down", "up")
        box = app.screen.query_one("#recipe-filter", Input)
        await until(pilot, lambda: box.value == "lenet" and isinstance(app.focused, RecipeTree))


async def test_the_preview_is_of_the_recipe_that_a_fast_filter_leaves() -> None:
    app = DltuiApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        type_at_once(pilot, "slash", *"cnn-digits")
        box = app.screen.query_one("#recipe-filter", Input)
        await until(pilot, lambda: box.value == "cnn-digits")
        preview = app.screen.query_one(RecipePreview)
        await until(pilot, lambda: preview.entry and preview.entry.name == "vision/cnn-digits")
