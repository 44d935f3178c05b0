"""The explanation of a pane: what it is, how to read it, what it shows right now."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Markdown, Static


class ExplainScreen(ModalScreen[None]):
    """Markdown about a topic, below it the current values in words and the keys."""

    DEFAULT_CSS = """
    ExplainScreen { align: center middle; }
    ExplainScreen > VerticalScroll {
        width: 84; max-width: 96%; height: auto; max-height: 90%;
        padding: 0 2; border: round $primary; background: $surface;
    }
    ExplainScreen Markdown { padding: 0; margin: 0; background: $surface; }
    ExplainScreen .heading { color: $primary; text-style: bold; margin-top: 1; }
    ExplainScreen .line { height: auto; }
    ExplainScreen .quiet { color: $text-muted; }
    """
    BINDINGS = [
        Binding("escape,q,question_mark,enter", "close", "Back", id="explain-back"),
    ]

    def __init__(
        self, title: str, text: str, readings: Sequence[str], keys: Sequence[tuple[str, str]]
    ) -> None:
        super().__init__()
        self.page_title = title
        self.text = text
        self.readings = tuple(readings)
        self.keys = tuple(keys)

    def compose(self) -> ComposeResult:
        with VerticalScroll() as page:
            page.border_title = self.page_title.replace("[", r"\[")
            page.border_subtitle = "esc back"
            if self.readings:
                yield Static("Now", classes="heading")
                for line in self.readings:
                    yield Static(line, classes="line", markup=False)
            if self.text:
                yield Markdown(self.text, open_links=False)
            yield Static("Keys", classes="heading")
            for key, what in self.keys:
                yield Static(f"{key:>8}  {what}", classes="line quiet", markup=False)

    def action_close(self) -> None:
        self.dismiss(None)
