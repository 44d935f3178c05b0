"""Distributions over time as rows of ridges, newest on top, over one shared axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dltui.charts.canvas import AXIS, MARK, QUIET, SHADE, SHADES, STRONG, TEXT, Frame
from dltui.charts.glyphs import Glyphs
from dltui.charts.numbers import format_count, format_value, tick_labels
from dltui.charts.scales import Floats, nice_ticks, snapped_limits

QUANTILES = (0.05, 0.5, 0.95)
_TAIL = 1e-4
_TALLEST = 6
_LINEAR_SHARE = 1e-3


@dataclass(frozen=True, slots=True)
class Distributions:
    """Histograms of one tensor over time.

    `steps` is `(T,)`, `counts` `(T, B)` over the buckets between `edges`, `(B + 1,)` ascending;
    `nonfinite`, `(T,)`, counts NaN and infinite values.
    """

    steps: Floats
    counts: Floats
    edges: Floats
    nonfinite: Floats

    @classmethod
    def from_buckets(
        cls,
        steps: npt.ArrayLike,
        counts: npt.ArrayLike,
        edges: npt.ArrayLike,
        nonfinite: npt.ArrayLike | None = None,
    ) -> Distributions:
        """Splits off the buckets with an edge that is not finite: they hold NaN and infinity.

        `nonfinite`, `(T,)`, counts such values that are in no bucket.
        """
        all_steps = np.asarray(steps, np.float64)
        all_counts = np.asarray(counts, np.float64).reshape(all_steps.size, -1)
        all_edges = np.asarray(edges, np.float64)
        if all_steps.size and all_counts.shape[1] + 1 != all_edges.size:
            raise ValueError(
                f"{all_counts.shape[1]} buckets need one edge more, not {all_edges.size}"
            )
        usable = np.isfinite(all_edges[:-1]) & np.isfinite(all_edges[1:])
        kept = np.flatnonzero(usable)
        if not kept.size or not all_steps.size:
            return cls(np.empty(0), np.empty((0, 0)), np.empty(0), np.empty(0))
        first, last = int(kept[0]), int(kept[-1])
        return cls(
            all_steps,
            all_counts[:, first : last + 1],
            all_edges[first : last + 2],
            all_counts[:, ~usable].sum(axis=1)
            + (0.0 if nonfinite is None else np.asarray(nonfinite, np.float64)),
        )

    def quantiles(self, row: int) -> tuple[float, ...] | None:
        """The `QUANTILES` of one row, linear inside a bucket; None if it counts nothing."""
        return _quantiles(self.counts[row], self.edges, QUANTILES)


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """Linear, or symmetric-logarithmic: linear within ± `threshold`, logarithmic outside."""

    lo: float
    hi: float
    threshold: float | None

    @classmethod
    def around(cls, data: Distributions, *, logarithmic: bool) -> ValueAxis:
        """An axis that holds all but one in 10,000 values on either side, with round ends."""
        ends = _quantiles(data.counts.sum(axis=0), data.edges, (_TAIL, 1 - _TAIL))
        lo, hi = snapped_limits(ends[0], ends[1]) if ends else (-1.0, 1.0)
        largest = max(abs(lo), abs(hi))
        return cls(lo, hi, largest * _LINEAR_SHARE if logarithmic else None)

    def forward(self, values: Floats) -> Floats:
        """Values as lengths along the axis."""
        if self.threshold is None:
            return values
        lengths: Floats = np.arcsinh(values / self.threshold)
        return lengths

    def columns(self, values: Floats, width: int) -> Floats:
        """Cell columns of values, fractional; outside the axis below 0 or above `width`."""
        lo, hi = self.forward(np.array([self.lo, self.hi]))
        placed: Floats = (self.forward(values) - lo) / (hi - lo) * width
        return placed

    def ticks(self, width: int) -> list[tuple[int, str]]:
        """(cell column, label) from left to right."""
        if self.threshold is None:
            values = nice_ticks(self.lo, self.hi, max(2, width // 12))
            labels = tick_labels(values)
        else:
            largest = max(abs(self.lo), abs(self.hi))
            powers = [10.0 ** (math.floor(math.log10(largest)) - i) for i in range(3)]
            values = sorted({0.0, *powers, *(-p for p in powers)})
            values = [v for v in values if self.lo <= v <= self.hi]
            labels = [f"{v:g}" for v in values]
        places = self.columns(np.array(values), width).tolist()
        return [(min(int(p), width - 1), t) for p, t in zip(places, labels, strict=True)]


def rebin(counts: Floats, edges: Floats, axis: ValueAxis, width: int) -> Floats:
    """Counts, `(B,)`, as mass in `width` equal columns of `axis`; each bucket is spread evenly."""
    inner = np.clip(axis.columns(edges, width), -1.0, width + 1.0)
    total = np.concatenate(([0.0], np.cumsum(counts)))
    at_columns = np.interp(np.arange(width + 1, dtype=np.float64), inner, total)
    return np.diff(at_columns)


def draw_ridge(
    data: Distributions,
    size: tuple[int, int],
    glyphs: Glyphs,
    *,
    logarithmic: bool,
    cursor: int | None,
) -> Frame:
    """The picture in `size` (width, height) cells; `cursor` is the row of `data` read out."""
    width, height = size
    frame = Frame.blank(width, height)
    axis = ValueAxis.around(data, logarithmic=logarithmic)
    rows_height = max(1, height - 3)
    rows = shown_rows(data.steps.size, rows_height)
    chosen = rows[0] if cursor is None else cursor
    _draw_header(frame, data, chosen, glyphs, axis)
    label_width = max(len(format_count(float(step))) for step in data.steps[rows])
    left = min(label_width + 1, width // 3)
    plot_width = width - left
    ridge_height = height_of_ridge(len(rows), height)
    for i, row in enumerate(rows):
        top = 1 + i * ridge_height
        label = format_count(float(data.steps[row])).rjust(left - 1)[-(left - 1) :]
        picked = cursor is not None and row == chosen
        frame.write(top + ridge_height - 1, 0, label, STRONG if picked else QUIET)
        shade = SHADE + SHADES - 1 - round(5 * i / max(1, len(rows) - 1))
        mass = rebin(data.counts[row], data.edges, axis, plot_width)
        _draw_row(frame, mass, top, left, ridge_height, shade, glyphs)
        _draw_quantiles(frame, data, row, axis, (top, left, ridge_height), glyphs)
        if picked:
            frame.write(top + ridge_height - 1, left - 1, glyphs.marks["resume"], MARK)
    _draw_axis(frame, axis, 1 + len(rows) * ridge_height, left, glyphs)
    return frame


def height_of_ridge(rows: int, height: int) -> int:
    """Cells that each of `rows` ridges takes in a picture `height` cells high."""
    return max(1, min(_TALLEST, (height - 3) // rows))


def shown_rows(count: int, height: int) -> list[int]:
    """Which of `count` rows are shown in `height` cells, newest first, spread over all of them."""
    shown = min(count, height)
    picked = np.linspace(count - 1, 0, shown).round().astype(int)
    return [int(row) for row in dict.fromkeys(picked.tolist())]


def _draw_row(
    frame: Frame, mass: Floats, top: int, left: int, height: int, role: int, glyphs: Glyphs
) -> None:
    peak = float(mass.max()) if mass.size else 0.0
    if peak <= 0:
        return
    steps = len(glyphs.levels) - 1
    filled = np.ceil(mass / peak * steps * height - 1e-9).astype(int)
    for cell in range(height):
        level = np.clip(filled - (height - 1 - cell) * steps, 0, steps)
        text = "".join(glyphs.levels[int(value)] for value in level)
        frame.write(top + cell, left, text, role)


def _draw_quantiles(
    frame: Frame,
    data: Distributions,
    row: int,
    axis: ValueAxis,
    place: tuple[int, int, int],
    glyphs: Glyphs,
) -> None:
    top, left, height = place
    values = data.quantiles(row)
    if values is None:
        return
    width = frame.width - left
    for quantile, column in zip(
        QUANTILES, axis.columns(np.array(values), width).tolist(), strict=True
    ):
        if 0 <= column < width:
            glyph = glyphs.axis if quantile == 0.5 else glyphs.cursor
            frame.write(top + height - 1, left + int(column), glyph, MARK)


def _draw_header(
    frame: Frame, data: Distributions, row: int, glyphs: Glyphs, axis: ValueAxis
) -> None:
    """The quantiles of the row that is read out, and how many values are not finite."""
    column = frame.write(0, 0, f"step {format_count(float(data.steps[row]))}", TEXT) + 2
    bad = float(data.nonfinite[row])
    if bad:
        column = frame.write(0, column, f"{format_count(bad)} NaN or infinite", STRONG) + 2
    values = data.quantiles(row)
    names = ("5 %", "median", "95 %")
    for name, value in zip(names, values or (), strict=False):
        column = frame.write(0, column, name, QUIET) + 1
        column = frame.write(0, column, format_value(value, 2), STRONG) + 2
    if not bad:
        column = frame.write(0, column, "no NaN", QUIET) + 2
    kind = "linear" if axis.threshold is None else "symlog"
    if column + len(kind) <= frame.width:
        frame.write(0, frame.width - len(kind), kind, QUIET)


def _draw_axis(frame: Frame, axis: ValueAxis, row: int, left: int, glyphs: Glyphs) -> None:
    width = frame.width - left
    frame.write(row, left, glyphs.floor * width, AXIS)
    free = left
    for column, label in axis.ticks(width):
        start = min(max(left + column - len(label) // 2, left), frame.width - len(label))
        frame.write(row, left + column, glyphs.floor_tick, AXIS)
        if start >= free:
            frame.write(row + 1, start, label, QUIET)
            free = start + len(label) + 1


def _quantiles(counts: Floats, edges: Floats, wanted: Sequence[float]) -> tuple[float, ...] | None:
    total = np.concatenate(([0.0], np.cumsum(counts)))
    if total[-1] <= 0:
        return None
    values = []
    for share in np.asarray(wanted) * total[-1]:
        bucket = int(np.clip(np.searchsorted(total, share, side="left") - 1, 0, counts.size - 1))
        inside = (share - total[bucket]) / counts[bucket] if counts[bucket] else 0.0
        values.append(float(edges[bucket] + inside * (edges[bucket + 1] - edges[bucket])))
    return tuple(values)
