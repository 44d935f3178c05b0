"""A short list of runs to choose one from."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from dltui.errors import StoreError
from dltui.runs.clean import printable
from dltui.runs.layout import run_folders
from dltui.ui.widgets.choices import Choices

MOST = 200


class RunPicker(ModalScreen[Path | None]):
    """The runs of a folder, newest first; those shown already are marked and can be taken away."""

    DEFAULT_CSS = """
    RunPicker { align: center middle; }
    RunPicker > Choices {
        width: 64; max-width: 90%; height: auto; max-height: 80%;
        border: round $primary; background: $surface;
    }
    """
    BINDINGS = [Binding("escape,q", "cancel", "Cancel", id="picker-cancel")]

    def __init__(self, runs: Path, shown: Collection[Path] = ()) -> None:
        super().__init__()
        self.shown = shown
        try:
            self.paths = run_folders(runs)[:MOST]
        except StoreError:
            self.paths = []

    def compose(self) -> ComposeResult:
        marks = {True: "● ", False: "  "}
        options = [
            Option(Content(marks[path in self.shown] + printable(path.name))) for path in self.paths
        ]
        choices = Choices(*options or [Option("there is no other run", disabled=True)])
        choices.border_title = "draw another run"
        choices.border_subtitle = "enter show or hide, esc back"
        yield choices

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.paths[event.option_index])

    def action_cancel(self) -> None:
        self.dismiss(None)
