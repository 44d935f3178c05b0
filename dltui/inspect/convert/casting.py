"""Floating numbers in another floating type, rounded to nearest, ties to even (IEEE 754)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dltui.inspect.dtypes import Array

TARGETS = ("float32", "float16", "bfloat16")


def cast(values: Array, dtype: str) -> tuple[Array, int, int]:
    """Floating `values` as elements of `dtype`, one of `TARGETS`, as they are stored.

    bfloat16 comes as uint16. Also how many finite values became infinite, and how many that were
    not zero became zero.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if dtype == "bfloat16":
            stored: Array = _bfloat16_bits(values)
            magnitude = stored.view(np.uint16) & 0x7FFF
            infinite, zero = magnitude == 0x7F80, magnitude == 0
        else:
            stored = values.astype(dtype)
            infinite, zero = np.isinf(stored), stored == 0
    overflowed = int(np.count_nonzero(infinite)) and int(
        np.count_nonzero(infinite & np.isfinite(values))
    )
    vanished = int(np.count_nonzero(zero)) and int(np.count_nonzero(zero & (values != 0)))
    return stored, overflowed, vanished


def _bfloat16_bits(values: Array) -> NDArray[np.uint16]:
    """The upper half of a float32, rounded; a NaN stays one and keeps its sign."""
    single = _to_odd(values) if values.dtype == np.float64 else values.astype(np.float32)
    bits = single.view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    is_nan = np.isnan(single)
    if is_nan.any():
        rounded[is_nan] = (bits[is_nan] >> 16) | 0x40
    return rounded.astype(np.uint16)


def _to_odd(values: Array) -> NDArray[np.float32]:
    """float64 as float32, cut off, with the last bit set where something was cut off.

    So a second rounding, to fewer bits, gives what one rounding would have given (Boldo and
    Melquiond, 2008: Emulation of FMA and correctly rounded sums).
    """
    single = values.astype(np.float32)
    wide = single.astype(np.float64)
    bits = single.view(np.uint32)
    inexact = (wide != values) & ~np.isnan(values)
    bits -= (inexact & (np.abs(wide) > np.abs(values))).astype(np.uint32)
    bits |= inexact.astype(np.uint32)
    return single
