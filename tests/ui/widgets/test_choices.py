"""Lists to choose from."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from dltui.ui.widgets.choices import Choices


class Short(App[None]):
    """A list that is given no line of the screen."""

    CSS = "Choices { height: 0; border: none; padding: 0; }"

    def compose(self) -> ComposeResult:
        yield Choices("one", "two")


@pytest.mark.parametrize("key", ["pagedown", "pageup"])
async def test_a_page_is_turned_where_no_line_is_to_be_seen(key: str) -> None:
    async with Short().run_test() as pilot:
        choices = pilot.app.query_one(Choices)
        choices.focus()
        choices.highlighted = 0
        await pilot.press(key)
        assert pilot.app.is_running
        assert choices.highlighted == 0
