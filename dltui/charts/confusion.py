"""A confusion matrix as a grid of numbers on shades; rows are the truth, columns the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dltui.charts.canvas import (
    ERROR_HEAT,
    QUIET,
    RIGHT_HEAT,
    SELECTED,
    SHADES,
    STRONG,
    TEXT,
    Frame,
)
from dltui.charts.glyphs import Glyphs
from dltui.charts.numbers import format_count, format_short_count

Counts = npt.NDArray[np.int64]
_NAME_WIDTH = 20


@dataclass(frozen=True, slots=True)
class GridView:
    """How the matrix is looked at: `cursor` is (row, column) on the screen's order of classes."""

    percentages: bool
    order: tuple[int, ...]
    cursor: tuple[int, int]
    top: int
    left: int
    focused: bool


@dataclass(frozen=True, slots=True)
class GridLayout:
    """Where cells lie: columns from `names` on, rows from 2 on, `cell` wide."""

    names: int
    cell: int
    rows: int
    columns: int

    @classmethod
    def inside(
        cls, size: tuple[int, int], classes: Sequence[str], matrix: Counts, *, percentages: bool
    ) -> GridLayout:
        """What fits in `size` (width, height) cells."""
        width, height = size
        longest = max((len(name) for name in classes), default=1)
        names = min(longest, _NAME_WIDTH, max(3, width // 4)) + 1
        if percentages:
            shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
            number = 3 + bool((shares >= 0.995).any())
        else:
            number = len(_count(int(matrix.max(initial=0))))
        least = max(number, min(longest, 6), 2) + 1
        cell = min(max(least, (width - names) // max(1, len(classes))), least + 2)
        columns = max(1, (width - names) // cell)
        return cls(names, cell, max(1, min(len(classes), height - 3)), min(columns, len(classes)))


def by_confusion(matrix: Counts) -> tuple[int, ...]:
    """The classes, most often confused (as truth or as prediction) first."""
    right = np.diagonal(matrix)
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * right
    return tuple(int(i) for i in np.argsort(-wrong, kind="stable"))


def draw_confusion(
    matrix: Counts,
    classes: Sequence[str],
    view: GridView,
    size: tuple[int, int],
    glyphs: Glyphs,
) -> Frame:
    """The picture in `size` (width, height) cells; `matrix` is `(C, C)`."""
    frame = Frame.blank(*size)
    layout = GridLayout.inside(size, classes, matrix, percentages=view.percentages)
    totals = matrix.sum(axis=1)
    _draw_summary(frame, matrix, classes, view)
    corner = "truth" + glyphs.dot + "pred"
    frame.write(1, 0, corner if layout.names > len(corner) else "", QUIET)
    shown = view.order[view.left : view.left + layout.columns]
    for i, column in enumerate(shown):
        label = _cut(classes[column], layout.cell - 2, glyphs).rjust(layout.cell - 1)
        current = view.left + i == view.cursor[1]
        frame.write(1, layout.names + i * layout.cell, label, STRONG if current else QUIET)
    for j, row in enumerate(view.order[view.top : view.top + layout.rows]):
        current = view.top + j == view.cursor[0]
        name = _cut(classes[row], layout.names - 1, glyphs).rjust(layout.names - 1)
        frame.write(2 + j, 0, name, STRONG if current else QUIET)
        for i, column in enumerate(shown):
            picked = view.focused and (view.top + j, view.left + i) == view.cursor
            share = int(matrix[row, column]) / max(1, int(totals[row]))
            text = _number(int(matrix[row, column]), share, view, glyphs)
            role = SELECTED if picked else _role(share, row == column)
            end = layout.names + (i + 1) * layout.cell - 1
            frame.write(2 + j, end - layout.cell + 1, f"{text.rjust(layout.cell - 1)} ", role)
            if row == column:
                frame.write(2 + j, end - len(text) - 1, f"[{text}]", role)
    _draw_extent(frame, layout, view, len(classes))
    return frame


def _draw_summary(frame: Frame, matrix: Counts, classes: Sequence[str], view: GridView) -> None:
    """The cell under the cursor in words, with the accuracy at the right."""
    truth, prediction = view.order[view.cursor[0]], view.order[view.cursor[1]]
    count, total = int(matrix[truth, prediction]), int(matrix[truth].sum())
    share = f"{100 * count / total:.1f} %" if total else "no examples"
    whole = int(matrix.sum())
    accuracy = f"accuracy {int(np.trace(matrix)) / whole:.3f}" if whole else ""
    words = f"{classes[truth]} → {classes[prediction]}"
    if not view.focused:
        words = f"{format_count(whole)} examples"
        column = frame.write(0, 0, words, TEXT)
    else:
        column = frame.write(0, 0, words, TEXT) + 2
        column = frame.write(0, column, format_count(count), STRONG) + 1
        column = frame.write(0, column, f"({share})", QUIET)
    if column + 2 + len(accuracy) <= frame.width:
        frame.write(0, frame.width - len(accuracy), accuracy, QUIET)


def _draw_extent(frame: Frame, layout: GridLayout, view: GridView, classes: int) -> None:
    row = 2 + layout.rows
    if layout.rows >= classes and layout.columns >= classes:
        return
    frame.write(row, 0, extent_words(view, layout.rows, layout.columns, classes), QUIET)


def extent_words(view: GridView, rows: int, columns: int, classes: int) -> str:
    """Which part of a matrix too large for the room is on the screen; z makes room for more."""
    parts = [
        f"{what} {first + 1}–{first + shown} of {classes}"
        for what, first, shown in (("rows", view.top, rows), ("columns", view.left, columns))
        if shown < classes
    ]
    return "showing " + ", ".join(parts) + " · arrows show the rest"


def _number(count: int, share: float, view: GridView, glyphs: Glyphs) -> str:
    if not count:
        return glyphs.dot
    return f"{round(100 * share)}%" if view.percentages else _count(count)


def _count(count: int) -> str:
    return str(count) if count < 100_000 else format_short_count(count)


def _role(share: float, diagonal: bool) -> int:
    if share <= 0:
        return QUIET
    level = min(SHADES - 1, int((share if diagonal else share**0.5) * SHADES))
    return (RIGHT_HEAT if diagonal else ERROR_HEAT) + level


def _cut(name: str, width: int, glyphs: Glyphs) -> str:
    """`name` in `width` characters; both ends are kept, since names often differ in the last."""
    if len(name) <= width:
        return name
    tail = (width - 1) // 3
    head = max(0, width - 1 - tail)
    return name[:head] + glyphs.ellipsis + (name[-tail:] if tail else "")
