"""Numbers that a file keeps in fewer bits than a byte, or in blocks with a scale of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dltui.errors import CheckpointError

_NIBBLES: dict[str, NDArray[np.float32]] = {
    "F4": np.array(
        [sign * size for sign in (1, -1) for size in (0, 0.5, 1, 1.5, 2, 3, 4, 6)], np.float32
    ),
}
"""What the 16 codes of half a byte mean, by kind; the lower half of a byte comes first.

F4 is E2M1 of the OCP microscaling formats 1.0, packed as torch's `float4_e2m1fn_x2`."""


def block(kind: str) -> tuple[int, int]:
    """Elements and bytes of the smallest part that can be unpacked alone.

    Raises CheckpointError where the values of this kind are not unpacked here.
    """
    if kind in _NIBBLES:
        return 2, 1
    raise CheckpointError(f"values of the type {kind} are not unpacked here")


def unpacked(data: bytes, kind: str) -> NDArray[np.float32]:
    """The values of whole blocks as a flat array. Raises CheckpointError as `block` does."""
    if kind in _NIBBLES:
        codes = np.frombuffer(data, np.uint8)
        return _NIBBLES[kind][np.stack([codes & 15, codes >> 4], axis=-1).reshape(-1)]
    raise CheckpointError(f"values of the type {kind} are not unpacked here")
