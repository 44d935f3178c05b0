"""Where values and positions fall on a plot area, and the axes around it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dltui.charts.canvas import AXIS, QUIET, Frame
from dltui.charts.envelope import Grid
from dltui.charts.glyphs import Glyphs
from dltui.charts.numbers import (
    format_count,
    format_duration,
    format_short_count,
    log_label,
    tick_labels,
)
from dltui.charts.scales import Floats, log_ticks, nice_ticks, time_ticks


@dataclass(frozen=True, slots=True)
class VerticalScale:
    """From values to dot rows of a plot `height` cells high; `lo` lies on the axis below it."""

    lo: float
    hi: float
    height: int
    log: bool = False

    def rows(self, values: Floats) -> Floats:
        """Dot rows, 0 at the top, clipped to the plot; NaN stays NaN."""
        last = self.height * 4 - 1
        lo, hi = self._forward(self.lo), self._forward(self.hi)
        with np.errstate(divide="ignore", invalid="ignore"):
            placed = np.log10(values) if self.log else values
            placed = np.where(np.isnan(values), np.nan, np.where(np.isnan(placed), -np.inf, placed))
            rows: Floats = np.clip((hi - placed) / (hi - lo) * last, 0, last)
        return rows

    def ticks(self) -> list[tuple[int, str]]:
        """(cell row, label) of each tick, top first; the row `height` is the axis itself."""
        count = max(1, min(6, self.height // 3))
        values = (log_ticks if self.log else nice_ticks)(self.lo, self.hi, count)
        labels = [log_label(v) for v in values] if self.log else tick_labels(values)
        placed: dict[int, str] = {}
        for value, label in zip(values, labels, strict=True):
            dot = float(self.rows(np.array([value]))[0])
            at_floor = math.isclose(value, self.lo, rel_tol=1e-9, abs_tol=1e-300)
            row = self.height if at_floor else round(dot) // 4
            placed.setdefault(row, label)
        return sorted(placed.items())

    def _forward(self, value: float) -> float:
        return math.log10(value) if self.log else value


@dataclass(frozen=True, slots=True)
class HorizontalScale:
    """From x to cell columns: two grid buckets a cell. `log` means the grid counts log₁₀ x."""

    grid: Grid
    log: bool = False
    kind: str = "step"
    """What x counts: `step`, `epoch`, `time` (seconds), `samples`, or `year`: any plain number."""
    lo: float = -math.inf
    hi: float = math.inf
    """No tick lies outside of these: where the curves begin and end."""

    @property
    def width(self) -> int:
        return self.grid.columns // 2

    def position(self, x: float) -> float:
        """x as the grid counts it."""
        if not self.log:
            return x
        return math.log10(x) if x > 0 else -math.inf

    def value(self, position: float) -> float:
        """The x of a grid position."""
        return 10.0 ** min(max(position, -300.0), 300.0) if self.log else position

    def cell(self, x: float) -> int | None:
        """The cell column of `x`; None outside the plot."""
        column = self.grid.column(self.position(x))
        return math.floor(column / 2) if 0 <= column < self.grid.columns else None

    def at_cell(self, cell: int) -> float:
        """The x in the middle of a cell column."""
        return self.value((self.grid.start + 2 * cell + 1) * self.grid.width)

    def ticks(self) -> list[tuple[int, str]]:
        """(cell column, label) from left to right."""
        count = max(1, self.width // 12)
        lo, hi = self.value(self.grid.lo), self.value(self.grid.hi)
        if self.log:
            values = log_ticks(lo, hi, count)
            labels = [self._short(v) for v in values]
        elif self.kind == "time":
            values = time_ticks(lo, hi, count)
            labels = [format_duration(v) if v else "0" for v in values]
        else:
            values = nice_ticks(lo, hi, count)
            if self.kind in {"step", "samples"}:
                values = [v for v in values if v == round(v)]
            labels = self._linear_labels(values, hi)
        cells = [self.cell(v) for v in values]
        return [(c, t) for c, t in zip(cells, labels, strict=True) if c is not None]

    def _linear_labels(self, values: list[float], hi: float) -> list[str]:
        if self.kind == "year":
            return [f"{v:.12g}" for v in values]
        if hi >= 10_000:
            return [self._short(v) for v in values]
        whole = all(v == round(v) for v in values)
        return [format_count(v) for v in values] if whole else tick_labels(values)

    def _short(self, value: float) -> str:
        return format_duration(value) if self.kind == "time" else format_short_count(value)


def draw_vertical_axis(
    frame: Frame, scale: VerticalScale, glyphs: Glyphs, *, top: int, width: int
) -> None:
    """Labels in the first `width` cells and the axis line after them, from row `top` down."""
    for row in range(scale.height):
        frame.write(top + row, width, glyphs.axis, AXIS)
    frame.write(top + scale.height, width, glyphs.corner, AXIS)
    for row, label in scale.ticks():
        frame.write(top + row, 0, label.rjust(width), QUIET)
        if row < scale.height:
            frame.write(top + row, width, glyphs.axis_tick, AXIS)


def draw_horizontal_axis(
    frame: Frame, scale: HorizontalScale, glyphs: Glyphs, *, row: int, left: int, label: str
) -> None:
    """The floor line in `row` from cell `left` on, tick labels and the axis label below it."""
    frame.write(row, left, glyphs.floor * scale.width, AXIS)
    labels_row = row + 1
    free = left - 1
    right = left + scale.width
    reserved = right - len(label) - 1 if scale.width >= len(label) + 8 else right
    for cell, text in scale.ticks():
        start = left + cell - len(text) // 2 if cell else left
        if start < free or start + len(text) > reserved:
            continue
        frame.write(row, left + cell, glyphs.floor_tick, AXIS)
        frame.write(labels_row, start, text, QUIET)
        free = start + len(text) + 1
    if reserved < right:
        frame.write(labels_row, right - len(label), label, QUIET)
