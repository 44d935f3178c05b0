"""The module tree on the screen: each row is made when it is drawn, however many there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from dltui.charts.glyphs import terminal_glyphs
from dltui.inspect.text import shape_text, size_text
from dltui.inspect.visible import visible
from dltui.ui.inspect.rows import Outline, Row
from dltui.ui.inspect.wording import count_text, short_dtype
from dltui.ui.panes.lines import Line, Lines, fit, fit_end

_INDENT, _SMALL_INDENT = 2, 1
_SMALL_BELOW = 36
"""Columns below which the steps of the tree are small, so that names keep their room."""
_SHAPE_CELLS, _DTYPE_CELLS, _SIZE_CELLS = 16, 5, 8
_NAMELESS = "''"
_ALL = 10**9


class ModuleTree(Lines, can_focus=True):
    """Arrow keys move, open and close; the row under the cursor is what the details show."""

    DEFAULT_CSS = "ModuleTree { height: 1fr; overflow-y: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="tree-up"),
        Binding("down,j", "move(1)", "Down", show=False, id="tree-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="tree-page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="tree-page-down"),
        Binding("home,g", f"move({-_ALL})", "First", show=False, id="tree-first"),
        Binding("end,G", f"move({_ALL})", "Last", show=False, id="tree-last"),
        Binding(
            "right,l", "open", "Open", show=False, tooltip="Open, or go inside", id="tree-open"
        ),
        Binding(
            "left,h", "close", "Close", show=False, tooltip="Close, or go outside", id="tree-close"
        ),
        Binding("enter", "choose", "Open", tooltip="Open or close; show a tensor", id="tree-enter"),
        Binding(
            "asterisk",
            "toggle_all",
            "Open all",
            key_display="*",
            show=False,
            tooltip="Everything below, open or closed",
            id="tree-open-all",
        ),
        Binding(
            "x",
            "unfold",
            "Unfold",
            show=False,
            tooltip="Blocks that are alike one by one, and back",
            id="tree-unfold",
        ),
    ]

    @dataclass
    class RowShown(Message):
        """The cursor is on another row."""

        row: Row

    @dataclass
    class TensorOpened(Message):
        """Enter was pressed on a tensor."""

        row: Row

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.outline: Outline | None = None
        self.rows: list[Row] = []
        self.cursor = 0
        self.marked: Collection[str] = ()
        """Names of tensors that something was found about."""
        self._marked_modules: set[str] = set()
        self.glyphs = terminal_glyphs()

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def row(self) -> Row | None:
        """What the cursor is on."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show(self, outline: Outline) -> None:
        """Shows another file's tree, or the same opened again."""
        self.outline = outline
        self.cursor = 0
        self.show_rows()

    def show_rows(self, key: str | None = None) -> None:
        """Makes the rows anew; the cursor stays where it is, or goes to `key`."""
        if self.outline is None:
            return
        former = self.row
        wanted = key or (former.key if former is not None else None)
        self.rows = self.outline.rows()
        places = {row.key: place for place, row in reversed(list(enumerate(self.rows)))}
        self.cursor = places.get(wanted or "", min(self.cursor, max(0, len(self.rows) - 1)))
        self._measure()
        self.refresh()
        self._bring_into_view()
        if self.row is not None and (former is None or self.row.key != former.key):
            self.post_message(self.RowShown(self.row))

    def mark(self, names: Collection[str]) -> None:
        """Marks tensors that something was found about."""
        self.marked = names
        self._marked_modules = {
            ".".join(steps[:depth])
            for steps in (name.split(".") for name in names)
            for depth in range(len(steps))
        }
        self.refresh()

    def go_to(self, key: str) -> None:
        """Puts the cursor on the row with this key."""
        for place, row in enumerate(self.rows):
            if row.key == key:
                self._go(place)
                return

    # Keys

    def action_move(self, by: int) -> None:
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._go(self.cursor + by * max(1, self.size.height - 1))

    def action_open(self) -> None:
        row = self.row
        if row is None or self.outline is None:
            return
        if row.tensor is not None:
            self.post_message(self.TensorOpened(row))
        elif not row.is_open:
            self.outline.toggle(row, opened=True)
            self.show_rows()
        else:
            self._go(self.cursor + 1)

    def action_close(self) -> None:
        row = self.row
        if row is None or self.outline is None:
            return
        if row.is_open and row.depth and not self.outline.selection:
            self.outline.toggle(row, opened=False)
            self.show_rows()
            return
        for place in range(self.cursor - 1, -1, -1):
            if self.rows[place].depth < row.depth:
                self._go(place)
                return

    def action_choose(self) -> None:
        row = self.row
        if row is None or self.outline is None:
            return
        if row.tensor is not None:
            self.post_message(self.TensorOpened(row))
        else:
            self.outline.toggle(row)
            self.show_rows()

    def action_toggle_all(self) -> None:
        if self.row is not None and self.outline is not None:
            self.outline.toggle_all(self.row)
            self.show_rows()

    def action_unfold(self) -> None:
        row = self.row
        if row is None or self.outline is None:
            return
        if row.is_group:
            place = self.cursor
            self.outline.unfold(row)
            self.show_rows()
            self._go(place)
        else:
            group = self.outline.fold(row)
            if group is not None:
                self.show_rows(group)

    def on_click(self, event: events.Click) -> None:
        place = event.y + round(self.scroll_offset.y)
        if place < len(self.rows):
            again = place == self.cursor
            self._go(place)
            if again or event.x <= 1 + self._indent * self.rows[place].depth:
                self.action_choose()

    def on_focus(self) -> None:
        self._refresh_row(self.cursor)

    def on_blur(self) -> None:
        self._refresh_row(self.cursor)

    def _go(self, place: int) -> None:
        if not self.rows:
            return
        place = min(max(place, 0), len(self.rows) - 1)
        if place == self.cursor:
            return
        former, self.cursor = self.cursor, place
        self._refresh_row(former)
        self._refresh_row(place)
        self._bring_into_view()
        self.post_message(self.RowShown(self.rows[place]))

    def _bring_into_view(self) -> None:
        top, height = round(self.scroll_offset.y), max(1, self.size.height)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)

    def _refresh_row(self, place: int) -> None:
        y = place - round(self.scroll_offset.y)
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # Drawing

    @property
    def _indent(self) -> int:
        return _INDENT if self.size.width >= _SMALL_BELOW else _SMALL_INDENT

    def line_at(self, index: int) -> Line:
        row = self.rows[index]
        width = self.scrollable_content_region.width
        columns = self._columns(row, width)
        right = "".join(text for text, _ in columns)
        lead = " " * (self._indent * min(row.depth, max(0, width // 4))) + self._mark(row)
        room = max(1, width - len(lead) - cell_len(right))
        times = f" ×{row.node.times}" if row.is_group else ""
        name = self._label(row)
        if cell_len(name) + len(times) > room:
            # Of a run's checkpoint the end of its title, the step, tells more than the run.
            name = (fit if row.depth else fit_end)(name, max(1, room - len(times)))
        said = name + times
        rest = room - cell_len(said)
        kind = self._kind(row)
        more = fit(f" {kind}" if kind and rest > cell_len(kind) + 1 else "", rest)
        chosen = index == self.cursor
        if chosen and self.has_focus:
            return ((lead + said + more + right, "chosen"),)
        tone = "strong" if chosen or row.tensor is None else ""
        return ((lead, "accent" if chosen else "dim"), (said, tone), (more, "dim"), *columns)

    def _mark(self, row: Row) -> str:
        if row.tensor is not None:
            return "  "
        if self.glyphs.braille:
            return "▾ " if row.is_open else "▸ "
        return "v " if row.is_open else "> "

    def _label(self, row: Row) -> str:
        if row.is_group:
            # block0…3: what both ends begin with is said once.
            last = visible(row.node.paths[-1].rpartition(".")[2])
            number = len(last.rstrip("0123456789"))
            same = number and row.name[:number] == last[:number]
            return f"{visible(row.name)}…{last[number:] if same else last}"
        return visible(row.name) or _NAMELESS

    def _kind(self, row: Row) -> str:
        """A module's class, in grey after its name."""
        return "" if row.tensor is not None else visible(row.node.class_name.rpartition(".")[2])

    def _is_marked(self, row: Row) -> bool:
        """Whether something was found about the tensor, or about one inside a closed module."""
        if row.tensor is not None:
            return row.tensor.name in self.marked
        if row.is_open and not row.is_group:
            return False
        paths = row.node.paths or (row.node.path,)
        return any(path in self._marked_modules for path in paths)

    def _columns(self, row: Row, width: int) -> tuple[tuple[str, str], ...]:
        """Shape, type and size, as far as there is room; the parameters always."""
        tensor = row.tensor
        flag = "!" if not self.glyphs.braille else "▲"
        mark = (flag + " " if self._is_marked(row) else "  ", "warning")
        if width < 50:
            count = tensor.elements if tensor is not None else row.node.parameters
            return (mark, (f"{count_text(count, 7):>7}", "dim"))
        if tensor is None:
            taken = _SHAPE_CELLS + _DTYPE_CELLS + 2
            figure = f"{count_text(row.node.parameters, 15):>{taken}} "
            size = size_text(row.node.size_bytes)
        else:
            figure = f"{fit(shape_text(tensor.shape), _SHAPE_CELLS, right=True)}"
            figure += f" {fit(short_dtype(tensor.dtype), _DTYPE_CELLS)}  "
            size = size_text(tensor.size_bytes)
        return (mark, (figure, "dim"), (f"{size:>{_SIZE_CELLS}}", "dim"))
