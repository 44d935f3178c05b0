"""The examples behind a cell of the confusion matrix, as pictures, text or values."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from dltui.ui.snapshot import Example
from dltui.ui.widgets.picture import Picture

SHOWN = 24


class ExamplesScreen(ModalScreen[None]):
    """A sheet of examples with their truth, prediction and confidence."""

    DEFAULT_CSS = """
    ExamplesScreen { align: center middle; }
    ExamplesScreen > VerticalScroll {
        width: 90%; height: 90%; padding: 0 1;
        border: round $primary; background: $surface;
        layout: grid; grid-size: 4; grid-gutter: 1 2; grid-rows: 14;
    }
    ExamplesScreen.-narrow > VerticalScroll { grid-size: 2; }
    ExamplesScreen .example { height: 14; }
    ExamplesScreen Picture { height: 12; width: 24; }
    ExamplesScreen .caption { height: auto; }
    """
    BINDINGS = [Binding("escape,q,enter", "dismiss_examples", "Back", id="examples-back")]

    def __init__(self, title: str, examples: Sequence[Example]) -> None:
        super().__init__()
        self.sheet_title = title
        self.examples = tuple(examples[:SHOWN])

    def compose(self) -> ComposeResult:
        with VerticalScroll() as sheet:
            sheet.border_title = self.sheet_title.replace("[", r"\[")
            sheet.border_subtitle = "esc back"
            if not self.examples:
                yield Static(
                    "No example of this cell was kept. The run keeps up to 8 a cell, mistakes "
                    "first, of the newest evaluations.",
                    markup=False,
                )
            for example in self.examples:
                yield ExampleCard(example)

    def action_dismiss_examples(self) -> None:
        self.dismiss(None)


class ExampleCard(VerticalScroll, can_focus=False):
    """One example: what it is, and what the network took it for."""

    def __init__(self, example: Example) -> None:
        super().__init__(classes="example")
        self.example = example

    def compose(self) -> ComposeResult:
        example = self.example
        share = (
            f" {example.confidence * 100:.0f} %" if example.confidence == example.confidence else ""
        )
        verdict = "right" if example.truth == example.prediction else f"→ {example.prediction}"
        yield Static(
            f"#{example.index} {example.truth} {verdict}{share}", classes="caption", markup=False
        )
        if example.image is not None:
            picture = Picture()
            try:
                picture.set_image(example.image.read_bytes())
            except (OSError, ValueError) as error:
                yield Static(f"picture not readable: {error}", classes="caption", markup=False)
            else:
                yield picture
        if example.text is not None:
            yield Static(example.text, classes="caption", markup=False)
        for name, value in example.values[:20]:
            yield Static(f"{name} {value}", classes="caption", markup=False)
