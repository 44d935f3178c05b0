"""A table over `Lines`: sortable by key and by a click on the header, with a row cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.message import Message

from dltui.ui.panes.lines import Line, Lines, fit, fit_end
from dltui.ui.widgets.redrawn import Redrawn


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in cells; 0 takes what the others leave. `right` aligns numbers.

    `path` marks dotted names, whose ends tell them apart: they are cut on the left.
    """

    title: str
    width: int
    right: bool = False
    path: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` are (text, tone); `order` the values that sorting compares, one a column."""

    key: str
    cells: tuple[tuple[str, str], ...]
    order: tuple[float | str, ...]


class Table(Lines, Redrawn, can_focus=True):
    """Rows under a fixed header. Enter or moving the cursor chooses a row."""

    BINDINGS = [
        Binding("up", "move_cursor(-1)", "Up", show=False, id="table-up"),
        Binding("down", "move_cursor(1)", "Down", show=False, id="table-down"),
        Binding("pageup", "move_page(-1)", "Page up", show=False, id="table-page-up"),
        Binding("pagedown", "move_page(1)", "Page down", show=False, id="table-page-down"),
        Binding("home", "move_cursor(-1000000)", "First", show=False, id="table-first"),
        Binding("end", "move_cursor(1000000)", "Last", show=False, id="table-last"),
        Binding(
            "o",
            "sort_next",
            "Sort",
            show=False,
            tooltip="Sort by the next column",
            id="table-sort",
        ),
        Binding("O", "sort_turn", "Reverse", show=False, id="table-sort-reverse"),
        Binding("enter", "choose", "Choose", show=False, id="table-choose"),
    ]

    @dataclass
    class RowChosen(Message):
        """The cursor rests on another row."""

        table: Table
        key: str
        opened: bool

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:
        super().__init__(fixed=1, id=id)
        self.columns = tuple(columns)
        self.sort_column: int | None = None
        self.descending = True
        self.cursor_key: str | None = None
        self._given: tuple[Row, ...] = ()
        self._rows: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows in the order shown."""
        return self._rows

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns, for example where the width allows more."""
        if self.columns != tuple(columns):
            self.columns = tuple(columns)
            self._draw()

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Shows these rows; the cursor stays on its key, the order as chosen."""
        self._given = tuple(rows)
        self._rows = self._sorted(rows)
        if self.cursor_key is None and self._rows:
            self.cursor_key = self._rows[0].key
        self._draw()

    def action_move_cursor(self, by: int) -> None:
        self._go(self._cursor() + by)

    def action_move_page(self, by: int) -> None:
        self._go(self._cursor() + by * max(1, self.size.height - 2))

    def action_sort_next(self) -> None:
        column = -1 if self.sort_column is None else self.sort_column
        self._sort_by(column + 1 if column + 1 < len(self.columns) else None)

    def action_sort_turn(self) -> None:
        self.descending = not self.descending
        self.set_rows(self._given)

    def action_choose(self) -> None:
        if self.cursor_key is not None:
            self.post_message(self.RowChosen(self, self.cursor_key, True))

    def on_click(self, event: events.Click) -> None:
        row = event.y
        if row == 0:
            self._sort_clicked(event.x)
        elif (index := row - 1 + round(self.scroll_offset.y)) < len(self._rows):
            self._go(index)

    def widths(self) -> list[int]:
        """The width of every column in cells."""
        taken = sum(column.width + 1 for column in self.columns)
        rest = max(6, self.size.width - taken)
        return [column.width or rest for column in self.columns]

    def _sorted(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        column = self.sort_column
        if column is None:
            return tuple(rows)
        return tuple(
            sorted(rows, key=lambda row: _comparable(row.order[column]), reverse=self.descending)
        )

    def _sort_by(self, column: int | None) -> None:
        self.sort_column = column
        self.descending = True
        self.set_rows(self._given)

    def _sort_clicked(self, x: int) -> None:
        left = 0
        for index, width in enumerate(self.widths()):
            if left <= x <= left + width:
                if self.sort_column == index:
                    self.action_sort_turn()
                else:
                    self._sort_by(index)
                return
            left += width + 1

    def _cursor(self) -> int:
        for index, row in enumerate(self._rows):
            if row.key == self.cursor_key:
                return index
        return 0

    def _go(self, index: int) -> None:
        if not self._rows:
            return
        index = min(max(index, 0), len(self._rows) - 1)
        self.cursor_key = self._rows[index].key
        self._draw()
        visible = max(1, self.size.height - 1)
        top = round(self.scroll_offset.y)
        if index < top:
            self.scroll_to(y=index, animate=False)
        elif index >= top + visible:
            self.scroll_to(y=index - visible + 1, animate=False)
        self.post_message(self.RowChosen(self, self.cursor_key, False))

    def _draw(self) -> None:
        widths = self.widths()
        self.set_lines([self.header_line(widths), *(self.row_line(r, widths) for r in self._rows)])

    def row_line(self, row: Row, widths: Sequence[int]) -> Line:
        """A row with its cells fitted into the columns."""
        chosen = row.key == self.cursor_key
        mark = "chosen" if chosen and self.has_focus else None
        spans = []
        for column, width, (text, tone) in zip(self.columns, widths, row.cells, strict=False):
            cut = fit_end if column.path else fit
            cell = cut(text, width, right=column.right) + " "
            spans.append((cell, mark or ("strong" if chosen and not tone else tone)))
        return tuple(spans)

    def header_line(self, widths: Sequence[int]) -> Line:
        """The names of the columns, with an arrow at the one sorted by."""
        spans = []
        for index, (column, width) in enumerate(zip(self.columns, widths, strict=True)):
            arrow = "" if index != self.sort_column else (" ↓" if self.descending else " ↑")
            title = column.title + arrow
            spans.append((fit(title, width, right=column.right) + " ", "dim"))
        return tuple(spans)


def _comparable(value: float | str) -> tuple[bool, float, str]:
    """NaN sorts as the smallest number, text after numbers."""
    if isinstance(value, str):
        return (True, 0.0, value.casefold())
    return (False, value if value == value else float("-inf"), "")
