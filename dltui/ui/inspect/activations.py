"""What a run's network makes of an example: activations by layer, saliency, Grad-CAM, attention.

A helper process with torch computes it, as this process has none.
"""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PIL.Image import Image
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen

from dltui.charts.numbers import format_value
from dltui.errors import DltuiError
from dltui.inspect.text import shape_text
from dltui.inspect.visible import visible
from dltui.ui.inspect.looked import (
    answer_words,
    example_text,
    picture_captions,
    picture_columns,
)
from dltui.ui.panes.enlarged import EnlargedPicture
from dltui.ui.panes.key_line import KeyLine
from dltui.ui.panes.lines import Lines, fit
from dltui.ui.panes.table import Column, Row, Table
from dltui.ui.widgets.picture import opened_image
from dltui.ui.widgets.picture_sheet import PictureSheetView, SheetContent
from dltui.ui.widgets.size_guard import SizeGuard

KEYS: list[BindingType] = [
    Binding("left_square_bracket", "step(-1)", "Example before", key_display="[", id="look-before"),
    Binding("right_square_bracket", "step(1)", "Next example", key_display="]", id="look-next"),
    Binding("question_mark", "show_help", "Help", key_display="?", id="look-help"),
    Binding("q,escape", "dismiss", "Back", id="look-back"),
]
_COLUMNS = (
    Column("layer", 0, path=True),
    Column("output", 14, right=True),
    Column("mean", 9, right=True),
    Column("std", 9, right=True),
    Column("zeros", 7, right=True),
)


