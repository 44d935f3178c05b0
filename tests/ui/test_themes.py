"""Themes from the first frame on, and toned text in each of them."""

from collections.abc import Iterator

import pytest
from rich.style import Style
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from dltui.ui.app import DltuiApp
from dltui.ui.panes.tones import toned
from dltui.ui.settings import Settings
from dltui.ui.themes import LIGHT, default_theme

STYLES = {
    "dim": "color: $text-muted",
    "strong": "text-style: bold",
    "accent": "color: $primary",
    "good": "color: $text-success",
    "warning": "color: $text-warning",
    "bad": "color: $text-error; text-style: bold",
    "header": "color: $text-muted; text-style: underline",
    "chosen": "background: $block-cursor-background; color: $block-cursor-foreground",
}


class Toned(Widget):
    """The tones as a stylesheet would have them."""

    COMPONENT_CLASSES = {f"toned--{tone}" for tone in STYLES}
    DEFAULT_CSS = "\n".join(
        (
            "Toned { background: $panel; }",
            *(f"Toned > .toned--{t} {{ {STYLES[t]} }}" for t in STYLES),
        )
    )

    def styles_of(self, tone: str) -> Iterator[Style]:
        yield self.rich_style + self.get_component_rich_style(f"toned--{tone}")
        yield toned(self.visual_style, tone, self.app.theme_variables)


class TonedScreen(Screen[None]):
    def compose(self) -> ComposeResult:
        yield Toned()


async def test_toned_text_looks_as_the_theme_says_in_all_of_them() -> None:
    app = DltuiApp(first=TonedScreen)
    async with app.run_test() as pilot:
        widget = app.screen.query_one(Toned)
        for theme in app.available_themes:
            app.theme = theme
            await pilot.pause()
            for tone in STYLES:
                by_stylesheet, by_theme = widget.styles_of(tone)
                assert by_theme == by_stylesheet, (theme, tone)
            assert toned(widget.visual_style, "", app.theme_variables) == widget.rich_style


@pytest.mark.parametrize("chosen", ["dltui-light", "nord", "gone"])
async def test_the_theme_chosen_last_is_there_from_the_first_frame(chosen: str) -> None:
    Settings().set("theme", chosen)
    app = DltuiApp(first=TonedScreen)
    there = {"gone": default_theme()}.get(chosen, chosen)
    async with app.run_test():
        assert app.theme == there
        assert app.screen.styles.background.hex == app.current_theme.background.upper()
        assert app.has_class("-light-mode") == (there == LIGHT.name)
