"""A widget that shows a frame of cells and sends the terminal only what changed in it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from dltui.charts.canvas import Frame
from dltui.charts.glyphs import Glyphs, terminal_glyphs
from dltui.ui.widgets.chart_styles import COMPONENTS, chart_styles


class FrameView(Widget):
    """Base of the chart widgets: subclasses draw frames, this shows them.

    `redraw` compares the new frame with the shown one and refreshes the changed cells alone. While
    the widget has no size (another tab is open) nothing is drawn; the next resize draws.
    """

    DEFAULT_CSS = """
    FrameView {
        & > .chart--text { color: $foreground; }
        & > .chart--strong { color: $foreground; text-style: bold; }
        & > .chart--quiet { color: $foreground 70%; }
        & > .chart--axis { color: $foreground 40%; }
        & > .chart--mark { color: $text-accent; }
        & > .chart--alarm { color: $text-error; text-style: bold; }
        & > .chart--cursor { color: $foreground 60%; }
        & > .chart--selected { text-style: reverse; }
    }
    """
    COMPONENT_CLASSES = set(COMPONENTS.values())

    def __init__(self, *, glyphs: Glyphs | None = None, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs or terminal_glyphs()
        self._frame = Frame.blank(0, 0)
        self._styles_of_roles: dict[int, Style] = {}
        self._base = Style.null()

    def draw(self, width: int, height: int) -> Frame:
        """The picture in `width` × `height` cells, both at least 1."""
        raise NotImplementedError

    @property
    def frame(self) -> Frame:
        """What is on the screen now."""
        return self._frame

    def redraw(self) -> None:
        """Draws anew and refreshes the cells that differ."""
        if not self.is_attached or not self.content_size:
            return
        former, self._frame = self._frame, self.draw(*self.content_size)
        changes = self._frame.changes(former)
        if changes is None:
            self.refresh()
        elif changes:
            self.refresh(*_rows(changes))

    def render_line(self, y: int) -> Strip:
        """The cells of one row."""
        if self._frame.chars.shape != (self.content_size.height, self.content_size.width):
            if not self.content_size:
                return Strip.blank(self.size.width, self.rich_style)
            self._frame = self.draw(*self.content_size)
        if y >= self._frame.height:
            return Strip.blank(self.content_size.width, self.rich_style)
        if not self._styles_of_roles:
            self._styles_of_roles = chart_styles(self)
            self._base = self.rich_style
        base, known = self._base, self._styles_of_roles
        segments = [
            Segment(text, base + known[role] if role in known else base)
            for text, role in self._frame.spans(y)
        ]
        return Strip(segments, self._frame.width)

    def notify_style_update(self) -> None:
        """Forgets the colours of the former theme."""
        self._styles_of_roles = {}
        super().notify_style_update()

    def on_resize(self, _event: events.Resize) -> None:
        self.redraw()

    def on_show(self, _event: events.Show) -> None:
        self.redraw()


def _rows(changes: Iterable[tuple[int, int, int]]) -> list[Region]:
    """One region a row: Textual sends each row from the widget's left edge for every region."""
    ends: dict[int, tuple[int, int]] = {}
    for row, column, width in changes:
        left, right = ends.get(row, (column, column))
        ends[row] = min(left, column), max(right, column + width)
    return [Region(left, row, right - left, 1) for row, (left, right) in ends.items()]
