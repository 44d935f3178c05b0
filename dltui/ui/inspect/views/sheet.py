"""Weights as pictures: filters side by side, matrices seen from afar."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color

from dltui.charts.numbers import format_value
from dltui.charts.palette import series_color
from dltui.inspect.contents import Tensor
from dltui.inspect.pictures import Sheet, picture
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.panel import Panel
from dltui.ui.inspect.reading import Cancelled, Reading, Work
from dltui.ui.widgets.picture_sheet import PictureSheetView, SheetContent

Pixels = npt.NDArray[np.uint8]
_MIDDLE = 128
_LEAST_PIXELS = 6
"""Of a filter: its few weights are told apart where the screen has the room."""
_TORN_CELLS = 8
"""What a line loses at its end, as words are not torn."""
_SIDE = 256
"""Pixels of a matrix: about as many as a terminal has half cells."""


class PicturePanel(Panel):
    """Negative weights in blue, positive in orange, zero as the background; or grey by `c`."""

    view = "picture"
    topic = "tensor-picture"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "c",
            "toggle_colors",
            "Grey or colours",
            show=False,
            tooltip="Blue for negative and orange for positive, or black to white",
            id="picture-colors",
        ),
        Binding(
            "plus,equals_sign",
            "zoom(1)",
            "Larger",
            key_display="+",
            show=False,
            tooltip="Fewer pictures, each larger; the arrow keys move",
            id="picture-larger",
        ),
        Binding("minus", "zoom(-1)", "Smaller", key_display="-", show=False, id="picture-smaller"),
        Binding("escape", "leave_single", "All pictures", show=False, id="picture-all"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.sheet_view = PictureSheetView()
        self.sheet_view.least_pixels = _LEAST_PIXELS
        self.sheet: Sheet | None = None
        self.in_colors = True
        self.single: int | None = None

    def compose(self) -> ComposeResult:
        yield self.word
        yield self.sheet_view

    def show(self, file: OpenedFile, tensor: Tensor) -> None:
        super().show(file, tensor)
        self.sheet, self.single = None, None
        self.sheet_view.zoom = 1
        self.sheet_view.set_content(SheetContent())

    def wish(self, file: OpenedFile, tensor: Tensor) -> tuple[Hashable, Work]:
        def work(values: Any, cancelled: Cancelled) -> Iterator[Sheet]:
            yield picture(values, tensor, _SIDE)

        return ("picture", tensor.name), work

    def take(self, reading: Reading) -> None:
        if reading.problem:
            self.say(((reading.problem, "bad"),))
            return
        self.sheet = reading.result
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's own unless one picture stands alone."""
        return self.single is not None if action == "leave_single" else True

    def action_toggle_colors(self) -> None:
        self.in_colors = not self.in_colors
        self._draw()

    def action_zoom(self, by: int) -> None:
        if self.single is None and self.sheet is not None:
            self.sheet_view.zoom_to(self.sheet_view.zoom + by)
            self._say_words()

    def on_resize(self, event: events.Resize) -> None:
        # How many pictures fit is known after the layout.
        self.call_after_refresh(self._say_words)

    def action_leave_single(self) -> None:
        self.single = None
        self._draw()

    @on(PictureSheetView.PictureChosen)
    def enlarge(self, event: PictureSheetView.PictureChosen) -> None:
        """Shows one picture alone, and all again."""
        if self.sheet is not None and len(self.sheet.images) > 1:
            self.single = event.number if self.single is None else None
            self._draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_attached and self.sheet is not None:
            self._draw()

    def _draw(self) -> None:
        sheet = self.sheet
        if sheet is None:
            return
        chosen = range(len(sheet.images)) if self.single is None else (self.single,)
        images = tuple(self._image(sheet.images[number]) for number in chosen)
        captions = tuple(sheet.captions[number] for number in chosen)
        columns = sheet.columns if self.single is None else 1
        if self.single is not None:
            self.sheet_view.zoom = 1
        self.sheet_view.set_content(SheetContent(images, captions, columns))
        self._say_words()

    def _say_words(self) -> None:
        sheet = self.sheet
        if sheet is None:
            return
        limit = format_value(sheet.limit)
        shades = "blue −, orange +" if self._has_colors else "black −, white +"
        if sheet.images[0].ndim == 3:
            shades = "RGB of the input, grey is 0, ±"
        said = f"   {shades}{limit}"
        for hint in self._hints(sheet):
            # Two lines of words at most where it is narrow; the help has them all.
            if cell_len(sheet.title + said + hint) < 2 * self.size.width - _TORN_CELLS:
                said += hint
        self.say(((sheet.title, ""), (said, "dim")))

    def _hints(self, sheet: Sheet) -> list[str]:
        count = len(sheet.images)
        if self.single is not None:
            return [" · esc all"]
        if count == 1:
            return []
        seen = self.sheet_view.visible_count
        in_sight = [f" · {seen:,} of {count:,} in sight"] if 0 < seen < count else []
        return [*in_sight, " · + - larger, smaller", " · enter one of them"]

    @property
    def _has_colors(self) -> bool:
        return self.in_colors and not self.app.no_color and self.sheet_view.glyphs.braille

    def _image(self, pixels: Pixels) -> Image.Image:
        if pixels.ndim == 3 or not self._has_colors:
            return Image.fromarray(pixels).convert("RGB")
        background = self.colors[2]
        return Image.fromarray(diverging(background)[pixels])

    def readings(self) -> list[str]:
        return [] if self.sheet is None else [self.sheet.title]


def diverging(background: Color) -> Pixels:
    """(256, 3): from the palette's blue over the background at 128 to its orange."""
    dark = background.brightness < 0.5
    ends = [Color.parse(series_color(slot, dark=dark)) for slot in (0, 1)]
    colors = []
    for value in range(256):
        share = (value - _MIDDLE) / (_MIDDLE if value < _MIDDLE else 255 - _MIDDLE)
        colors.append(background.blend(ends[share > 0], abs(share)).rgb)
    return np.array(colors, np.uint8)
