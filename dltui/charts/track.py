"""A curve that grows at its end, with what was already computed of it kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dltui.charts.envelope import Envelope, Grid, envelope
from dltui.charts.scales import Floats
from dltui.charts.smoothing import Smoother

_TAIL = 4096
_SAMPLES = 1024


class Track:
    """Holds the newest arrays of one curve and serves its columns.

    New arrays that continue the old ones cost only their new end. Whether they do is judged by the
    last 4,096 old points and 1,024 spread over the rest; a run that went back to a checkpoint
    replaces its end, and is seen so.
    """

    def __init__(self) -> None:
        self.x: Floats = np.empty(0)
        self.y: Floats = np.empty(0)
        self.nan_count = 0
        self._logarithm: Floats = np.empty(0)
        self._floor = 0.0
        self._smoothed: Floats = np.empty(0)
        self._smoother: Smoother | None = None
        self._columns: dict[tuple[Grid, bool, bool], tuple[int, Envelope]] = {}

    def set_points(self, x: npt.ArrayLike, y: npt.ArrayLike) -> bool:
        """Takes the whole curve, both `(n,)`; points without a finite x are left out.

        True if it continues the former one, so that old columns stay.
        """
        new_x, new_y = _sorted(np.asarray(x, np.float64), np.asarray(y, np.float64))
        continues = self._continues(new_x, new_y)
        old = self.x.size
        if not continues:
            self._forget()
            old = 0
        self.nan_count += int(np.count_nonzero(np.isnan(new_y[old:])))
        self.x, self.y = new_x, new_y
        return continues

    def position(self, *, log_x: bool) -> Floats:
        """x, or its decimal logarithm with what is not positive put at the least positive x."""
        if not log_x:
            return self.x
        done = self._logarithm.size
        if done < self.x.size:
            if done == 0:
                positive = self.x[self.x > 0]
                self._floor = float(positive[0]) if positive.size else 1.0
            new = np.log10(np.maximum(self.x[done:], self._floor))
            self._logarithm = np.concatenate((self._logarithm, new))
        return self._logarithm

    def smoothed(self, weight: float) -> Floats:
        """The debiased moving average of y, `(n,)`, NaN where y is not finite."""
        if self._smoother is None or self._smoother.weight != weight:
            self._smoother = Smoother(weight)
            self._smoothed = np.empty(0)
            self._columns = {key: kept for key, kept in self._columns.items() if not key[2]}
        done = self._smoothed.size
        if done < self.y.size:
            new = self._smoother.smooth(self.y[done:])
            self._smoothed = np.concatenate((self._smoothed, new))
        return self._smoothed

    def columns(self, grid: Grid, *, log_x: bool = False, smoothing: float = 0.0) -> Envelope:
        """The envelope of the curve, or of its average if `smoothing` > 0, on `grid`."""
        values = self.smoothed(smoothing) if smoothing > 0 else self.y
        position = self.position(log_x=log_x)
        key = (grid, log_x, smoothing > 0)
        count, known = self._columns.get(key, (0, None))
        if known is None:
            if len(self._columns) > 4:
                self._columns.clear()
            known = envelope(position, values, grid)
        elif count < values.size:
            self._extend(known, position, values, grid, count)
        self._columns[key] = (values.size, known)
        return known

    def nearest(self, x: float) -> int | None:
        """The index of the last point at or before `x`, else the first; None without points."""
        if not self.x.size:
            return None
        return max(0, int(np.searchsorted(self.x, x, side="right")) - 1)

    def _extend(
        self, known: Envelope, position: Floats, values: Floats, grid: Grid, count: int
    ) -> None:
        """Recomputes `known` from the column on that the first new point falls into."""
        first = max(0, int(np.floor(grid.column(float(position[count])))) - 1)
        if first >= grid.columns:
            return
        rest = Grid(grid.start + first, grid.width, grid.columns - first)
        begin = int(np.searchsorted(position, rest.lo, side="left"))
        known.write(first, envelope(position[begin:], values[begin:], rest))

    def _continues(self, x: Floats, y: Floats) -> bool:
        old = self.x.size
        if old == 0 or x.size < old:
            return False
        tail = slice(max(0, old - _TAIL), old)
        spread = slice(0, old, max(1, old // _SAMPLES))
        return all(
            np.array_equal(before[part], after[part], equal_nan=True)
            for part in (tail, spread)
            for before, after in ((self.x, x), (self.y, y))
        )

    def _forget(self) -> None:
        self._logarithm = np.empty(0)
        self._smoothed = np.empty(0)
        self._smoother = None
        self._columns.clear()
        self.nan_count = 0


def _sorted(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    if x.size != y.size:
        raise ValueError(f"x has {x.size} points, y has {y.size}")
    usable = np.isfinite(x)
    if not usable.all():
        x, y = x[usable], y[usable]
    if x.size > 1 and bool((x[1:] < x[:-1]).any()):
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return x, y
