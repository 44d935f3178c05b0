"""What the optimizer keeps for a parameter, slot by slot."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from textual.app import ComposeResult

from dltui.charts.numbers import format_value
from dltui.inspect.contents import Tensor
from dltui.inspect.optimizer_state import OptimizerSlot
from dltui.inspect.statistics import Statistics, statistics
from dltui.inspect.text import shape_text
from dltui.inspect.visible import visible
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.panel import Panel
from dltui.ui.inspect.reading import Cancelled, Reading, Work
from dltui.ui.inspect.wording import short_dtype
from dltui.ui.panes.lines import Line, Lines, fit

Found = tuple[tuple[OptimizerSlot, Statistics | None], ...]
_FIGURES = 10
_SINGLE = 4
"""Slots of so few elements are counters: their value says it all."""


class SlotLines(Lines, can_focus=True):
    """Lines that scroll with the keys."""


class OptimizerPanel(Panel):
    """Every slot of a parameter with its figures: what the optimizer remembers of it."""

    view = "optimizer"
    topic = "optimizer-state"

    def __init__(self) -> None:
        super().__init__()
        self.table = SlotLines()
        self.found: Found = ()

    def compose(self) -> ComposeResult:
        yield self.word
        yield self.table

    def show(self, file: OpenedFile, tensor: Tensor) -> None:
        super().show(file, tensor)
        self.table.set_lines(())

    def wish(self, file: OpenedFile, tensor: Tensor) -> tuple[Hashable, Work]:
        def work(values: Any, cancelled: Cancelled) -> Iterator[Found]:
            slots = file.slots_of(tensor.name)
            known: list[tuple[OptimizerSlot, Statistics | None]] = [(s, None) for s in slots]
            yield tuple(known)
            for place, slot in enumerate(slots):
                name = slot.tensor.name
                found = file.statistics.get(name) or statistics(
                    values, slot.tensor, cancelled=cancelled
                )
                if not found.partial:
                    file.statistics[name] = found
                known[place] = (slot, found)
                yield tuple(known)

        return ("optimizer", tensor.name), work

    def take(self, reading: Reading) -> None:
        if reading.result is None:
            return
        self.found = reading.result
        if reading.problem:
            self.say(((reading.problem, "bad"),))
        elif not self.found:
            self.say((("the optimizer keeps nothing for it in this file", "dim"),))
        else:
            self.say()
        self.table.set_lines(slot_lines(self.found, max(30, self.size.width - 1)))

    def readings(self) -> list[str]:
        return [
            f"{slot.slot}: mean {format_value(found.mean)}, {found.zeros:,} zeros"
            for slot, found in self.found
            if found is not None
        ]


def slot_lines(found: Found, width: int) -> list[Line]:
    """A block per slot: name, shape and type, then its figures."""
    lines: list[Line] = []
    for slot, figures in found:
        tensor = slot.tensor
        words = f"  {shape_text(tensor.shape)} {short_dtype(tensor.dtype)}"
        lines.append(((visible(slot.slot), "strong"), (words, "dim")))
        if figures is None:
            lines.append((("  reading …", "dim"),))
        elif figures.count <= _SINGLE:
            lines.append(((f"  {format_value(figures.mean, 6)}", ""),))
        else:
            lines += _figure_lines(figures, width)
        lines.append(())
    return lines


def _figure_lines(found: Statistics, width: int) -> list[Line]:
    values = [
        ("min", format_value(found.min)),
        ("max", format_value(found.max)),
        ("mean", format_value(found.mean)),
        ("std", format_value(found.std)),
        ("L2 norm", format_value(found.l2_norm)),
        ("zeros", f"{found.sparsity:.1%}"),
    ]
    columns = max(1, min(len(values), (width - 2) // (_FIGURES + 10)))
    lines: list[Line] = []
    for begin in range(0, len(values), columns):
        row = values[begin : begin + columns]
        spans = [(f"  {fit(n, 8)}{fit(v, _FIGURES, right=True)}", "") for n, v in row]
        lines.append(tuple(spans))
    if found.nan or found.infinite:
        lines.append(((f"  ▲ {found.nan:,} NaN, {found.infinite:,} infinite", "bad"),))
    return lines
