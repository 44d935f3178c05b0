"""Curves that grow by millions of points and stay a few ten thousand on the way to the screen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dltui.ui.snapshot import Curve

Table = npt.NDArray[np.float64]
LIMIT = 2**16
_FIRST_BUCKET = 8


class GrowingCurve:
    """Takes points as they come; beyond `LIMIT` keeps the extremes of buckets of points.

    Each bucket keeps its smallest and its largest value at the steps where they were measured, and
    buckets double in width, so that a spike never vanishes and appending costs the new points only.
    """

    def __init__(self) -> None:
        self._kept: Table = np.empty((3, 0))
        self._open: Table = np.empty((3, 0))
        self._bucket = 1
        self._measured = 0

    def extend(self, steps: npt.ArrayLike, times: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Appends points; all three are `(n,)`."""
        new = np.array([steps, times, values], dtype=np.float64)
        self._measured += new.shape[1]
        self._open = np.concatenate((self._open, new), axis=1)
        self._close()
        while self._kept.shape[1] > LIMIT:
            self._widen()

    def curve(self) -> Curve:
        """The points so far, oldest first."""
        steps, times, values = np.concatenate((self._kept, self._open), axis=1)
        return Curve(steps, times, values, self._measured)

    def _close(self) -> None:
        if self._bucket == 1:
            closed, self._open = self._open, self._open[:, :0]
        else:
            closed, self._open = _extremes(self._open, self._bucket)
        self._kept = np.concatenate((self._kept, closed), axis=1)

    def _widen(self) -> None:
        group = _FIRST_BUCKET if self._bucket == 1 else 4
        self._bucket = _FIRST_BUCKET if self._bucket == 1 else self._bucket * 2
        self._kept, rest = _extremes(self._kept, group)
        # What does not fill a wider bucket is kept as it is: it was thinned already.
        self._kept = np.concatenate((self._kept, rest), axis=1)


def _extremes(points: Table, group: int) -> tuple[Table, Table]:
    """Two points for every `group`: `(3, 2m)`, and the points that fill no group."""
    groups = points.shape[1] // group
    whole, rest = points[:, : groups * group], points[:, groups * group :]
    values = whole[2].reshape(groups, group)
    first = np.arange(groups) * group
    places = np.sort(np.stack((values.argmin(axis=1), values.argmax(axis=1)), axis=1), axis=1)
    return whole[:, (places + first[:, None]).ravel()], rest
