"""Curves that grow by millions of points and stay a few ten thousand on the way to the screen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dltui.ui.snapshot import Curve

Table = npt.NDArray[np.float64]
LIMIT = 2**14
"""Points of one curve at most: some 40 a column of the widest chart, 400 kB with their places."""
_NEWEST = LIMIT // 4
_FIRST_BUCKET = 8
_FIRST_ROOM = 256


class GrowingCurve:
    """Takes points as they come; beyond `LIMIT` keeps the extremes of buckets of older points.

    Each bucket keeps its smallest and its largest value at the steps where they were measured, and
    buckets double in width, so that a spike never vanishes. The newest points are kept as they
    are. Appending costs the new points only: places once written are never written again, so that
    the curves given out are views of one room, which is left to them when a new one is made.
    """

    def __init__(self) -> None:
        self._room: Table = np.empty((3, _FIRST_ROOM))
        self._count = self._thinned = 0
        self._bucket = _FIRST_BUCKET
        self._measured = 0

    def extend(self, steps: npt.ArrayLike, times: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Appends points; all three are `(n,)`."""
        new = np.array([steps, times, values], dtype=np.float64)
        self._measured += new.shape[1]
        while new.shape[1]:
            if self._count == LIMIT:
                self._thin()
            taken = min(new.shape[1], LIMIT - self._count)
            self._append(new[:, :taken])
            new = new[:, taken:]

    def cut(self, step: float) -> None:
        """Drops the points at `step` and after it."""
        count = int(np.searchsorted(self._room[0, : self._count], step, side="left"))
        if count < self._count:
            self._measured -= self._count - count
            self._thinned = min(self._thinned, count)
            # In a new room: the points that come next must not show in curves given out before.
            self._move_to(self._room.shape[1], self._room[:, :count])

    def curve(self) -> Curve:
        """The points so far, oldest first."""
        steps, times, values = self._room[:, : self._count]
        return Curve(steps, times, values, self._measured)

    def _append(self, points: Table) -> None:
        end = self._count + points.shape[1]
        if end > self._room.shape[1]:
            self._move_to(
                min(LIMIT, max(end, 2 * self._room.shape[1])), self._room[:, : self._count]
            )
        self._room[:, self._count : end] = points
        self._count = end

    def _thin(self) -> None:
        """Makes room: all but the newest points become extremes of buckets."""
        points = self._room[:, : self._count]
        split = self._count - _NEWEST
        thinned, rest = _extremes(points[:, self._thinned : split], self._bucket)
        thinned = np.concatenate((points[:, : self._thinned], thinned), axis=1)
        while thinned.shape[1] > LIMIT // 2:
            self._bucket *= 2
            # What does not fill a wider bucket is kept as it is: it was thinned already.
            thinned = np.concatenate(_extremes(thinned, 4), axis=1)
        self._thinned = thinned.shape[1]
        self._move_to(LIMIT, np.concatenate((thinned, rest, points[:, split:]), axis=1))

    def _move_to(self, size: int, points: Table) -> None:
        self._room = np.empty((3, size))
        self._count = points.shape[1]
        self._room[:, : self._count] = points


def _extremes(points: Table, group: int) -> tuple[Table, Table]:
    """Two points for every `group`: `(3, 2m)`, and the points that fill no group."""
    groups = points.shape[1] // group
    whole, rest = points[:, : groups * group], points[:, groups * group :]
    values = whole[2].reshape(groups, group)
    first = np.arange(groups) * group
    places = np.sort(np.stack((values.argmin(axis=1), values.argmax(axis=1)), axis=1), axis=1)
    return whole[:, (places + first[:, None]).ravel()], rest
