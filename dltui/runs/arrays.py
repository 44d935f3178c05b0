"""Array logs: framed, compressed arrays with a JSON description, one frame a sampled step.

```
magic "DLTF" | payload bytes u32 | raw bytes u64 | step i64 | time f64 | crc32 of payload u32 |
crc32 of these 36 bytes u32 | payload          little-endian
payload = zlib(JSON length u32 | {"meta": …, "arrays": [[name, dtype, shape], …]} | array bytes)
```

A frame with a negative step `-1 - S` and no payload marks a rewind to step S, as in metric logs.
"""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.runs.append import Alarm, AppendFile, PositionedWrite, ignore_alarm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAGIC = b"DLTF"
MAX_RAW_BYTES = 2**31
_FIELDS = struct.Struct("<4sIQqdI")
HEADER_BYTES = _FIELDS.size + 4
_SEARCH_BYTES = 2**20

Read = Callable[[int, int], bytes]
"""`read(offset, size)` of a file: fewer bytes only at its end."""


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """Where a frame lies in its file, and its step and time."""

    offset: int
    payload_bytes: int
    raw_bytes: int
    step: int
    time: float
    checksum: int

    @property
    def end(self) -> int:
        return self.offset + HEADER_BYTES + self.payload_bytes


class ArrayLog:
    """The writer of `arrays/<group>.log`; one process at a time."""

    def __init__(
        self,
        path: Path,
        *,
        alarm: Alarm = ignore_alarm,
        ring_bytes: int = 64 * 2**20,
        write: PositionedWrite = os.pwrite,
    ):
        """Opens or makes the log; a torn end is cut off. Raises StoreError if it cannot."""
        self._file = AppendFile(
            path, b"", _end_of_last_frame, alarm=alarm, ring_bytes=ring_bytes, write=write
        )

    @property
    def pending(self) -> int:
        """Frames that wait in memory because the disk is full."""
        return self._file.pending

    def append(
        self,
        step: int,
        time: float,
        meta: Mapping[str, Any],
        arrays: Mapping[str, NDArray[np.generic]],
    ) -> None:
        """Adds one frame. Arrays are of bool, integer or float type and any shape.

        Raises ValueError for other types and for more than 2 GiB.
        """
        self._file.append(pack_frame(step, time, meta, arrays))

    def rewind(self, step: int) -> None:
        """Supersedes every frame after `step`: the run goes on from there."""
        self._file.append(_pack(-1 - step, time.time(), 0, b""))

    def flush(self) -> bool:
        """Tries to write what waits in memory; True if nothing waits."""
        return self._file.flush()

    def close(self) -> None:
        self._file.close()


def pack_frame(
    step: int, time: float, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]
) -> bytes:
    """One frame as bytes."""
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise ValueError(f"array {name} is of type {array.dtype}, not a plain number type")
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    description = json.dumps({"meta": meta, "arrays": listed}).encode()
    raw = b"".join(
        [len(description).to_bytes(4, "little"), description]
        + [array.tobytes() for array in arrays.values()]
    )
    if len(raw) > MAX_RAW_BYTES:
        raise ValueError(f"a frame of {len(raw):,} bytes is more than 2 GiB")
    return _pack(step, time, len(raw), zlib.compress(raw, 1))


def next_frame(read: Read, offset: int, size: int) -> FrameHeader | None:
    """The first whole frame at or after `offset` in a file of `size` bytes.

    Bytes that are no frame are skipped by looking for the next sound header. None where no whole
    frame follows.
    """
    header = _header_at(read, offset)
    if header is not None:
        return header if header.end <= size else None
    while offset < size:
        block = read(offset, _SEARCH_BYTES)
        found = block.find(MAGIC, 1)
        while found >= 0:
            header = _header_at(read, offset + found)
            if header is not None:
                return header if header.end <= size else None
            found = block.find(MAGIC, found + 1)
        if len(block) < _SEARCH_BYTES:
            return None
        # The magic may lie across the border of two blocks.
        offset += len(block) - len(MAGIC)
    return None


def _pack(step: int, time: float, raw_bytes: int, payload: bytes) -> bytes:
    fields = _FIELDS.pack(MAGIC, len(payload), raw_bytes, step, time, zlib.crc32(payload))
    return fields + zlib.crc32(fields).to_bytes(4, "little") + payload


def _header_at(read: Read, offset: int) -> FrameHeader | None:
    data = read(offset, HEADER_BYTES)
    if len(data) < HEADER_BYTES or not data.startswith(MAGIC):
        return None
    if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        return None
    _, payload_bytes, raw_bytes, step, time, checksum = _FIELDS.unpack(data[:-4])
    return FrameHeader(offset, payload_bytes, raw_bytes, step, time, checksum)


def _end_of_last_frame(descriptor: int) -> int:
    size = os.fstat(descriptor).st_size

    def read(offset: int, length: int) -> bytes:
        return os.pread(descriptor, length, offset)

    end = 0
    while (header := next_frame(read, end, size)) is not None:
        end = header.end
    return end
