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
        self._logarithm = _Growing()
        self._floor = 0.0
        self._smoothed = _Growing()
        self._smoother: Smoother | None = None
        self._columns: dict[tuple[Grid, bool, bool], tuple[int, Envelope]] = {}

    def set_points(self, x: npt.ArrayLike, y: npt.ArrayLike) -> bool:
        """Takes the whole curve, both `(n,)`; points without a finite x are left out.

        True if it continues the former one, so that old columns stay.
        """
        new_x, new_y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if new_x.shape != new_y.shape or new_x.ndim != 1:
            raise ValueError(f"x of shape {new_x.shape} does not fit y of shape {new_y.shape}")
        old = self.x.size if self._continues(new_x, new_y) else 0
        if not _in_order(new_x[max(0, old - 1) :]):
            new_x, new_y = _put_in_order(new_x, new_y)
            old = self.x.size if self._continues(new_x, new_y) else 0
        if not old:
            self._forget()
        self.x, self.y = new_x, new_y
        return old > 0

    def position(self, *, log_x: bool) -> Floats:
        """x, or its decimal logarithm with what is not positive put at the least positive x."""
        if not log_x:
            return self.x
        done = self._logarithm.size
        if done < self.x.size:
            if done == 0:
                positive = self.x[self.x > 0]
                self._floor = max(float(positive[0]), 1e-150) if positive.size else 1.0
            self._logarithm.append(np.log10(np.clip(self.x[done:], self._floor, 1e150)))
        return self._logarithm.values

    def smoothed(self, weight: float) -> Floats:
        """The debiased moving average of y, `(n,)`, NaN where y is not finite."""
        if self._smoother is None or self._smoother.weight != weight:
            self._smoother = Smoother(weight)
            self._smoothed = _Growing()
            self._columns = {key: kept for key, kept in self._columns.items() if not key[2]}
        done = self._smoothed.size
        if done < self.y.size:
            self._smoothed.append(self._smoother.smooth(self.y[done:]))
        return self._smoothed.values

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
        self._logarithm = _Growing()
        self._smoothed = _Growing()
        self._smoother = None
        self._columns.clear()


class _Growing:
    """An array that values are appended to, in room that doubles when it is full."""

    def __init__(self) -> None:
        self._room: Floats = np.empty(0)
        self.size = 0

    @property
    def values(self) -> Floats:
        return self._room[: self.size]

    def append(self, values: Floats) -> None:
        end = self.size + values.size
        if end > self._room.size:
            room = np.empty(max(end, 2 * self._room.size))
            room[: self.size] = self.values
            self._room = room
        self._room[self.size : end] = values
        self.size = end


def _in_order(x: Floats) -> bool:
    """True if `x` is finite and does not decrease; NaN compares false and so is not in order."""
    if not x.size:
        return True
    return bool((x[1:] >= x[:-1]).all()) and bool(np.isfinite(x[[0, -1]]).all())


def _put_in_order(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    usable = np.isfinite(x)
    x, y = x[usable], y[usable]
    order = np.argsort(x, kind="stable")
    return x[order], y[order]
