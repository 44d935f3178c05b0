"""The elements of a tensor as bytes of a new file, piece by piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from dltui.errors import CheckpointError
from dltui.inspect.contents import BITS, Packed, Tensor
from dltui.inspect.convert.casting import cast
from dltui.inspect.dtypes import Array, numbers
from dltui.inspect.row_order import in_rows
from dltui.inspect.values import Values


class Stream:
    """Reads tensors of a checkpoint for a writer, casts them and counts what a cast lost."""

    def __init__(
        self,
        values: Values,
        total_bytes: int,
        on_progress: Callable[[int, int], None] | None = None,
    ):
        self.overflowed: Counter[str] = Counter()
        self.vanished: Counter[str] = Counter()
        self._values = values
        self._total_bytes = total_bytes
        self._on_progress = on_progress
        self._done_bytes = 0

    def pieces(self, tensor: Tensor, dtype: str) -> Iterator[bytes]:
        """All elements, row by row, little-endian, in the type `dtype`.

        Raises CheckpointError where they cannot be read or are fewer than the shape asks for.
        """
        left = tensor.elements * BITS[dtype] // 8
        own = "float32" if isinstance(tensor.place, Packed) else tensor.dtype
        for stored in in_rows(self._values, tensor):
            piece = _little_endian(self._cast(stored, tensor.name, own, dtype))
            left -= len(piece)
            if left < 0:
                break
            yield piece
            self._advance(len(piece))
        if left:
            raise CheckpointError(
                f"{tensor.name!r} has not as many values as its shape {list(tensor.shape)} says",
                where=str(self._values.checkpoint.path),
            )

    def _cast(self, stored: Array, name: str, own: str, dtype: str) -> Array:
        if own == dtype:
            return stored
        found, overflowed, vanished = cast(numbers(stored, own), dtype)
        # An entry of zero would say that something was lost.
        if overflowed:
            self.overflowed[name] += overflowed
        if vanished:
            self.vanished[name] += vanished
        return found

    def _advance(self, size_bytes: int) -> None:
        self._done_bytes += size_bytes
        if self._on_progress is not None:
            self._on_progress(self._done_bytes, self._total_bytes)


def _little_endian(stored: Array) -> bytes:
    return np.ascontiguousarray(stored, stored.dtype.newbyteorder("<")).tobytes()
