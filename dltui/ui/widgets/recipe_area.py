"""A YAML editor that writes each problem at the end of its own line."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import TextArea

_LEAST_ROOM = 12
"""Columns below which a message would be unreadable; the list below the editor has it too."""


class RecipeArea(TextArea):
    """`problems` maps line numbers, from 1, to what is wrong there."""

    COMPONENT_CLASSES = {"recipe-area--problem"}
    DEFAULT_CSS = """
    RecipeArea, RecipeArea:focus { border: none; padding: 0; }
    RecipeArea > .recipe-area--problem { color: $text-error; text-style: italic; }
    """

    def __init__(self, text: str, *, id: str) -> None:
        # Colours need the extra `syntax`; without it the editor works the same, in one colour.
        language = "yaml" if importlib.util.find_spec("tree_sitter_yaml") else None
        super().__init__(
            text,
            id=id,
            language=language,
            show_line_numbers=True,
            tab_behavior="indent",
            soft_wrap=False,
        )
        self.indent_width = 2
        self.problems: Mapping[int, str] = {}

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda theme: self._fit_colors(theme.dark))
        self._fit_colors(self.app.current_theme.dark)

    def _fit_colors(self, is_dark: bool) -> None:
        # The default syntax colours are too pale for a light background.
        self.theme = "css" if is_dark else "github_light"

    def show_problems(self, problems: Mapping[int, str]) -> None:
        if problems != self.problems:
            self.problems = dict(problems)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        number = y + self.scroll_offset.y
        message = self.problems.get(number + 1)
        if message is None or number >= self.document.line_count:
            return strip
        text_end = self.gutter_width + len(self.document.get_line(number)) - self.scroll_offset.x
        start = max(text_end, self.gutter_width) + 2
        room = strip.cell_length - start
        if room < _LEAST_ROOM:
            return strip
        style = self.get_component_rich_style("recipe-area--problem")
        note = f"◀ {message}"
        note = note if len(note) <= room else note[: room - 1] + "…"
        return Strip.join([strip.crop(0, start), Strip([Segment(note.ljust(room), style)])])