class ActivationsScreen(Screen[None]):
    """The layers of the network in the order of its forward pass, pictures beside them."""

    DEFAULT_CSS = """
    ActivationsScreen {
        layout: vertical;
        & > #look-header { height: 1; background: $surface; }
        & > #look-word { height: 1; padding: 0 1; }
        & > Horizontal { height: 1fr; }
        & #look-layers { width: 1fr; min-width: 64; }
        & #look-pictures { width: 1fr; }
        &.-narrow Horizontal { layout: vertical; }
        &.-narrow #look-layers, &.-narrow #look-pictures { width: 1fr; height: 1fr; }
        &.-narrow #look-layers { min-width: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    @dataclass
    class Looked(Message):
        """The helper process has answered."""

        example: int
        found: dict[str, Any] | None
        images: tuple[Image, ...] = ()
        problem: str = ""

    def __init__(self, run: Path, step: int | None) -> None:
        super().__init__()
        self.run_path, self.step = run, step
        self.example = 0
        self.found: dict[str, Any] | None = None
        self._images: tuple[Image, ...] = ()
        self._enlarged: EnlargedPicture | None = None
        self._stop = threading.Event()
        """Ends the helper that is at work."""

    def compose(self) -> ComposeResult:
        yield Lines(id="look-header")
        yield Lines(id="look-word")
        with Horizontal():
            with Vertical(id="look-layers", classes="panel") as layers:
                layers.border_title = "activations"
                yield Table(_COLUMNS, id="look-table")
            with Vertical(id="look-pictures", classes="panel") as pictures:
                pictures.border_title = "pictures"
                yield PictureSheetView(id="look-sheet")
        yield KeyLine([key for key in KEYS if isinstance(key, Binding)])
        yield SizeGuard()

    def on_mount(self) -> None:
        at = "" if self.step is None else f"  step {self.step:,}"
        self.query_one("#look-header", Lines).set_lines(
            [((" activations  ", "dim"), (visible(self.run_path.name), "strong"), (at, "dim"))]
        )
        self.query_one(Table).focus()
        self._ask()

    def action_step(self, by: int) -> None:
        if self.example + by >= 0:
            self.example += by
            self._ask()

    def _ask(self) -> None:
        self._say(f"a helper process with torch looks at example {self.example} …")
        self._stop.set()
        self._stop = threading.Event()
        self._look(self.example, self._stop)

    def on_unmount(self) -> None:
        self._stop.set()

    def _say(self, text: str, tone: str = "dim") -> None:
        """One or two lines of words."""
        word = self.query_one("#look-word", Lines)
        room = max(1, self.app.size.width - 2)
        lines = [((fit(line, room), tone),) for line in text.splitlines()[:2]]
        word.styles.height = max(1, len(lines))
        word.set_lines(lines)

    @work(thread=True, exclusive=True, group="look")
    def _look(self, example: int, stop: threading.Event) -> None:
        from dltui.launch.looking import look

        with tempfile.TemporaryDirectory(prefix="dltui-look-") as folder:
            try:
                found = look(
                    self.run_path,
                    Path(folder),
                    step=self.step,
                    example=example,
                    cancelled=stop.is_set,
                )
                files = [Path(folder) / str(each["file"]) for each in found["pictures"]]
                images = tuple(opened_image(file.read_bytes()) for file in files)
            except (DltuiError, OSError, ValueError) as error:
                if stop.is_set():
                    return
                self.post_message(self.Looked(example, None, problem=_problem(error)))
                return
        self.post_message(self.Looked(example, found, images))

    @on(Looked)
    def take(self, event: Looked) -> None:
        if event.example != self.example:
            return
        if event.found is None:
            self._say(event.problem, "bad")
            return
        self.found, self._images = event.found, event.images
        said = f"example {event.example:,} of {self.found['part']}: {answer_words(self.found)}"
        self._say("\n".join(filter(None, (said, example_text(self.found)))), "")
        self.query_one(Table).set_rows([_row(layer) for layer in self.found["layers"]])
        self._show_pictures()

    def on_resize(self, event: events.Resize) -> None:
        # The pane has its new size only after the layout.
        self.call_after_refresh(self._show_pictures)

    def _show_pictures(self) -> None:
        if self.found is None:
            return
        pictures, room = self.found["pictures"], self.query_one("#look-pictures").size
        columns = picture_columns(pictures, is_wide=room.width > 2 * room.height)
        sheet = SheetContent(self._images, picture_captions(pictures), columns)
        self.query_one(PictureSheetView).set_content(sheet)
        self._show_enlarged()

    # The picture in large

    @on(PictureSheetView.PictureChosen)
    def enlarge(self) -> None:
        """Shows the picture under the cursor on the whole screen."""
        self._enlarged = EnlargedPicture(self, "arrows other pictures · < > example · esc back")
        self.app.push_screen(self._enlarged, self._forget_enlarged)
        self.call_after_refresh(self._show_enlarged)

    def move_enlarged(self, down: int, across: int) -> None:
        """Goes on to a neighbour of the picture that is shown in large."""
        self.query_one(PictureSheetView).action_move(down, across)
        self._show_enlarged()

    def action_scrub(self, by: int) -> None:
        """From the picture in large to the same of another example."""
        self.action_step(by)

    def _show_enlarged(self) -> None:
        sheet = self.query_one(PictureSheetView)
        if self._enlarged is None or not self._enlarged.is_attached or not sheet.content.images:
            return
        caption = sheet.content.captions[sheet.cursor]
        title = f"example {self.example:,}"
        self._enlarged.show(sheet.content.images[sheet.cursor], title, caption)

    def _forget_enlarged(self, _: None) -> None:
        self._enlarged = None

    def action_show_help(self) -> None:
        """Explains what is shown, with the answer in words and the keys."""
        from dltui import explain
        from dltui.ui.key_words import active_keys
        from dltui.ui.panes.explain import ExplainScreen

        readings = [] if self.found is None else [answer_words(self.found)]
        keys = [(key.key, key.line or key.word) for key in active_keys(self)]
        text = explain.text("pane/example-activations")
        self.app.push_screen(ExplainScreen("activations", text, readings, keys))


def _problem(error: Exception) -> str:
    """What happened and what to do; where is the run on the screen, whose path may be long."""
    if isinstance(error, DltuiError):
        return "\n".join(filter(None, (error.message, error.remedy)))
    return str(error)


def _row(layer: dict[str, Any]) -> Row:
    mean, std, zeros = (_number(layer.get(key)) for key in ("mean", "std", "zeros"))
    broken = _number(layer.get("non_finite")) > 0
    name = visible(str(layer["name"]), 200)
    cells = (
        (f"▲ {name}" if broken else name, "bad" if broken else ""),
        (shape_text(layer.get("shape") or ()), "dim"),
        (format_value(mean), ""),
        (format_value(std), ""),
        (f"{zeros:.0%}" if zeros == zeros else "-", "warning" if zeros > 0.99 else "dim"),
    )
    return Row(name, cells, (name, "", mean, std, zeros))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
