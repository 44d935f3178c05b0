"""Numbers that a file keeps in fewer bits than a byte, or in blocks with a scale of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dltui.errors import CheckpointError
from dltui.inspect.ggml import BLOCKS

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
    if kind in BLOCKS:
        return BLOCKS[kind]
    raise _not_unpacked(kind)


def unpacked(data: bytes, kind: str) -> NDArray[np.float32]:
    """The values of whole blocks as a flat array. Raises CheckpointError as `block` does."""
    if kind in _NIBBLES:
        codes = np.frombuffer(data, np.uint8)
        return _NIBBLES[kind][np.stack([codes & 15, codes >> 4], axis=-1).reshape(-1)]
    if kind in BLOCKS:
        return _dequantised(data, kind)
    raise _not_unpacked(kind)


def _dequantised(data: bytes, kind: str) -> NDArray[np.float32]:
    try:
        # An optional package, and half a second to import.
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize
    except ImportError as error:
        raise CheckpointError(
            f"{kind} blocks are unpacked by the gguf package, which is not installed here",
            remedy='pip install "dltui[gguf]"',
        ) from error
    if kind not in GGMLQuantizationType.__members__:
        raise _not_unpacked(kind)
    blocks = np.frombuffer(data, np.uint8).reshape(-1, BLOCKS[kind][1])
    try:
        with np.errstate(all="ignore"):  # scales that are infinite or NaN give such values
            return dequantize(blocks, GGMLQuantizationType[kind]).reshape(-1)
    except NotImplementedError as error:
        raise _not_unpacked(kind) from error


def _not_unpacked(kind: str) -> CheckpointError:
    return CheckpointError(f"values of the type {kind} are not unpacked here")
