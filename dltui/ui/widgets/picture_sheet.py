"""Pictures in rows and columns with their captions, as one widget with a cursor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from PIL import Image as PillowImage
from PIL.Image import Image, Resampling
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from dltui.charts.glyphs import Glyphs, terminal_glyphs
from dltui.charts.picture_sheet import SheetLayout, sheet_layout
from dltui.charts.scrolling import scrolled
from dltui.ui.panes.lines import fit
from dltui.ui.widgets.graphics import Graphics, cell_pixels, picture_class, terminal_graphics
from dltui.ui.widgets.picture import picture_segments
from dltui.ui.widgets.redrawn import Redrawn

_NO_PICTURE = PillowImage.new("RGB", (1, 1))


@dataclass(frozen=True, slots=True)
class SheetContent:
    """Images in reading order, `columns` a row; None where one cannot be shown."""

    images: tuple[Image | None, ...] = ()
    captions: tuple[str, ...] = ()
    columns: int = 1
    row_labels: tuple[str, ...] = ()

    @property
    def grid(self) -> tuple[int, int]:
        """(columns, rows) that hold something."""
        columns = max(1, min(self.columns, len(self.images)))
        return columns, max(1, -(-len(self.images) // columns))

    def at(self, row: int, column: int) -> int | None:
        """The number of the picture there; None in the rest of the last row."""
        columns, rows = self.grid
        place = row * columns + column
        return place if row < rows and column < columns and place < len(self.images) else None


class PictureSheetView(Widget, Redrawn, can_focus=True):
    """Shows a sheet as large as fits; arrow keys move, Enter asks for one picture in large.

    Half blocks everywhere; in the terminal's own protocol, one native picture a row of the sheet.
    """

    DEFAULT_CSS = """
    PictureSheetView {
        height: 1fr;
        & > .sheet--quiet { color: $text-muted; }
        & > .sheet--cursor { color: $primary; text-style: bold; }
        & > .sheet--native { position: absolute; }
    }
    """
    COMPONENT_CLASSES = {"sheet--quiet", "sheet--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1, 0)", "Up", show=False, id="sheet-up"),
        Binding("down", "move(1, 0)", "Down", show=False, id="sheet-down"),
        Binding("left", "move(0, -1)", "Left", show=False, id="sheet-left"),
        Binding("right", "move(0, 1)", "Right", show=False, id="sheet-right"),
        Binding(
            "enter",
            "choose",
            "Enlarge",
            show=False,
            tooltip="This picture on the whole screen",
            id="sheet-enlarge",
        ),
    ]

    @dataclass
    class PictureChosen(Message):
        """One picture is wanted in large."""

        number: int

    @dataclass
    class CursorMoved(Message):
        """The cursor is on another picture."""

        number: int

    def __init__(
        self,
        *,
        graphics: Graphics | None = None,
        glyphs: Glyphs | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.graphics = graphics or terminal_graphics()
        self.glyphs = glyphs or terminal_glyphs()
        self.content = SheetContent()
        self._given = self.content
        self.cursor = 0
        self.least_pixels = 0
        """Smaller pictures are enlarged to so many while all columns stay in sight."""
        self.zoom = 1
        """How many times larger than they would be, whatever stays in sight."""
        self.layout_now: SheetLayout | None = None
        self._first = (0, 0)
        self._strips: list[Strip] = []
        self._native: list[Widget] = []

    @property
    def visible_count(self) -> int:
        """How many pictures are in sight."""
        if self.layout_now is None:
            return 0
        places = (self.content.at(*place) for place in self.layout_now.visible(self._first))
        return sum(number is not None for number in places)

    def set_content(self, content: SheetContent) -> None:
        """Shows another sheet; the cursor keeps its place."""
        self.content = self._given = content
        self.cursor = max(0, min(self.cursor, len(content.images) - 1))
        self._draw()

    def zoom_to(self, zoom: int) -> None:
        """Shows the pictures so many times larger, as long as one of them fits."""
        former = (self.zoom, self.layout_now)
        self.zoom = max(1, zoom)
        self._draw()
        # What changes nothing would have to be taken back with as many keys.
        if self.zoom > former[0] and self.layout_now == former[1]:
            self.zoom = former[0]

    def move_to(self, number: int) -> None:
        """Puts the cursor on a picture."""
        number = max(0, min(number, len(self.content.images) - 1))
        if number != self.cursor:
            self.cursor = number
            self._draw()
            self.post_message(self.CursorMoved(number))

    def action_move(self, down: int, across: int) -> None:
        columns, rows = self.content.grid
        row, column = divmod(self.cursor, columns)
        row = min(max(row + down, 0), rows - 1)
        self.move_to(row * columns + min(max(column + across, 0), columns - 1))

    def action_choose(self) -> None:
        if self.content.images:
            self.post_message(self.PictureChosen(self.cursor))

    def on_click(self, event: events.Click) -> None:
        layout = self.layout_now
        if layout is None:
            return
        place = event.get_content_offset(self)
        if place is None or place.x < layout.label_cells:
            return
        column = (place.x - layout.label_cells) // layout.pitch
        row = place.y // layout.row_cells
        if column < layout.columns and row < layout.rows:
            number = self.content.at(self._first[0] + row, self._first[1] + column)
            if number is not None and number == self.cursor:
                self.action_choose()
            elif number is not None:
                self.move_to(number)

    def notify_style_update(self) -> None:
        """Draws anew in the colours of another theme."""
        super().notify_style_update()
        if self.is_attached and self._strips:
            self._draw()

    def render_line(self, y: int) -> Strip:
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.content_size.width, self.rich_style)

    def _draw(self) -> None:
        """Draws the strips anew and sends the rows that differ."""
        if not self.is_attached or not self.content_size:
            return
        self._lay_out()
        former, self._strips = self._strips, self._rows()
        width = self.content_size.width
        if len(former) != len(self._strips):
            self.refresh()
        else:
            dirty = [
                Region(0, row, width, 1)
                for row, (old, new) in enumerate(zip(former, self._strips, strict=True))
                if old != new
            ]
            if dirty:
                self.refresh(*dirty)
        self._show_native()

    def _lay_out(self) -> None:
        content = self.content = self._reflowed()
        layout = self.layout_now = self._layout(content)
        columns, rows = content.grid
        row, column = divmod(self.cursor, columns)
        self._first = (
            scrolled(self._first[0], row, layout.rows, rows),
            scrolled(self._first[1], column, layout.columns, columns),
        )

    def _layout(self, content: SheetContent) -> SheetLayout:
        images = [image for image in content.images if image is not None] or [_NO_PICTURE]
        size = (max(image.width for image in images), max(image.height for image in images))

        def laid(at_least: float) -> SheetLayout:
            return sheet_layout(
                content.grid,
                size,
                (self.content_size.width, self.content_size.height),
                longest_caption=max(map(cell_len, content.captions), default=0),
                longest_label=max(map(cell_len, content.row_labels), default=0),
                at_least=at_least,
            )

        found = laid(0)
        wanted = -(-self.least_pixels // max(size))
        if found.scale < wanted and (larger := laid(wanted)).columns >= content.grid[0]:
            found = larger
        return laid(found.scale * self.zoom) if self.zoom > 1 else found

    def _reflowed(self) -> SheetContent:
        """With more columns where that shows more pictures and columns mean nothing."""
        given, count = self._given, len(self._given.images)
        if given.row_labels or any(given.captions):
            return given
        best = given
        for columns in range(given.columns, count + 1):
            wider = replace(given, columns=columns)
            layout = self._layout(wider)
            if layout.columns < columns:
                break
            best = wider
            if layout.rows * columns >= count:
                break
        return best

    def _rows(self) -> list[Strip]:
        strips: list[Strip] = []
        assert self.layout_now is not None
        for place in range(self.layout_now.rows):
            strips += self._sheet_row(self.layout_now, self._first[0] + place)
        return strips[: self.content_size.height]

    def _sheet_row(self, layout: SheetLayout, row: int) -> list[Strip]:
        """The strips of one row of pictures: the pictures, then captions or nothing."""
        base, width = self.rich_style, self.content_size.width
        quiet = self.get_component_rich_style("sheet--quiet")
        marked = self.get_component_rich_style("sheet--cursor")
        labels = self.content.row_labels
        label = labels[row] if row < len(labels) else ""
        lines: list[list[Segment]] = [[] for _ in range(layout.row_cells)]
        for number, line in enumerate(lines):
            if layout.label_cells:
                text = fit(label if number == 0 else "", layout.label_cells - 1) + " "
                line.append(Segment(text, quiet))
        for place in range(layout.columns):
            picture = self.content.at(row, self._first[1] + place)
            is_chosen = picture == self.cursor and self.has_focus and picture is not None
            mark = Segment("▌" if self.glyphs.braille else "|", marked)
            gap = mark if is_chosen else Segment(" ", base)
            cells = self._picture_rows(picture, layout, base)
            for number in range(layout.picture_rows):
                lines[number] += [gap, *cells[number]]
            caption = self.content.captions[picture] if picture is not None else ""
            shown = caption if layout.captions else ""
            text = fit(shown, layout.pitch - 1)
            lines[-1] += [Segment(" ", base), Segment(text, marked if is_chosen else quiet)]
        return [Strip(line).adjust_cell_length(width, base) for line in lines]

    def _picture_rows(
        self, number: int | None, layout: SheetLayout, base: Style
    ) -> list[list[Segment]]:
        """`picture_rows` rows of `pitch` - 1 cells."""
        across = layout.pitch - 1
        blank = [Segment(" " * across, base)]
        image = self.content.images[number] if number is not None else None
        if number is None or self._is_native:
            return [blank] * layout.picture_rows
        if image is None:
            text = fit("no picture", across)
            note = [Segment(text, self.get_component_rich_style("sheet--quiet"))]
            return [note] + [blank] * (layout.picture_rows - 1)
        size = _scaled(image, layout.scale)
        is_grey = self.app.no_color or not self.glyphs.braille
        rows = picture_segments(image, size, base, self.glyphs, is_grey=is_grey)
        rest = [Segment(" " * (across - size[0]), base)]
        shown = [[*row, *rest] for row in rows[: layout.picture_rows]]
        return shown + [blank] * (layout.picture_rows - len(shown))

    # The terminal's own pictures

    @property
    def _is_native(self) -> bool:
        return picture_class(self.graphics.protocol) is not None

    def _show_native(self) -> None:
        shown_by, layout = picture_class(self.graphics.protocol), self.layout_now
        wanted = layout.rows if layout is not None and self.content.images else 0
        if shown_by is None or layout is None:
            return
        while len(self._native) > wanted:
            self._native.pop().remove()
        while len(self._native) < wanted:
            widget = shown_by()
            widget.add_class("sheet--native")
            self._native.append(widget)
            self.mount(widget)
        for place, widget in enumerate(self._native):
            widget.styles.offset = (layout.column_at(0), place * layout.row_cells)
            widget.styles.width = layout.columns * layout.pitch - 1
            widget.styles.height = layout.picture_rows
            widget.image = self._native_row(layout, self._first[0] + place)  # type: ignore[attr-defined]

    def _native_row(self, layout: SheetLayout, row: int) -> Image:
        """One row of the sheet as one image, in the terminal's pixels."""
        across, down = cell_pixels()
        size = (layout.columns * layout.pitch - 1) * across, layout.picture_rows * down
        sheet = PillowImage.new("RGB", size, self.colors[2].rgb)
        for place in range(layout.columns):
            number = self.content.at(row, self._first[1] + place)
            image = self.content.images[number] if number is not None else None
            if image is not None:
                room = layout.picture_cells * across, layout.picture_rows * down
                factor = min(room[0] / image.width, room[1] / image.height)
                scaled = max(1, round(image.width * factor)), max(1, round(image.height * factor))
                how = Resampling.NEAREST if factor >= 1 else Resampling.LANCZOS
                sheet.paste(image.resize(scaled, how), (place * layout.pitch * across, 0))
        return sheet


def _scaled(image: Image, scale: float) -> tuple[int, int]:
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))
