"""Reads array logs while they grow: an index in memory, frames when they are asked for."""

from __future__ import annotations

import json
import os
import zlib
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dltui.errors import StoreError
from dltui.runs.arrays import HEADER_BYTES, MAX_RAW_BYTES, FrameHeader, next_frame
from dltui.runs.clean import clean_json, printable

_READ_AHEAD_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class Frame:
    """What was recorded at one step: named arrays and their description."""

    step: int
    time: float
    meta: dict[str, Any]
    arrays: dict[str, NDArray[np.generic]]


class ArrayReader:
    """The frames of one log, superseded ones left out."""

    def __init__(self, path: Path):
        """`path` need not exist yet."""
        self.path = path
        self.revision = 0
        """Grows whenever frames that were there before have gone (rewind, replaced file)."""
        self._headers = _Headers()
        self._offset = 0

    def __len__(self) -> int:
        return len(self._headers)

    @property
    def index(self) -> list[int]:
        """The step of each frame, ascending."""
        return self._headers.steps.tolist()

    @property
    def times(self) -> list[float]:
        """The time of each frame, unix seconds."""
        return self._headers.times.tolist()

    def poll(self) -> bool:
        """Looks for new whole frames; True if anything changed."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return self._restart() if self._offset else False
        except OSError as error:
            raise StoreError(
                f"cannot read a log: {error.strerror}", where=str(self.path)
            ) from error
        try:
            size = os.fstat(descriptor).st_size
            changed = self._restart() if size < self._offset else False
            read = _ReadAhead(descriptor)
            while (header := next_frame(read, self._offset, size)) is not None:
                self._offset = header.end
                self._add(header)
                changed = True
            return changed
        finally:
            os.close(descriptor)

    def frame(self, number: int) -> Frame:
        """Frame `number` of the index, negative from the end.

        Raises IndexError if there is none, StoreError if its bytes are damaged.
        """
        header = self._headers[number]
        try:
            with self.path.open("rb") as file:
                file.seek(header.offset + HEADER_BYTES)
                return _unpack(header, file.read(header.payload_bytes))
        except (OSError, ValueError, TypeError, KeyError, zlib.error, RecursionError) as error:
            raise StoreError(
                f"the arrays of step {header.step} are damaged: {printable(str(error))}",
                where=str(self.path),
                remedy="other steps can still be read",
            ) from error

    def last(self) -> Frame | None:
        """The newest frame, None if there is none yet."""
        return self.frame(-1) if len(self) else None

    def at(self, step: int) -> Frame | None:
        """The newest frame at or before `step`, None if there is none."""
        number = bisect_left(self._headers.steps, step + 1) - 1
        return self.frame(number) if number >= 0 else None

    def _restart(self) -> bool:
        self._headers, self._offset = _Headers(), 0
        self.revision += 1
        return True

    def _add(self, header: FrameHeader) -> None:
        steps = self._headers.steps
        if header.step < 0:
            self._cut(bisect_left(steps, -header.step))
            return
        if steps and header.step < steps[-1]:
            self._cut(bisect_left(steps, header.step))
        self._headers.append(header)

    def _cut(self, count: int) -> None:
        if count < len(self._headers):
            self._headers.cut(count)
            self.revision += 1


class _Headers:
    """The headers of all frames in 48 bytes each: a run of days has millions of them."""

    def __init__(self) -> None:
        self.steps = array("q")
        self.times = array("d")
        self._rest = tuple(array("Q") for _ in range(4))

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, number: int) -> FrameHeader:
        offset, payload, raw, checksum = (column[number] for column in self._rest)
        step, time = self.steps[number], self.times[number]
        return FrameHeader(offset, payload, raw, step, time, checksum)

    def append(self, header: FrameHeader) -> None:
        self.steps.append(header.step)
        self.times.append(header.time)
        values = (header.offset, header.payload_bytes, header.raw_bytes, header.checksum)
        for column, value in zip(self._rest, values, strict=True):
            column.append(value)

    def cut(self, count: int) -> None:
        """Keeps the first `count`."""
        del self.steps[count:], self.times[count:]
        for column in self._rest:
            del column[count:]


class _ReadAhead:
    """`read(offset, size)` that fetches more than asked: headers of small frames lie close."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._start = 0
        self._block = b""

    def __call__(self, offset: int, size: int) -> bytes:
        place = offset - self._start
        if place < 0 or place + size > len(self._block):
            self._start, place = offset, 0
            self._block = os.pread(self._descriptor, max(size, _READ_AHEAD_BYTES), offset)
        return self._block[place : place + size]


def _unpack(header: FrameHeader, payload: bytes) -> Frame:
    if zlib.crc32(payload) != header.checksum:
        raise ValueError("the checksum does not fit")
    if header.raw_bytes > MAX_RAW_BYTES:
        raise ValueError(f"{header.raw_bytes:,} bytes in one frame")
    inflater = zlib.decompressobj()
    raw = inflater.decompress(payload, header.raw_bytes)
    if len(raw) != header.raw_bytes or inflater.decompress(inflater.unconsumed_tail, 1):
        raise ValueError("another length than announced")
    start = 4 + int.from_bytes(raw[:4], "little")
    description = json.loads(raw[4:start])
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, kind, shape in description["arrays"]:
        dtype = np.dtype(str(kind))
        if dtype.kind not in "biuf" or any(size < 0 for size in shape):
            raise ValueError(f"an array of type {dtype}, shape {shape}")
        end = start + dtype.itemsize * int(np.prod(shape, dtype=object))
        arrays[printable(name)] = np.frombuffer(raw[start:end], dtype).reshape(shape)
        start = end
    return Frame(header.step, header.time, clean_json(description["meta"]), arrays)
