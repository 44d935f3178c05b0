"""Text that grows under its scrollbar redraws itself, not the screen."""

from __future__ import annotations

from typing import Any

from textual.app import App, ComposeResult

from dltui.ui.panes.lines import Line, Lines


class PageApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.page = Lines(numbered(40))
        self.layouts = 0

    def compose(self) -> ComposeResult:
        yield self.page

    def on_mount(self) -> None:
        self.screen.screen_layout_refresh_signal.subscribe(self, self.count)

    def count(self, _: Any) -> None:
        self.layouts += 1


def numbered(count: int) -> list[Line]:
    return [((f"line {number}", ""),) for number in range(count)]


async def test_more_lines_can_be_scrolled_to_without_a_layout() -> None:
    app = PageApp()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.pause()
        before = app.layouts
        app.page.set_lines(numbered(60))
        await pilot.pause()
        assert app.layouts == before
        assert app.page.max_scroll_y == 50
        app.page.scroll_end(animate=False)
        await pilot.pause()
        assert app.page.scroll_offset.y == 50
        assert "line 59" in app.page.render_line(9).text


async def test_a_scrollbar_comes_and_goes_with_the_lines() -> None:
    app = PageApp()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.pause()
        for count, shown in ((5, False), (9, False), (30, True), (31, True), (3, False)):
            app.page.set_lines(numbered(count))
            await pilot.pause()
            assert app.page.show_vertical_scrollbar == shown
            assert app.page.max_scroll_y == max(0, count - 10)
