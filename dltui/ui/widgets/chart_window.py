"""Which part of the x axis a chart shows."""

from __future__ import annotations

import math

from dltui.charts.envelope import Grid, bucket_width

_LEAST_SPAN = 1e-6


class ChartWindow:
    """Everything, the newest part, or a part that the user moved to.

    Positions are x, or log₁₀ x on a logarithmic axis. `extent` is always the (least, greatest)
    position of the data.
    """

    def __init__(self) -> None:
        self._span: float | None = None
        self._right: float | None = None

    @property
    def follows(self) -> bool:
        """True while the newest point stays in view."""
        return self._right is None

    def reset(self) -> None:
        """Shows everything and follows the newest point."""
        self._span = self._right = None

    def zoom(self, factor: float, extent: tuple[float, float], center: float | None) -> None:
        """Shows `factor` times as much, with `center` (or else the right edge) kept in place."""
        whole = max(extent[1] - extent[0], _LEAST_SPAN)
        span = whole if self._span is None else self._span
        right = extent[1] if self._right is None else self._right
        new = max(span * factor, _LEAST_SPAN * max(1.0, whole))
        if new >= whole:
            self.reset()
            return
        if center is not None:
            share = min(max((right - center) / span, 0.0), 1.0)
            self._right = center + share * new
        self._span = new
        self._settle(extent)

    def pan(self, share: float, extent: tuple[float, float]) -> None:
        """Moves by `share` of what is shown; past the newest point it follows again."""
        if self._span is None:
            return
        right = extent[1] if self._right is None else self._right
        self._right = max(right + share * self._span, extent[0] + self._span)
        self._settle(extent)

    def grid(self, extent: tuple[float, float], columns: int) -> Grid:
        """The buckets to draw; a window that follows moves on by an eighth of its columns."""
        if self._span is None:
            return Grid.covering(*extent, columns)
        width = bucket_width(self._span, columns)
        right = extent[1] if self._right is None else self._right
        last = math.floor(right / width)
        if self._right is None:
            stride = max(1, columns // 8)
            last = math.ceil((last + 1) / stride) * stride - 1
        return Grid(last - columns + 1, width, columns)

    def _settle(self, extent: tuple[float, float]) -> None:
        if self._right is not None and self._right >= extent[1]:
            self._right = None
