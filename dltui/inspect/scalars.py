"""Single numbers that a checkpoint keeps as tensors: step counts, best scores. Without numpy."""

from __future__ import annotations

import struct

from dltui.errors import CheckpointError
from dltui.inspect.contents import BITS, Checkpoint, Plain, Tensor, View
from dltui.inspect.source import Source
from dltui.inspect.zip_archive import located

_LAYOUTS = {
    "bool": "?",
    "uint8": "B",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
}

_DIGITS = {"float16": 3, "float32": 7}
"""As many decimal digits as the type is sure of: 71.2 is not 71.19999694824219."""


def scalar(checkpoint: Checkpoint, tensor: Tensor) -> int | float | None:
    """The number of a tensor with one element; None where it has more, is not plainly in the file,
    or cannot be read."""
    layout = _LAYOUTS.get(tensor.dtype)
    place = tensor.place
    if tensor.elements != 1 or layout is None or not isinstance(place, Plain | View):
        return None
    item_bytes = BITS[tensor.dtype] // 8
    extent = place.extent if isinstance(place, Plain) else place.storage
    skipped = place.offset * item_bytes if isinstance(place, View) else 0
    try:
        with Source(checkpoint.files[extent.file]) as source:
            data = source.read(located(source, extent).offset + skipped, item_bytes)
    except CheckpointError:
        return None
    found: int | float = struct.unpack((">" if place.big_endian else "<") + layout, data)[0]
    digits = _DIGITS.get(tensor.dtype)
    return float(f"{found:.{digits}g}") if digits else found
