"""The table of all layers: gradient norm, update/weight, dead share, trend and a note."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.message import Message

from dltui.charts.glyphs import terminal_glyphs
from dltui.charts.sparkline import sparkline
from dltui.ui.panes.numbers import percent, scientific
from dltui.ui.panes.pane import Pane
from dltui.ui.panes.table import Column, Row, Table
from dltui.ui.snapshot import LayerReading, Snapshot

REFRESH_S = 1.0
NOTES = {
    "vanishing_gradients": "vanishing",
    "vanishing_gradient": "vanishing",
    "exploding_gradients": "exploding",
    "exploding_gradient": "exploding",
    "dead_units": "dead units",
    "no_gradient": "no gradient",
    "nan": "NaN",
    "nonfinite": "NaN",
    "learning_rate_too_high": "lr high",
    "learning_rate_too_low": "lr low",
}
_FULL = (
    Column("layer", 0, path=True),
    Column("norm", 8, right=True),
    Column("update/wt", 9, right=True),
    Column("weights", 8, right=True),
    Column("dead", 7, right=True),
    Column("trend", 12),
    Column("note", 11),
)
_SMALL = (
    Column("layer", 0, path=True),
    Column("norm", 8, right=True),
    Column("upd/wt", 8, right=True),
    Column("weights", 8, right=True),
    Column("dead", 6, right=True),
    Column("trend", 6),
    Column("note", 9),
)
_WEIGHTS, _DEAD, _TREND, _NOTE = 3, 4, 5, 6
_SMALL_BELOW = 80
_NAME_CELLS = 20
"""A layer's name gets so many cells, if it needs them, before a column is left out."""


def fitting_columns(width: int, longest_name: int, *, noted: bool) -> tuple[int, ...]:
    """Which columns stand beside names of up to `longest_name` cells; the least telling go first.

    `noted`: some layer has a note, which then stays while the figures make room.
    """
    columns = _FULL if width >= _SMALL_BELOW else _SMALL
    left_out: tuple[int, ...] = (_WEIGHTS, _DEAD, _TREND) if noted else (_NOTE, _WEIGHTS, _DEAD)
    kept = list(range(len(columns)))
    if width < _SMALL_BELOW:
        kept.remove(_WEIGHTS)
    for column in (*left_out, _TREND):
        taken = sum(columns[index].width + 1 for index in kept)
        if width - taken >= min(longest_name, _NAME_CELLS):
            break
        if column in kept:
            kept.remove(column)
    return tuple(kept)


class LayersPane(Pane):
    """One row a layer; the cursor's layer is the one whose histograms are shown."""

    pane_title = "gradient norms"
    topic = "gradient-norms"
    hint = "o sort · O reverse"

    @dataclass
    class LayerChosen(Message):
        """The cursor rests on another layer."""

        layer: str

    def __init__(self) -> None:
        super().__init__(id="layers")
        self.table = Table(_FULL, id="layer-table")
        self._layers: tuple[LayerReading, ...] | None = None
        self._findings: tuple[object, ...] = ()
        self._drawn_at = -math.inf
        self._cells: tuple[int, ...] = tuple(range(len(_FULL)))

    def compose(self) -> ComposeResult:
        yield self.table

    def show(self, snapshot: Snapshot) -> None:
        layers, findings = snapshot.layers, snapshot.findings
        if not layers:
            self._layers = None
            self.wait_while(snapshot, "waiting for the first measured step", "nothing was measured")
            return
        if layers is self._layers and findings is self._findings:
            return
        now = time.monotonic()
        if snapshot.live and now - self._drawn_at < REFRESH_S and self._layers:
            return
        self._drawn_at, self._layers, self._findings = now, layers, findings
        self.wait_for(None)
        self._fill()

    def on_resize(self) -> None:
        if self._layers:
            self._fill()

    @on(Table.RowChosen)
    def choose_layer(self, event: Table.RowChosen) -> None:
        event.stop()
        self.post_message(self.LayerChosen(event.key))

    def readings(self) -> list[str]:
        if not self._layers:
            return ["No layer has been measured yet."]
        chosen = [layer for layer in self._layers if layer.name == self.table.cursor_key]
        largest = max(self._layers, key=lambda layer: _number(layer.gradient_norm))
        smallest = min(self._layers, key=lambda layer: _number(layer.gradient_norm, math.inf))
        lines = [
            f"{len(self._layers)} layers; the largest gradient norm is "
            f"{scientific(largest.gradient_norm)} in {largest.name}, the smallest "
            f"{scientific(smallest.gradient_norm)} in {smallest.name}."
        ]
        return lines + [
            f"{layer.name}: each step changes its weights by about "
            f"{scientific(layer.update_ratio)} of their size (0.001 is typical); "
            f"{percent(layer.dead_share)} of its activations are dead."
            for layer in chosen
        ]

    def _fill(self) -> None:
        layers, notes = self._layers or (), _notes(self._findings)
        width = self.table.size.width or self.size.width
        columns = _FULL if width >= _SMALL_BELOW else _SMALL
        longest = max((cell_len(layer.name) for layer in layers), default=0)
        noted = any(layer.nonfinite or layer.name in notes for layer in layers)
        cells = fitting_columns(width, longest, noted=noted)
        self._keep_order(cells)
        self.table.columns = tuple(columns[cell] for cell in cells)
        rows = [_row(layer, notes.get(layer.name, ""), columns[_TREND].width) for layer in layers]
        self.table.set_rows(
            [
                Row(
                    row.key,
                    tuple(row.cells[cell] for cell in cells),
                    tuple(row.order[cell] for cell in cells),
                )
                for row in rows
            ]
        )

    def _keep_order(self, cells: tuple[int, ...]) -> None:
        """The rows stay sorted by the same column where others come or go."""
        before, self._cells = self._cells, cells
        sorted_by = self.table.sort_column
        if sorted_by is not None and before != cells:
            cell = before[sorted_by]
            self.table.sort_column = cells.index(cell) if cell in cells else None


def _row(layer: LayerReading, note: str, trend_width: int) -> Row:
    if layer.nonfinite:
        note = "NaN/inf"
    tone = "bad" if layer.nonfinite else ("warning" if note else "")
    trend = sparkline(layer.trend[-trend_width:], trend_width, terminal_glyphs(), log=True)
    last = layer.trend[-1] if layer.trend else math.nan
    cells = (
        (layer.name, ""),
        (scientific(layer.gradient_norm), tone),
        (scientific(layer.update_ratio), ""),
        (scientific(layer.weight_norm), ""),
        (percent(layer.dead_share), ""),
        (trend, "accent"),
        (note, tone),
    )
    order = (
        layer.name,
        layer.gradient_norm,
        layer.update_ratio,
        layer.weight_norm,
        layer.dead_share,
        last,
        note,
    )
    return Row(layer.name, cells, order)


def _notes(findings: tuple[object, ...]) -> dict[str, str]:
    notes: dict[str, str] = {}
    for finding in findings:
        layer, rule = getattr(finding, "layer", None), str(getattr(finding, "rule", ""))
        if layer:
            word = NOTES.get(rule.replace("-", "_"), rule.replace("_", " ").replace("-", " "))
            notes.setdefault(str(layer), word)
    return notes


def _number(value: float, missing: float = -math.inf) -> float:
    return missing if math.isnan(value) else value
