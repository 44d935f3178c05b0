"""Every key that works here, read from the bindings themselves."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from dltui.ui.key_words import active_keys

_MOVING = ("cursor_", "scroll_", "page_")
"""Actions that every list has: they come last, below what only this place can do."""
_MOVING_TITLE = "moving about"


class HelpScreen(ModalScreen[None]):
    """Keys of the focused widget, of the screen, of the application, and then those that move."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 76; max-width: 96%; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 1 2;
    }
    HelpScreen Static { height: auto; }
    """
    BINDINGS = [Binding("escape,q,question_mark,enter", "dismiss", "Close", id="close-help")]

    def __init__(self, groups: list[tuple[str, Table]]) -> None:
        super().__init__()
        self.groups = groups

    @classmethod
    def of(cls, screen: Screen[Any]) -> HelpScreen:
        """The keys that are active on `screen` now."""
        tables: dict[str, Table] = {}
        for key in active_keys(screen):
            is_moving = key.action.rpartition(".")[2].startswith(_MOVING)
            title = _MOVING_TITLE if is_moving else _title(key.node, screen)
            table = tables.setdefault(title, _table())
            table.add_row(Text(key.key, "bold"), key.word, Text(key.line, "dim"))
        return cls(sorted(tables.items(), key=lambda group: group[0] == _MOVING_TITLE))

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "keys"
            box.border_subtitle = "esc close"
            for title, table in self.groups:
                yield Static(Text(title, "bold underline"))
                yield Static(table)
                yield Static("")


def _table() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, expand=True)
    table.add_column(width=14, no_wrap=True)
    table.add_column(width=18)
    table.add_column(ratio=1)
    return table


def _title(node: Any, screen: Screen[Any]) -> str:
    if node is screen:
        return "this screen"
    if node is screen.app:
        return "everywhere"
    return (node.id or type(node).__name__).replace("-", " ")
