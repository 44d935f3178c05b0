"""How a distribution of weights, gradients or activations moved over the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy.typing as npt
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from dltui.charts.canvas import QUIET, TEXT, Frame
from dltui.charts.glyphs import Glyphs
from dltui.charts.ridge import Distributions, draw_ridge, height_of_ridge, shown_rows
from dltui.ui.widgets.frame_view import FrameView


class HistogramRidge(FrameView, can_focus=True):
    """Rows of histograms, newest on top, with their 5 %, 50 % and 95 % quantiles marked.

    Each row is scaled to its own peak: it shows the shape, not the number of values.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "h",
            "toggle_log_values",
            "Symlog",
            show=False,
            tooltip="Switch the value axis between linear and symmetric-logarithmic",
            id="ridge-log-values",
        ),
        Binding(
            "up",
            "move_step(-1)",
            "Newer",
            show=False,
            tooltip="Read out the row above",
            id="ridge-newer",
        ),
        Binding(
            "down",
            "move_step(1)",
            "Older",
            show=False,
            tooltip="Read out the row below",
            id="ridge-older",
        ),
        Binding(
            "0",
            "reset_step",
            "Newest",
            show=False,
            tooltip="Read out the newest row again",
            id="ridge-reset",
        ),
    ]

    log_values: reactive[bool] = reactive(False, repaint=False)
    step: reactive[float | None] = reactive(None, repaint=False)
    """The step that is read out; None follows the newest."""
    waiting_for: reactive[str] = reactive("waiting for the first histogram", repaint=False)

    @dataclass
    class StepMoved(Message):
        """The user chose the row of `step`, or the newest (None)."""

        ridge: HistogramRidge
        step: float | None

        @property
        def control(self) -> HistogramRidge:
            return self.ridge

    def __init__(self, *, glyphs: Glyphs | None = None, id: str | None = None) -> None:
        super().__init__(glyphs=glyphs, id=id)
        self._data: Distributions | None = None

    def set_data(
        self,
        steps: npt.ArrayLike,
        counts: npt.ArrayLike,
        edges: npt.ArrayLike,
        nonfinite: npt.ArrayLike | None = None,
    ) -> None:
        """Shows `counts`, `(T, B)`, at `steps`, `(T,)`, over buckets between `edges`, `(B + 1,)`.

        Edges ascend; buckets with an edge that is not finite count as NaN and infinity, as does
        `nonfinite`, `(T,)`: values that are in no bucket.
        """
        data = Distributions.from_buckets(steps, counts, edges, nonfinite)
        self._data = data if data.steps.size else None
        self.redraw()

    def draw(self, width: int, height: int) -> Frame:
        if self._data is None:
            return Frame.telling(width, height, (self.waiting_for, TEXT))
        if width < 16 or height < 4:
            return Frame.telling(width, height, ("16×4 needed", QUIET))
        return draw_ridge(
            self._data,
            (width, height),
            self.glyphs,
            logarithmic=self.log_values,
            cursor=self._row(),
        )

    def watch_log_values(self) -> None:
        self.redraw()

    def watch_step(self) -> None:
        self.redraw()

    def watch_waiting_for(self) -> None:
        self.redraw()

    def action_toggle_log_values(self) -> None:
        self.log_values = not self.log_values

    def action_move_step(self, rows: int) -> None:
        """To the row below (1) or above (-1)."""
        if self._data is None:
            return
        shown = self._shown()
        current = self._row()
        place = (
            0 if current is None else min(range(len(shown)), key=lambda i: abs(shown[i] - current))
        )
        target = place + rows if current is not None else 0
        self._choose(float(self._data.steps[shown[min(max(target, 0), len(shown) - 1)]]))

    def action_reset_step(self) -> None:
        self._choose(None)

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None or self._data is None:
            return
        shown = self._shown()
        height = height_of_ridge(len(shown), self.content_size.height)
        row = (place.y - 1) // height
        if 0 <= row < len(shown):
            self._choose(float(self._data.steps[shown[row]]))

    def _choose(self, step: float | None) -> None:
        if step != self.step:
            self.step = step
            self.post_message(self.StepMoved(self, step))

    def _shown(self) -> list[int]:
        assert self._data is not None
        return shown_rows(self._data.steps.size, max(1, self.content_size.height - 3))

    def _row(self) -> int | None:
        """The row that is read out: of those shown, the one nearest to `step`."""
        if self._data is None or self.step is None:
            return None
        step, steps = self.step, self._data.steps
        return min(self._shown(), key=lambda row: abs(float(steps[row]) - step))
