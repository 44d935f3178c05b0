"""Which classes a model takes for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from dltui.charts.canvas import TEXT, Frame
from dltui.charts.confusion import Counts, GridLayout, GridView, by_confusion, draw_confusion
from dltui.charts.glyphs import Glyphs
from dltui.charts.scrolling import scrolled
from dltui.ui.widgets.frame_view import FrameView


class ConfusionGrid(FrameView, can_focus=True):
    """A confusion matrix with a cursor: rows are the truth, columns the prediction."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "p",
            "toggle_percentages",
            "Percentages",
            show=False,
            tooltip="Switch between counts and percentages of each row",
            id="confusion-percentages",
        ),
        Binding(
            "o",
            "toggle_order",
            "Order",
            show=False,
            tooltip="Put the classes that are confused most first, or back in their own order",
            id="confusion-order",
        ),
        Binding("up", "move_cell(-1, 0)", "Up", show=False, id="confusion-up"),
        Binding("down", "move_cell(1, 0)", "Down", show=False, id="confusion-down"),
        Binding("left", "move_cell(0, -1)", "Left", show=False, id="confusion-left"),
        Binding("right", "move_cell(0, 1)", "Right", show=False, id="confusion-right"),
        Binding("pageup", "move_cell(-10, 0)", "Ten up", show=False, id="confusion-page-up"),
        Binding("pagedown", "move_cell(10, 0)", "Ten down", show=False, id="confusion-page-down"),
        Binding(
            "enter",
            "choose_cell",
            "Examples",
            show=False,
            tooltip="Open the examples behind this cell",
            id="confusion-examples",
        ),
    ]

    percentages: reactive[bool] = reactive(False, repaint=False)
    sorted_by_confusion: reactive[bool] = reactive(False, repaint=False)
    waiting_for: reactive[str] = reactive("waiting for the first evaluation", repaint=False)

    @dataclass
    class CellChosen(Message):
        """The user wants the examples of class `truth` taken for class `prediction`."""

        grid: ConfusionGrid
        truth: int
        prediction: int

        @property
        def control(self) -> ConfusionGrid:
            return self.grid

    def __init__(self, *, glyphs: Glyphs | None = None, id: str | None = None) -> None:
        super().__init__(glyphs=glyphs, id=id)
        self._matrix: Counts = np.zeros((0, 0), np.int64)
        self._names: tuple[str, ...] = ()
        self._order: tuple[int, ...] = ()
        self._cursor = (0, 0)
        self._top = self._left = 0

    def set_data(self, matrix: npt.ArrayLike, classes: Sequence[str]) -> None:
        """Shows `matrix`, `(C, C)` counts, rows the truth, for the C `classes`."""
        counts = np.asarray(matrix, np.int64)
        if counts.shape != (len(classes), len(classes)):
            raise ValueError(f"{len(classes)} classes do not fit a matrix of shape {counts.shape}")
        self._matrix, self._names = counts, tuple(classes)
        limit = max(0, len(classes) - 1)
        self._cursor = (min(self._cursor[0], limit), min(self._cursor[1], limit))
        self._arrange()

    @property
    def cell(self) -> tuple[int, int] | None:
        """(truth, prediction) under the cursor, as class numbers; None without data."""
        if not self._order:
            return None
        return self._order[self._cursor[0]], self._order[self._cursor[1]]

    def draw(self, width: int, height: int) -> Frame:
        if not self._names:
            return Frame.telling(width, height, (self.waiting_for, TEXT))
        if height < 4 or width < 12:
            return Frame.telling(width, height, ("12×4 needed", TEXT))
        layout = self._layout(width, height)
        self._top = scrolled(self._top, self._cursor[0], layout.rows, len(self._names))
        self._left = scrolled(self._left, self._cursor[1], layout.columns, len(self._names))
        view = GridView(
            self.percentages, self._order, self._cursor, self._top, self._left, self.has_focus
        )
        return draw_confusion(self._matrix, self._names, view, (width, height), self.glyphs)

    def watch_percentages(self) -> None:
        self.redraw()

    def watch_waiting_for(self) -> None:
        self.redraw()

    def watch_sorted_by_confusion(self) -> None:
        self._cursor = (0, 0)
        self._arrange()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.redraw()

    def action_toggle_percentages(self) -> None:
        self.percentages = not self.percentages

    def action_toggle_order(self) -> None:
        self.sorted_by_confusion = not self.sorted_by_confusion

    def action_move_cell(self, rows: int, columns: int) -> None:
        """Moves the cursor, up to the edges of the matrix."""
        limit = max(0, len(self._names) - 1)
        self._cursor = (
            min(max(self._cursor[0] + rows, 0), limit),
            min(max(self._cursor[1] + columns, 0), limit),
        )
        self.redraw()

    def action_choose_cell(self) -> None:
        if self.cell is not None:
            self.post_message(self.CellChosen(self, *self.cell))

    def on_click(self, event: events.Click) -> None:
        """Puts the cursor there; a second click opens the examples."""
        place = event.get_content_offset(self)
        if place is None or not self._names:
            return
        layout = self._layout(*self.content_size)
        row, column = place.y - 2, (place.x - layout.names) // layout.cell
        if not (0 <= row < layout.rows and 0 <= column < layout.columns):
            return
        self._cursor = (self._top + row, self._left + column)
        self.redraw()
        if event.chain >= 2:
            self.action_choose_cell()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move_cell(3, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move_cell(-3, 0)

    def _layout(self, width: int, height: int) -> GridLayout:
        return GridLayout.inside(
            (width, height), self._names, self._matrix, percentages=self.percentages
        )

    def _arrange(self) -> None:
        own = tuple(range(len(self._names)))
        self._order = by_confusion(self._matrix) if self.sorted_by_confusion else own
        self.redraw()
