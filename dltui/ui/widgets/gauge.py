"""One share as a line: progress, memory in use, load."""

from __future__ import annotations

import math

from textual.reactive import reactive

from dltui.charts.canvas import QUIET, STRONG, TEXT, Frame, series_role
from dltui.charts.glyphs import Glyphs
from dltui.charts.sparkline import bar
from dltui.ui.widgets.frame_view import FrameView


class Gauge(FrameView):
    """`label ━━━━━━╸─────── 43 %  detail`; what is not known reads `n/a`, not 0 %."""

    DEFAULT_CSS = "Gauge { height: 1; }"

    share: reactive[float | None] = reactive(None, repaint=False)
    """From 0 to 1; None is not known."""
    label: reactive[str] = reactive("", repaint=False)
    detail: reactive[str] = reactive("", repaint=False)

    def __init__(
        self,
        label: str = "",
        *,
        slot: int = 0,
        label_width: int = 0,
        glyphs: Glyphs | None = None,
        id: str | None = None,
    ) -> None:
        """`slot` is the palette slot of the bar; `label_width` aligns several gauges."""
        super().__init__(glyphs=glyphs, id=id)
        self._slot = slot
        self._label_width = label_width
        self.set_reactive(Gauge.label, label)

    def draw(self, width: int, height: int) -> Frame:
        frame = Frame.blank(width, height)
        label = self.label.ljust(self._label_width)
        column = frame.write(0, 0, label, TEXT) + bool(label)
        known = self.share is not None and math.isfinite(self.share)
        number = f"{100 * (self.share or 0.0):3.0f} %" if known else " n/a "
        after = f" {number}" + (f"  {self.detail}" if self.detail else "")
        room = width - column - len(after)
        if room >= 4:
            full, empty = bar(self.share or 0.0 if known else 0.0, room, self.glyphs)
            column = frame.write(0, column, full, series_role(self._slot))
            column = frame.write(0, column, empty, QUIET)
        column = frame.write(0, column, f" {number}", STRONG if known else QUIET)
        frame.write(0, column, after[len(number) + 1 :], QUIET)
        return frame

    def watch_share(self) -> None:
        self.redraw()

    def watch_label(self) -> None:
        self.redraw()

    def watch_detail(self) -> None:
        self.redraw()
