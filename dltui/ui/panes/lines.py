"""Lines of toned text that redraw only the lines that changed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dltui.ui.panes.tones import toned

Span = tuple[str, str]
"""A piece of text and its tone: "", dim, strong, accent, good, warning, bad, header, chosen."""
Line = tuple[Span, ...]

_WORD = re.compile(r"\s*\S+|\s+")


def text_of(line: Line) -> str:
    """The line without its tones."""
    return "".join(text for text, _ in line)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly `width` cells: padded, or cut with an ellipsis."""
    length = cell_len(text)
    if length <= width:
        space = " " * (width - length)
        return space + text if right else text + space
    if width <= 0:
        return ""
    while text and cell_len(text) > width - 1:
        text = text[:-1]
    return text + "…" + " " * (width - 1 - cell_len(text))


def fit_end(text: str, width: int, *, right: bool = False) -> str:
    """As `fit`, but cut on the left: the end of a dotted name tells it apart."""
    if cell_len(text) <= width or width <= 0:
        return fit(text, width, right=right)
    while cell_len(text) > width - 1:
        text = text[1:]
    return "…" + text + " " * (width - 1 - cell_len(text))


def wrapped_line(line: Line, width: int) -> list[Line]:
    """The line in pieces of at most `width` cells, broken between words that keep their tones.

    A word that is wider by itself is cut.
    """
    width = max(1, width)
    pieces: list[list[Span]] = [[]]
    used = 0
    for text, tone in line:
        for word in _WORD.findall(text):
            if used and used + cell_len(word) > width:
                pieces.append([])
                used, word = 0, word.lstrip()
            first, *rest = chop_cells(word, width)
            pieces[-1].append((first, tone))
            pieces += [[(part, tone)] for part in rest]
            used = cell_len(rest[-1]) if rest else used + cell_len(first)
    return [tuple(piece) for piece in pieces]


class Lines(ScrollView, can_focus=False):
    """Shows lines of toned text. Foreign text is never read as markup.

    `fixed` lines at the top stay while the rest scrolls.
    """

    DEFAULT_CSS = """
    Lines {
        height: 1fr;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        overflow-x: hidden;
    }
    """

    def __init__(
        self,
        lines: Sequence[Line] = (),
        *,
        fixed: int = 0,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = tuple(lines)
        self._fixed = fixed
        self._tones: dict[str, Style] = {}
        self.lines_drawn = 0
        """How many lines were rendered so far; tests and the benchmark read it."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown now."""
        return self._lines

    def on_mount(self) -> None:
        super().on_mount()  # type: ignore[no-untyped-call]
        self._measure()

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Shows these lines; asks for a redraw of those that differ only."""
        new = tuple(lines)
        old, self._lines = self._lines, new
        if new == old:
            return
        if len(new) != len(old):
            self._measure()
        top, height = round(self.scroll_offset.y), self.size.height
        dirty: list[Region] = []
        for row in range(height):
            index = self._index(row, top)
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            if before != after:
                dirty.append(Region(0, row, self.size.width, 1))
        if dirty:
            self.refresh(*dirty)

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def line_at(self, index: int) -> Line:
        """One line; a long list may make it only when it is drawn."""
        return self._lines[index]

    def render_line(self, y: int) -> Strip:
        """The strip of one row of the widget."""
        self.lines_drawn += 1
        index = self._index(y, round(self.scroll_offset.y))
        line = self.line_at(index) if index < self.count else ()
        segments = [Segment(text, self._tone(tone)) for text, tone in line if text]
        return Strip(segments).adjust_cell_length(self.size.width, self._ending(line))

    def notify_style_update(self) -> None:
        self._tones.clear()
        super().notify_style_update()

    def _index(self, row: int, top: int) -> int:
        return row if row < self._fixed else row + top

    def _ending(self, line: Line) -> Style:
        return self._tone("chosen" if line and line[-1][1] == "chosen" else "")

    def _tone(self, tone: str) -> Style:
        style = self._tones.get(tone)
        if style is None:
            style = toned(self.visual_style, tone, self.app.theme_variables)
            self._tones[tone] = style
        return style

    def _measure(self) -> None:
        former, new = self.virtual_size, Size(0, self.count)
        height = self.container_size.height
        has_scrollbar = self.show_vertical_scrollbar
        if has_scrollbar == (new.height > height) and new.height >= former.height > 0 < height:
            # A longer text under the same scrollbar moves nothing: the layout of the whole screen,
            # which Textual would do, costs 10 ms.
            self.set_reactive(Lines.virtual_size, new)
            self._scroll_update(new)
        else:
            self.virtual_size = new
