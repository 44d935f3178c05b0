"""Examples side by side: a picture, what it is, and what the model took it for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from PIL.Image import Image
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ItemGrid, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from dltui.charts.glyphs import Glyphs, terminal_glyphs
from dltui.ui.widgets.graphics import Graphics, terminal_graphics
from dltui.ui.widgets.picture import Picture

PAGE = 24


@dataclass(frozen=True, slots=True)
class PictureExample:
    """One example. `image` is an image, the bytes of an image file, or None with `text` instead."""

    truth: str
    prediction: str
    confidence: float | None = None
    image: Image | bytes | None = None
    text: str = ""

    @property
    def correct(self) -> bool:
        return self.truth == self.prediction


class ExampleCard(Vertical):
    """One example with its caption."""

    DEFAULT_CSS = """
    ExampleCard {
        height: 100%;
        padding: 0 1 1 1;
        & Picture { height: 1fr; }
        & .example-text { height: 1fr; }
        & .caption { height: 1; text-align: center; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, example: PictureExample, graphics: Graphics, glyphs: Glyphs) -> None:
        super().__init__()
        self._example = example
        self._graphics = graphics
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        example = self._example
        if example.image is None and example.text:
            yield Static(Content(example.text), classes="example-text")
        else:
            yield Picture(example.image, graphics=self._graphics, glyphs=self._glyphs)
        yield Static(self._caption(), classes="caption")

    def _caption(self) -> Content:
        example = self._example
        fancy = self._glyphs.braille
        sure = "" if example.confidence is None else f" {example.confidence:.2f}"
        if example.correct:
            mark = "✓" if fancy else "ok"
            return Content.from_markup(
                "[$text-success]$mark[/] $truth$sure", mark=mark, truth=example.truth, sure=sure
            )
        return Content.from_markup(
            "[$text-error]$mark[/] $truth $arrow [b]$taken[/b]$sure",
            mark="✗" if fancy else "x",
            truth=example.truth,
            arrow="→" if fancy else "->",
            taken=example.prediction,
            sure=sure,
        )


class PictureGrid(VerticalScroll, can_focus=True):
    """A page of examples; `n` and `b` turn pages. Captions read `truth → prediction confidence`."""

    DEFAULT_CSS = """
    PictureGrid {
        & ItemGrid { height: auto; grid-gutter: 0; grid-rows: 12; }
        & > .grid-note { height: 1; color: $foreground 70%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "n",
            "turn_page(1)",
            "Next page",
            show=False,
            tooltip="Show the next examples",
            id="examples-next",
        ),
        Binding(
            "b",
            "turn_page(-1)",
            "Page back",
            show=False,
            tooltip="Show the examples before",
            id="examples-back",
        ),
    ]

    def __init__(
        self,
        examples: Sequence[PictureExample] = (),
        *,
        card_width: int = 24,
        graphics: Graphics | None = None,
        glyphs: Glyphs | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._examples = tuple(examples)
        self._first = 0
        self._card_width = card_width
        self._graphics = graphics or terminal_graphics()
        self._glyphs = glyphs or terminal_glyphs()

    async def set_examples(self, examples: Sequence[PictureExample]) -> None:
        """Shows these from the first page on."""
        self._examples = tuple(examples)
        self._first = 0
        await self.recompose()

    def compose(self) -> ComposeResult:
        shown = self._examples[self._first : self._first + PAGE]
        yield Static(self._note(len(shown)), classes="grid-note")
        with ItemGrid(min_column_width=self._card_width):
            for example in shown:
                yield ExampleCard(example, self._graphics, self._glyphs)

    async def action_turn_page(self, pages: int) -> None:
        """Turns `pages` forward, or back where negative, up to the ends."""
        target = self._first + pages * PAGE
        if 0 <= target < len(self._examples):
            self._first = target
            self.scroll_home(animate=False)
            await self.recompose()

    def _note(self, shown: int) -> Content:
        count = len(self._examples)
        if not count:
            return Content("no examples here")
        wrong = sum(not example.correct for example in self._examples)
        place = f"{self._first + 1}–{self._first + shown} of {count}"
        turn = ", n next page, b back" if count > PAGE else ""
        return Content(f"{place}, {wrong} misclassified{turn}")
