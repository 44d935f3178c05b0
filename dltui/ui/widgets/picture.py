"""One image: in the terminal's own protocol where it has one, in half blocks everywhere else."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError
from PIL.Image import Image, Resampling
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from dltui.charts.glyphs import Glyphs, terminal_glyphs
from dltui.charts.half_blocks import UPPER_HALF, fitted_size, grey_rows, half_block_rows
from dltui.ui.widgets.graphics import Graphics, picture_class, terminal_graphics

_CRISP_PIXELS = 256
_MOST_PIXELS = 4096 * 4096


class Picture(Widget):
    """Shows an image as large as fits, its shape kept, small images in whole-factor pixels.

    `graphics` says which protocol is used; `shown_as` what that came to.
    """

    DEFAULT_CSS = """
    Picture { width: 1fr; height: 1fr; align: center middle; }
    """

    def __init__(
        self,
        image: Image | bytes | None = None,
        *,
        graphics: Graphics | None = None,
        glyphs: Glyphs | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.graphics = graphics or terminal_graphics()
        self.glyphs = glyphs or terminal_glyphs()
        self.problem = ""
        """Why there is no picture, if there is none."""
        self._image: Image | None = None
        self._strips: list[Strip] = []
        self._native: Widget | None = None
        self._read(image)

    @property
    def shown_as(self) -> str:
        """`kitty`, `sixel` or `blocks`: what is used, with textual-image missing or not."""
        return "blocks" if picture_class(self.graphics.protocol) is None else self.graphics.protocol

    def set_image(self, image: Image | bytes | None) -> None:
        """Shows an image, or the bytes of an image file; bytes that are none are said to be so."""
        self._read(image)
        self._show()

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        if self._image is None:
            text = self.problem or "no picture"
            row = (self.content_size.height - 1) // 2
            line = text[:width].center(width) if y == row else " " * width
            return Strip([Segment(line, self.rich_style)], width)
        if self._native is not None or not self._strips:
            return Strip.blank(width, self.rich_style)
        first = max(0, (self.content_size.height - len(self._strips)) // 2)
        if not first <= y < first + len(self._strips):
            return Strip.blank(width, self.rich_style)
        return self._strips[y - first]

    def on_mount(self) -> None:
        self._show()

    def on_resize(self, _event: events.Resize) -> None:
        self._show()

    def notify_style_update(self) -> None:
        """Draws anew: the blank around the image has the background's colour."""
        super().notify_style_update()
        if self.is_attached and self._strips:
            self._strips = self._half_blocks()

    def _read(self, image: Image | bytes | None) -> None:
        self.problem = ""
        try:
            self._image = opened_image(image) if isinstance(image, bytes) else image
        except ValueError as error:
            self._image = None
            self.problem = str(error)
        if self._image is not None:
            self._image = self._image.convert("RGB")

    def _show(self) -> None:
        if not self.is_attached or not self.content_size:
            return
        shown_by = picture_class(self.graphics.protocol)
        if shown_by is None or self._image is None:
            if self._native is not None:
                self._native.remove()
                self._native = None
            self._strips = self._half_blocks()
            self.refresh()
            return
        width, height = fitted_size(self._image.size, self.content_size)
        if self._native is None:
            self._native = shown_by()
            self.mount(self._native)
        self._native.styles.width = width
        self._native.styles.height = (height + 1) // 2
        self._native.image = _crisp(self._image)  # type: ignore[attr-defined]

    def _half_blocks(self) -> list[Strip]:
        if self._image is None:
            return []
        size = fitted_size(self._image.size, self.content_size)
        base = self.rich_style
        is_grey = self.app.no_color or not self.glyphs.braille
        rows = picture_segments(self._image, size, base, self.glyphs, is_grey=is_grey)
        left = (self.content_size.width - size[0]) // 2
        right = self.content_size.width - size[0] - left
        return [
            Strip([Segment(" " * left, base), *row, Segment(" " * right, base)]) for row in rows
        ]


def opened_image(file: bytes) -> Image:
    """The image in the bytes of a file, as RGB.

    Raises ValueError where they are no image, or one of more than 4096 × 4096 pixels.
    """
    try:
        with PillowImage.open(BytesIO(file)) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise ValueError(f"too large an image: {opened.width} × {opened.height}")
            return opened.convert("RGB")
    except (
        UnidentifiedImageError,
        PillowImage.DecompressionBombError,
        PillowImage.DecompressionBombWarning,
        OSError,
        SyntaxError,
    ) as error:
        raise ValueError(f"not a readable image: {type(error).__name__}") from error


def picture_segments(
    image: Image, size: tuple[int, int], base: Style, glyphs: Glyphs, *, is_grey: bool
) -> list[list[Segment]]:
    """Rows of segments of an image shown in `size` pixels, two a cell.

    `is_grey` takes shades in place of colours.
    """
    grows = size[0] >= image.width
    resampling = Resampling.NEAREST if grows else Resampling.BOX
    pixels = np.asarray(image.resize(size, resampling), dtype=np.uint8)
    if is_grey:
        return [[Segment(row, base)] for row in grey_rows(pixels, glyphs)]
    return [
        [Segment(UPPER_HALF * count, base + _colors(upper, lower)) for count, upper, lower in runs]
        for runs in half_block_rows(pixels)
    ]


def _colors(upper: np.ndarray, lower: np.ndarray | None) -> Style:
    front = "#{:02x}{:02x}{:02x}".format(*upper.tolist())
    back = None if lower is None else "#{:02x}{:02x}{:02x}".format(*lower.tolist())
    return Style(color=front, bgcolor=back)


def _crisp(image: Image) -> Image:
    """Small images enlarged by a whole factor, so that the terminal does not blur them."""
    factor = max(1, _CRISP_PIXELS // max(image.size))
    return image.resize((image.width * factor, image.height * factor), Resampling.NEAREST)
