"""One picture of a sheet on the whole screen, with its neighbours and its past at hand."""

from __future__ import annotations

from typing import Protocol

from PIL.Image import Image
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from dltui.ui.widgets.picture import Picture


class Sheet(Protocol):
    """Where the picture comes from."""

    def move_enlarged(self, down: int, across: int) -> None: ...
    def action_scrub(self, by: int) -> None: ...


class EnlargedPicture(ModalScreen[None]):
    """Arrow keys go to the neighbours, `<` and `>` through the steps."""

    DEFAULT_CSS = """
    EnlargedPicture { align: center middle; }
    EnlargedPicture > Vertical {
        width: 96%; height: 96%; padding: 0 1;
        border: round $primary; background: $surface;
    }
    EnlargedPicture .caption { height: 1; text-align: center; }
    """
    BINDINGS = [
        Binding("escape,q,enter", "close", "Back", id="enlarged-back"),
        Binding("left", "move(0, -1)", "Left", show=False, id="enlarged-left"),
        Binding("right", "move(0, 1)", "Right", show=False, id="enlarged-right"),
        Binding("up", "move(-1, 0)", "Up", show=False, id="enlarged-up"),
        Binding("down", "move(1, 0)", "Down", show=False, id="enlarged-down"),
        Binding("less_than_sign", "travel(-1)", "Earlier", show=False, id="enlarged-earlier"),
        Binding("greater_than_sign", "travel(1)", "Later", show=False, id="enlarged-later"),
    ]

    def __init__(
        self,
        sheet: Sheet,
        hint: str = "arrows other pictures · < > through the steps · esc back",
    ) -> None:
        super().__init__()
        self.sheet = sheet
        self.hint = hint
        self.picture = Picture()
        self.caption = Static(classes="caption", markup=False)
        self.box = Vertical()

    def compose(self) -> ComposeResult:
        with self.box as box:
            box.border_subtitle = self.hint
            yield self.picture
            yield self.caption

    def show(self, image: Image | None, title: str, caption: str) -> None:
        """Shows another picture."""
        self.box.border_title = Content(title)
        self.picture.set_image(image)
        self.caption.update(caption)

    def action_move(self, down: int, across: int) -> None:
        self.sheet.move_enlarged(down, across)

    def action_travel(self, by: int) -> None:
        self.sheet.action_scrub(by)

    def action_close(self) -> None:
        if self.is_current:
            self.dismiss(None)
