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
    "INT4": np.array([*range(8), *range(-8, 0)], np.float32),
    "UINT4": np.arange(16, dtype=np.float32),
}
"""What the 16 codes of half a byte mean, by kind; the lower half of a byte comes first.

F4 is E2M1 of the OCP microscaling formats 1.0, packed as torch's `float4_e2m1fn_x2`; the others are
ONNX's."""

_QUARTERS: dict[str, NDArray[np.float32]] = {
    "INT2": np.array([0, 1, -2, -1], np.float32),
    "UINT2": np.arange(4, dtype=np.float32),
}
"""What the four codes of two bits mean; the lowest bits of a byte come first."""

VARINT = "varint"
"""The kind of elements that each take as many bytes as they need, as protocol buffers have them."""


def block(kind: str) -> tuple[int, int]:
    """Elements and bytes of the smallest part that can be unpacked alone.

    Raises CheckpointError where the values of this kind are not unpacked here.
    """
    if kind in _NIBBLES:
        return 2, 1
    if kind in _QUARTERS:
        return 4, 1
    if kind in BLOCKS:
        return BLOCKS[kind]
    raise _not_unpacked(kind)


def unpacked(data: bytes, kind: str) -> NDArray[np.float32]:
    """The values of whole blocks as a flat array. Raises CheckpointError as `block` does."""
    if kind in _NIBBLES:
        codes = np.frombuffer(data, np.uint8)
        return _NIBBLES[kind].take(np.stack([codes & 15, codes >> 4], axis=-1).reshape(-1))
    if kind in _QUARTERS:
        codes = np.frombuffer(data, np.uint8)[:, None] >> np.array([0, 2, 4, 6], np.uint8)
        return _QUARTERS[kind].take(codes.reshape(-1) & 3)
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


def varints(data: bytes, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Numbers of variable length as a flat array of `dtype`: a float by its bits.

    Raises CheckpointError if the last does not end or one has more than ten bytes.
    """
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets < 0x80)
    begins = np.concatenate([[0], ends + 1])[: len(ends)].astype(np.intp)
    lengths = ends - begins + 1
    if (len(octets) and octets[-1] >= 0x80) or (len(ends) and lengths.max() > 10):
        raise CheckpointError("a number of variable length does not end")
    found = np.zeros(len(ends), np.uint64)
    for place in range(int(lengths.max(initial=0))):
        longer = lengths > place
        part = octets[begins[longer] + place].astype(np.uint64) & np.uint64(0x7F)
        found[longer] |= part << np.uint64(7 * place)
    if dtype.kind == "f":
        return found.astype(np.dtype(f"u{dtype.itemsize}")).view(dtype)
    return found.astype(dtype)
