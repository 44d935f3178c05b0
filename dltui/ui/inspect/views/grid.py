"""The raw values of a part of a tensor, in rows and columns with their indices."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from dltui.charts.numbers import format_value
from dltui.errors import UsageError
from dltui.inspect.contents import BITS, Tensor
from dltui.inspect.slicing import Index, parse_slice, part
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.panel import Panel
from dltui.ui.inspect.reading import Cancelled, Reading, Work
from dltui.ui.panes.lines import Line, Lines, Span

if TYPE_CHECKING:
    from dltui.inspect.dtypes import Array

FIRST_BYTES = 4_000_000
"""Of a large tensor so much is read unasked."""
_CELL = 11


class NumberGrid(Lines, can_focus=True):
    """An array of any number of dimensions: the last one goes across, all others down."""

    DEFAULT_CSS = "NumberGrid { height: 1fr; overflow-y: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Columns before", show=False, id="grid-left"),
        Binding("right", "move(1)", "Next columns", show=False, id="grid-right"),
        Binding(
            "enter,s",
            "choose",
            "Choose a part",
            show=False,
            tooltip="Which part of the tensor is shown, as in Python: 0:3, :, -1",
            id="grid-slice",
        ),
    ]

    class PartWanted(Message):
        """Another part of the tensor is to be chosen."""

    def __init__(self) -> None:
        super().__init__(fixed=1)
        self._array: Array | None = None
        self._indices: tuple[Index, ...] = ()
        self._first = 0

    def show(self, array: Array | None, indices: tuple[Index, ...]) -> None:
        """Shows the values `tensor[indices]`, or nothing."""
        self._array, self._indices, self._first = array, indices, 0
        self._measure()
        self.scroll_home(animate=False)
        self.refresh()

    @property
    def count(self) -> int:
        if self._array is None:
            return 0
        return 1 + (self._rows if self._array.size else 0)

    def line_at(self, index: int) -> Line:
        array = self._array
        assert array is not None
        last = min(self._columns, self._first + self._across)
        if index == 0:
            names = "".join(f"{self._column_name(c):>{_CELL}}" for c in range(self._first, last))
            return ((" " * self._label_cells, "dim"), (names, "dim"))
        row = index - 1
        spans: list[Span] = [(f"{self._row_name(row):<{self._label_cells}}", "dim")]
        cells = array.reshape(self._rows, -1) if not self._is_wrapped else None
        for column in range(self._first, last):
            if cells is not None:
                value = cells[row, column]
            else:
                place = row * self._columns + column
                if place >= array.size:
                    break
                value = array.reshape(-1)[place]
            text, tone = _cell(value)
            spans.append((f"{text:>{_CELL}}", tone))
        return tuple(spans)

    def action_move(self, by: int) -> None:
        if self._array is not None and not self._is_wrapped:
            first = self._first + by * max(1, self._across - 1)
            self._first = max(0, min(first, self._columns - self._across))
            self.refresh()

    def action_choose(self) -> None:
        self.post_message(self.PartWanted())

    def on_resize(self) -> None:
        self._measure()
        self.refresh()

    @property
    def hidden_columns(self) -> int:
        """How many columns lie outside."""
        return 0 if self._array is None else max(0, self._columns - self._across)

    @property
    def _is_wrapped(self) -> bool:
        """A vector goes on in the next row."""
        return self._array is not None and self._array.ndim <= 1

    @property
    def _across(self) -> int:
        return max(1, (self.scrollable_content_region.width - self._label_cells) // _CELL)

    @property
    def _columns(self) -> int:
        assert self._array is not None
        return self._across if self._is_wrapped else int(self._array.shape[-1])

    @property
    def _rows(self) -> int:
        assert self._array is not None
        if self._is_wrapped:
            return max(1, -(-self._array.size // self._columns))
        return int(np.prod(self._array.shape[:-1]))

    @property
    def _label_cells(self) -> int:
        return max(6, len(self._row_name(max(0, self._last_row))) + 1)

    @property
    def _last_row(self) -> int:
        if self._array is None or not self._array.size:
            return 0
        return self._array.size - 1 if self._is_wrapped else self._rows - 1

    def _kept(self) -> list[tuple[int, int]]:
        """(start, step) of the dimensions that are left."""
        return [(i.start or 0, i.step or 1) for i in self._indices if isinstance(i, slice)]

    def _column_name(self, column: int) -> str:
        if self._is_wrapped:
            return f"+{column}"
        start, step = self._kept()[-1]
        return str(start + column * step)

    def _row_name(self, row: int) -> str:
        array = self._array
        if array is None or not array.size:
            return ""
        if self._is_wrapped:
            if not array.ndim:
                return ""
            start, step = self._kept()[0]
            # The last row's name must be as wide as any, whatever the width of the rows.
            place = row if row == array.size - 1 else row * self._columns
            return str(start + place * step)
        places = np.unravel_index(row, array.shape[:-1])
        kept = self._kept()[:-1]
        return ",".join(str(s + int(p) * step) for p, (s, step) in zip(places, kept, strict=True))


class ValuesPanel(Panel):
    """A part of the tensor as numbers."""

    view = "values"
    topic = "tensor-values"

    def __init__(self) -> None:
        super().__init__()
        self.grid = NumberGrid()
        self.wanted = ""
        self._shown_of = ""

    def compose(self) -> ComposeResult:
        yield self.word
        yield self.grid

    def show(self, file: OpenedFile, tensor: Tensor) -> None:
        if tensor.name != self._shown_of:
            self.wanted = first_part(tensor)
            self._shown_of = tensor.name
        super().show(file, tensor)
        self.grid.show(None, ())

    def wish(self, file: OpenedFile, tensor: Tensor) -> tuple[Hashable, Work]:
        indices = parse_slice(self.wanted, tensor.shape)

        def work(values: Any, cancelled: Cancelled) -> Iterator[tuple[Array, tuple[Index, ...]]]:
            yield part(values, tensor, indices), indices

        return ("values", tensor.name, self.wanted), work

    def take(self, reading: Reading) -> None:
        if reading.problem:
            self.say(((reading.problem, "bad"),))
            return
        array, indices = reading.result
        said = f"[{self.wanted or ':'}]"
        if not array.size:
            said += "   no values"
        self.grid.show(array, indices)
        hint = "   s another part"
        if self.grid.hidden_columns:
            hint += " · ← → more columns"
        self.say(((said, ""), (hint, "dim")))

    @on(NumberGrid.PartWanted)
    def choose_part(self) -> None:
        from dltui.ui.screens.dialogs import Ask

        tensor = self.tensor
        if tensor is None:
            return

        def complaint(text: str) -> str | None:
            try:
                parse_slice(text, tensor.shape)
            except UsageError as error:
                return str(error).replace("--slice ", "")
            return None

        question = f"Which part of {list(tensor.shape)}? For example 0:3, :, -1"
        self.app.push_screen(
            Ask(question, value=self.wanted, title="values", check=complaint), self._choose
        )

    def _choose(self, text: str | None) -> None:
        if text is not None:
            self.wanted = text
            self.post_message(self.Asked(self))

    def part(self) -> str:
        return self.wanted

    def command(self) -> str:
        return f'--view values --slice "{self.wanted}"' if self.wanted else "--view values"


def first_part(tensor: Tensor) -> str:
    """All of a small tensor; of a large one so many of the first as are read at once."""
    budget = FIRST_BYTES * 8 // BITS.get(tensor.dtype, 32)
    texts: list[str] = []
    inner = tensor.elements
    for size in tensor.shape:
        if inner <= budget:
            break
        inner //= max(1, size)
        fitting = max(1, budget // max(1, inner))
        texts.append(f"0:{fitting}")
        if inner <= budget:
            break
    return ", ".join(texts)


def _cell(value: Any) -> tuple[str, str]:
    """A value in ten characters; what is no number stands out, zeros stand back."""
    if isinstance(value, np.bool_):
        return ("true", "") if value else ("false", "dim")
    if isinstance(value, np.integer):
        text = str(int(value))
        return (text if len(text) < _CELL else f"{int(value):.3e}", "" if value else "dim")
    if isinstance(value, np.complexfloating):
        return f"{value.real:.2g}{value.imag:+.2g}j", ""
    number = float(value)
    if not np.isfinite(number):
        return format_value(number), "bad"
    return format_value(number, 4), "" if number else "dim"
