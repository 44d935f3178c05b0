"""Types of elements: how their bits stand in a file, and the numbers they mean.

numpy has no bfloat16 and no 8-bit floats; they are kept as unsigned integers of the same size and
widened to float32 when their values are wanted, which loses nothing.
"""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dltui.inspect.contents import BITS

Array = NDArray[np.generic]

_AS_BITS: dict[str, np.dtype[np.generic]] = {
    "bfloat16": np.dtype(np.uint16),
    "complex32": np.dtype(np.uint32),
    **{name: np.dtype(np.uint8) for name in BITS if name.startswith("float8")},
}

_SMALL_FLOATS = {
    "float8_e4m3fn": (4, 3, 7, "nan at the top"),
    "float8_e4m3fnuz": (4, 3, 8, "nan is minus zero"),
    "float8_e5m2": (5, 2, 15, "ieee"),
    "float8_e5m2fnuz": (5, 2, 16, "nan is minus zero"),
}
"""Exponent bits, mantissa bits, exponent bias, and where infinity and NaN are (OCP 8-bit floats;
the *fnuz* ones: Noune et al., 2022)."""


def stored_dtype(dtype: str) -> np.dtype[np.generic]:
    """The numpy type with the bits of one element. Raises KeyError for a packed type."""
    if dtype in _AS_BITS:
        return _AS_BITS[dtype]
    if dtype not in BITS:
        raise KeyError(dtype)
    found: np.dtype[np.generic] = np.dtype(dtype)
    return found


def numbers(stored: Array, dtype: str) -> Array:
    """The values of elements as they are stored, in the same shape: the array itself where numpy
    has the type, else float32 (complex64 for torch's complex32)."""
    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    if dtype == "complex32":
        halves = np.ascontiguousarray(stored)[..., None].view(np.float16).astype(np.float32)
        return cast(Array, halves.view(np.complex64)[..., 0])
    if dtype.startswith("float8"):
        return cast(Array, _float8_values(dtype)[stored])
    return stored


@cache
def _float8_values(dtype: str) -> NDArray[np.float32]:
    """The 256 values of an 8-bit float."""
    codes = np.arange(256)
    if dtype == "float8_e8m0fnu":
        powers = np.ldexp(np.float32(1), codes - 127).astype(np.float32)
        powers[255] = np.nan
        return powers
    exponent_bits, mantissa_bits, bias, special = _SMALL_FLOATS[dtype]
    sign = np.where(codes & 0x80, -1.0, 1.0)
    exponent = (codes & 0x7F) >> mantissa_bits
    mantissa = (codes & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    magnitude = np.where(
        exponent == 0,
        np.ldexp(mantissa, 1 - bias),
        np.ldexp(1 + mantissa, exponent - bias),
    )
    values = (sign * magnitude).astype(np.float32)
    if special == "nan at the top":
        values[(codes & 0x7F) == 0x7F] = np.nan
    elif special == "nan is minus zero":
        values[0x80] = np.nan
    else:
        top = exponent == (1 << exponent_bits) - 1
        values[top & (mantissa == 0)] = (sign * np.inf)[top & (mantissa == 0)]
        values[top & (mantissa != 0)] = np.nan
    return values
