"""A map of points in classes: each cell shows the class that most of its points have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dltui.charts.axes import VerticalScale, draw_vertical_axis
from dltui.charts.canvas import AXIS, QUIET, TEXT, Frame, narrow, series_role
from dltui.charts.glyphs import Glyphs
from dltui.charts.line_plot import label_width
from dltui.charts.numbers import tick_labels
from dltui.charts.palette import SLOTS
from dltui.charts.scales import Floats, nice_ticks, robust_range, snapped_limits

Labels = npt.NDArray[np.int64]
MIN_WIDTH, MIN_HEIGHT = 16, 6
_LEGEND_SHARE = 4
"""The legend takes at most this part of the height."""


_MARGIN = 0.03


@dataclass(frozen=True, slots=True)
class Points:
    """`x`, `y` (finite) and `label` (from 0), each `(N,)`; `classes` has a name for each label."""

    x: Floats
    y: Floats
    label: Labels
    classes: tuple[str, ...]
    x_label: str = "x"
    y_label: str = "y"


def draw_scatter(
    points: Points, size: tuple[int, int], glyphs: Glyphs, *, chosen: int | None = None
) -> Frame:
    """The map in `size` (width, height) cells, a legend below it.

    The points of class `chosen` lie on top and the others are faint; None treats all alike.
    """
    width, height = size
    if not points.x.size or width < MIN_WIDTH or height < MIN_HEIGHT:
        text = "no points" if not points.x.size else f"{MIN_WIDTH}×{MIN_HEIGHT} needed"
        return Frame.telling(width, height, (text, QUIET))
    frame = Frame.blank(width, height)
    legend = legend_rows(points.classes, glyphs, width, max(1, height // _LEGEND_SHARE))
    plot_height = height - len(legend) - 2
    x_limits, y_limits = _limits(points.x), _limits(points.y)
    left = label_width(y_limits, plot_height, log=False) + 1
    vertical = VerticalScale(*y_limits, plot_height)
    draw_vertical_axis(frame, vertical, glyphs, top=0, width=left - 1)
    _draw_floor(frame, points, x_limits, glyphs, row=plot_height, left=left)
    frame.write(0, left + 1, narrow(points.y_label)[: max(0, width - left - 1)], QUIET)
    _draw_points(frame, points, x_limits, vertical, glyphs, left=left, chosen=chosen)
    for number, row in enumerate(legend):
        column = 0
        for label, name in row:
            is_quiet = chosen is not None and label != chosen
            role = series_role(label, faint=is_quiet)
            column = frame.write(plot_height + 2 + number, column, name[0], role)
            column = frame.write(
                plot_height + 2 + number, column, name[1:], QUIET if is_quiet else TEXT
            )
    return frame


def class_marks(classes: Sequence[str], glyphs: Glyphs) -> list[str]:
    """One character a class, so that classes differ without colour.

    Their own names where each is a character (digits, letters), else markers; marker and colour
    together repeat after 64 classes.
    """
    is_short = all(len(name) == 1 and name.isascii() and name.isalnum() for name in classes)
    if is_short and 1 < len(classes) == len(set(classes)):
        return list(classes)
    return [
        glyphs.markers[(number + number // SLOTS) % len(glyphs.markers)]
        for number in range(len(classes))
    ]


def legend_rows(
    classes: Sequence[str], glyphs: Glyphs, width: int, most: int
) -> list[list[tuple[int, str]]]:
    """At most `most` rows of (class, text), the mark first; what has no room is counted."""
    marks = class_marks(classes, glyphs)
    rows: list[list[tuple[int, str]]] = [[]]
    used = 0
    for label, (mark, name) in enumerate(zip(marks, classes, strict=True)):
        text = f"{mark}  " if mark == name else f"{mark} {narrow(name)[: width // 2]}  "
        if used + len(text.rstrip()) > width:
            if len(rows) == most:
                rows[-1].append((label, f"{glyphs.ellipsis}"))
                break
            rows.append([])
            used = 0
        rows[-1].append((label, text))
        used += len(text)
    return rows


def own_center_share(points: Points) -> float:
    """The share of points that lie nearest to the centre of their own class; NaN for one class."""
    labels = np.unique(points.label)
    if labels.size < 2:
        return float("nan")
    centers = np.array(
        [
            (points.x[points.label == label].mean(), points.y[points.label == label].mean())
            for label in labels
        ]
    )
    own = np.searchsorted(labels, points.label)
    hits = 0
    for start in range(0, points.x.size, 4096):
        part = slice(start, start + 4096)
        across = points.x[part, None] - centers[None, :, 0]
        down = points.y[part, None] - centers[None, :, 1]
        hits += int(((across**2 + down**2).argmin(axis=1) == own[part]).sum())
    return hits / points.x.size


def _limits(values: Floats) -> tuple[float, float]:
    lo, hi = robust_range(values, values) or (0.0, 1.0)
    margin = _MARGIN * (hi - lo)
    return (lo - margin, hi + margin) if margin > 0 else snapped_limits(lo, hi)


def _draw_points(
    frame: Frame,
    points: Points,
    x_limits: tuple[float, float],
    vertical: VerticalScale,
    glyphs: Glyphs,
    *,
    left: int,
    chosen: int | None,
) -> None:
    width = frame.width - left
    marks = class_marks(points.classes, glyphs)
    rows = np.rint(vertical.rows(points.y)).astype(np.int64) // 4
    columns = _cells(points.x, x_limits, width)
    cells = rows * width + columns
    for place, label in _majorities(cells, points.label, chosen):
        row, column = divmod(place, width)
        is_quiet = chosen is not None and label != chosen
        mark = glyphs.dot if is_quiet else marks[label]
        frame.write(row, left + column, mark, series_role(label, faint=is_quiet))


def _majorities(cells: Labels, labels: Labels, chosen: int | None) -> list[tuple[int, int]]:
    """(cell, class) of every cell with points: the chosen class if it is there, else the most."""
    classes = int(labels.max()) + 1
    pairs, counts = np.unique(cells * classes + labels, return_counts=True)
    weights = np.where(pairs % classes == chosen, counts.max() + 1, counts)
    order = np.lexsort((weights, pairs // classes))
    places = (pairs // classes)[order]
    last = np.append(np.flatnonzero(np.diff(places)), places.size - 1)
    winners = (pairs % classes)[order][last]
    return list(zip(places[last].tolist(), winners.tolist(), strict=True))


def _cells(values: Floats, limits: tuple[float, float], width: int) -> Labels:
    share = (values - limits[0]) / (limits[1] - limits[0])
    return np.clip(np.rint(share * (width - 1)), 0, width - 1).astype(np.int64)


def _draw_floor(
    frame: Frame,
    points: Points,
    limits: tuple[float, float],
    glyphs: Glyphs,
    *,
    row: int,
    left: int,
) -> None:
    width = frame.width - left
    frame.write(row, left, glyphs.floor * width, AXIS)
    name = narrow(points.x_label)[: max(0, width - 8)]
    end = frame.width - len(name)
    ticks = nice_ticks(*limits, max(1, width // 12))
    free = left - 1
    for value, text in zip(ticks, tick_labels(ticks), strict=True):
        cell = left + int(_cells(np.array([value]), limits, width)[0])
        start = max(left, cell - len(text) // 2)
        if start < free or start + len(text) >= end:
            continue
        frame.write(row, cell, glyphs.floor_tick, AXIS)
        frame.write(row + 1, start, text, QUIET)
        free = start + len(text) + 1
    frame.write(row + 1, end, name, QUIET)
