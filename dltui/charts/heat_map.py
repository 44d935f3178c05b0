"""A matrix as shades: for weights, attention, spectra and correlations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dltui.charts.canvas import ALARM, QUIET, SHADE, SHADES, Frame
from dltui.charts.glyphs import Glyphs
from dltui.charts.numbers import format_value
from dltui.charts.scales import Floats, tame


def heat_map(matrix: npt.ArrayLike, size: tuple[int, int], glyphs: Glyphs) -> Frame:
    """`matrix`, `(rows, columns)`, in `size` (width, height) cells, a scale in the last line.

    A cell that stands for several numbers shows the one of greatest magnitude; shades run from the
    least to the greatest value. A cell with NaN or infinity has a character of its own.
    """
    values = tame(np.atleast_2d(np.asarray(matrix, np.float64)))
    width, height = size
    frame = Frame.blank(width, height)
    rows, columns = max(1, height - 1), max(1, width)
    if not values.size:
        return frame
    shown, broken = _blocks(values, min(rows, values.shape[0]), min(columns, values.shape[1]))
    finite = shown[np.isfinite(shown)]
    lo, hi = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    span = hi - lo or 1.0
    share = np.nan_to_num((shown - lo) / span)
    marks = np.array(list(glyphs.shades))
    area = np.s_[: shown.shape[0], : shown.shape[1]]
    frame.chars[area] = marks[np.rint(share * (len(glyphs.shades) - 1)).astype(int)]
    frame.roles[area] = SHADE + np.rint(share * (SHADES - 1)).astype(np.int16)
    frame.chars[area][broken] = glyphs.not_a_number
    frame.roles[area][broken] = ALARM
    scale = f"{glyphs.shades[1]} {format_value(lo)}  {glyphs.shades[-1]} {format_value(hi)}"
    frame.write(height - 1, 0, scale, QUIET)
    return frame


def _blocks(values: Floats, rows: int, columns: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The greatest magnitude in each of `rows` × `columns` blocks, and which are broken."""
    finite = np.isfinite(values)
    tops = np.linspace(0, values.shape[0], rows, endpoint=False).astype(int)
    lefts = np.linspace(0, values.shape[1], columns, endpoint=False).astype(int)

    def over(ufunc: np.ufunc, data: Floats) -> Floats:
        reduced: Floats = ufunc.reduceat(ufunc.reduceat(data, tops, axis=0), lefts, axis=1)
        return reduced

    low = over(np.minimum, np.where(finite, values, np.inf))
    high = over(np.maximum, np.where(finite, values, -np.inf))
    greatest = np.where(np.abs(high) >= np.abs(low), high, low)
    broken = over(np.maximum, (~finite).astype(np.float64)) > 0
    return np.where(np.isfinite(greatest), greatest, np.nan), broken
