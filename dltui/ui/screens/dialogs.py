"""Small questions on top of a screen: yes or no, or one line of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A framed box in the middle of the screen."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical {
        width: 64; max-width: 90%; height: auto; max-height: 90%;
        padding: 1 2; border: round $primary; background: $surface;
    }
    Dialog .hint { color: $text-muted; margin-top: 1; }
    Dialog .complaint { color: $text-error; height: auto; }
    """


class Confirm(Dialog[bool]):
    """A yes-or-no question; Enter and y agree, Escape and n do not."""

    BINDINGS = [
        Binding("y,enter", "answer(True)", "Yes", id="dialog-yes"),
        Binding("n,escape", "answer(False)", "No", id="dialog-no"),
    ]

    def __init__(self, question: str, *, title: str = "", yes: str = "yes", no: str = "no"):
        super().__init__()
        self.question = question
        self.box_title = title
        self.hint = f"y {yes} · n {no}"

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self.box_title
            yield Static(self.question, markup=False)
            yield Static(self.hint, classes="hint", markup=False)

    def action_answer(self, answer: bool) -> None:
        # A key that is pressed twice arrives twice; the first one has closed the dialog.
        if self.is_current:
            self.dismiss(answer)


class Ask(Dialog[str | None]):
    """One line of text. `check` returns a complaint, or None where the text will do."""

    BINDINGS = [Binding("escape", "cancel", "Cancel", id="dialog-cancel")]

    def __init__(
        self,
        question: str,
        *,
        value: str = "",
        title: str = "",
        check: Callable[[str], str | None] = lambda text: None if text else "say something",
    ):
        super().__init__()
        self.question = question
        self.value = value
        self.box_title = title
        self.check = check

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self.box_title
            yield Static(self.question, markup=False)
            yield Input(self.value)
            yield Static("", classes="complaint", markup=False)
            yield Static("enter accept · esc cancel", classes="hint")

    def on_mount(self) -> None:
        # At once: what is typed next belongs into the field.
        self.set_focus(self.query_one(Input))

    @on(Input.Submitted)
    def accept(self, event: Input.Submitted) -> None:
        if not self.is_current:
            return  # Enter was pressed twice, the first one has closed the dialog
        complaint = self.check(event.value.strip())
        if complaint is None:
            self.dismiss(event.value.strip())
        else:
            self.query_one(".complaint", Static).update(complaint)

    def action_cancel(self) -> None:
        if self.is_current:
            self.dismiss(None)
