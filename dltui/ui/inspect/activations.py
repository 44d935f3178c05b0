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
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen

from dltui.charts.numbers import format_value
from dltui.errors import DltuiError
from dltui.inspect.text import shape_text
from dltui.inspect.visible import visible
from dltui.ui.panes.key_line import KeyLine
from dltui.ui.panes.lines import Lines
from dltui.ui.panes.table import Column, Row, Table
from dltui.ui.widgets.picture import opened_image
from dltui.ui.widgets.picture_sheet import PictureSheetView, SheetContent
from dltui.ui.widgets.size_guard import SizeGuard

KEYS: list[BindingType] = [
    Binding("left_square_bracket", "step(-1)", "Example before", key_display="[", id="look-before"),
    Binding("right_square_bracket", "step(1)", "Next example", key_display="]", id="look-next"),
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
        & > #look-word { height: 2; padding: 0 1; }
        & > Horizontal { height: 1fr; }
        & #look-layers { width: 3fr; }
        & #look-pictures { width: 2fr; }
        &.-narrow Horizontal { layout: vertical; }
        &.-narrow #look-layers, &.-narrow #look-pictures { width: 1fr; height: 1fr; }
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
        lines = [((line, tone),) for line in text.splitlines()[:2]]
        self.query_one("#look-word", Lines).set_lines(lines)

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
        self._say(f"example {event.example} of {event.found['part']}: {_told(event.found)}", "")
        self.query_one(Table).set_rows([_row(layer) for layer in event.found["layers"]])
        captions = tuple(
            visible(str(each.get("layer") or each["kind"]), 40)
            if each["kind"] == "attention"
            else str(each["kind"]).replace("_", "-")
            for each in event.found["pictures"]
        )
        columns = 1 if len(event.images) <= 3 else 2
        self.query_one(PictureSheetView).set_content(SheetContent(event.images, captions, columns))


def _problem(error: Exception) -> str:
    """What happened and what to do; where is the run on the screen, whose path may be long."""
    if isinstance(error, DltuiError):
        return "\n".join(filter(None, (error.message, error.remedy)))
    return str(error)


def _told(found: dict[str, Any]) -> str:
    """What the network says of the example, in a line."""
    prediction = found.get("prediction")
    if not isinstance(prediction, list) or not prediction:
        return f"{len(found['layers']):,} layers"
    said = [
        f"{visible(str(each['class'] if each.get('name') is None else each['name']), 40)} "
        f"{each['probability']:.1%}"
        for each in prediction
    ]
    return "taken for " + ", ".join(said)


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
