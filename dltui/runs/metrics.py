"""Metric logs: one record of float64 values a step.

```
{"format": "dltui-metrics", "version": 1, "columns": ["loss", "lr"]}␠␠…\\n   512·k bytes
step int64 | time float64, unix seconds | one float64 a column | crc32 of these   little-endian
```

The columns of a file never change. A run that is resumed with other columns goes on in a new
segment, `train.rank0.2.log` after `train.rank0.log`; readers join them. A negative step `-1 - S`
marks a rewind: the run went back to step S, and what was recorded after it is superseded.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from dltui.errors import StoreError
from dltui.runs.append import Alarm, AppendFile, PositionedWrite, ignore_alarm

FORMAT = "dltui-metrics"
HEADER_ALIGNMENT = 512
MAX_HEADER_BYTES = 2**20
MISSING: float = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_6D69_7373))[0]
"""A NaN of its own bit pattern: not measured, in distinction to measured and not a number."""
_SEGMENT = re.compile(r"(.+\.rank\d+)(?:\.(\d+))?\.log")
# A process that dies while it writes leaves at most one torn record; a machine that dies can
# leave zeros in the blocks that were not flushed.
_TAIL_RECORDS = 65_536


def record_bytes(columns: int) -> int:
    """Bytes of one record: step, time, values, checksum."""
    return 8 + 8 + 8 * columns + 4


class MetricLog:
    """The writer of `metrics/<group>.rank<n>.log`; one process at a time."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        *,
        alarm: Alarm = ignore_alarm,
        ring_bytes: int = 16 * 2**20,
        write: PositionedWrite = os.pwrite,
    ):
        """Opens or makes the log; a torn or damaged end is cut off.

        Raises StoreError if the file cannot be written or is no metric log, and ValueError on
        repeated columns.
        """
        if len(set(columns)) != len(columns):
            raise ValueError(f"columns repeat: {list(columns)}")
        self.columns = tuple(columns)
        self._body = struct.Struct(f"<qd{len(columns)}d")
        self._file = AppendFile(
            _segment_for(path, self.columns),
            make_header(self.columns),
            _end_of_last_record,
            alarm=alarm,
            ring_bytes=ring_bytes,
            write=write,
        )

    @property
    def path(self) -> Path:
        """The segment that is written now."""
        return self._file.path

    @property
    def pending(self) -> int:
        """Records that wait in memory because the disk is full."""
        return self._file.pending

    def append(self, step: int, time: float, values: Sequence[float | None]) -> None:
        """Adds one record. None means not measured; NaN and infinity are kept as they are."""
        if None in values:
            values = [MISSING if value is None else value for value in values]
        body = self._body.pack(step, time, *values)
        self._file.append(body + zlib.crc32(body).to_bytes(4, "little"))

    def rewind(self, step: int) -> None:
        """Supersedes every record after `step`: the run goes on from there."""
        self.append(-1 - step, time.time(), [math.nan] * len(self.columns))

    def flush(self) -> bool:
        """Tries to write what waits in memory; True if nothing waits."""
        return self._file.flush()

    def sync(self) -> None:
        """Flushes to the disk, so that a power cut loses nothing before now."""
        self._file.sync()

    def close(self) -> None:
        self._file.close()


def make_header(columns: Sequence[str]) -> bytes:
    """The first line of a log, padded with spaces to a multiple of 512 bytes."""
    line = json.dumps({"format": FORMAT, "version": 1, "columns": list(columns)}).encode()
    length = -(-(len(line) + 1) // HEADER_ALIGNMENT) * HEADER_ALIGNMENT
    return line.ljust(length - 1) + b"\n"


def parse_header(read: Callable[[int, int], bytes]) -> tuple[tuple[str, ...], int] | None:
    """Columns and header length from `read(offset, size)`; None while the header is not whole.

    Raises ValueError if the bytes are something else than a metric log.
    """
    start = read(0, HEADER_ALIGNMENT)
    while b"\n" not in start and len(start) % HEADER_ALIGNMENT == 0 and start:
        more = read(len(start), HEADER_ALIGNMENT)
        if not more or len(start) > MAX_HEADER_BYTES:
            break
        start += more
    end = start.find(b"\n")
    if end < 0:
        opening = b'{"format": "' + FORMAT.encode()
        if not opening.startswith(start[: len(opening)]) or len(start) > MAX_HEADER_BYTES:
            raise ValueError("not a metric log")
        return None
    return _columns(start[:end]), end + 1


def segments(path: Path) -> list[Path]:
    """All segments of the log whose first is `path`, oldest first."""
    found: list[tuple[int, Path]] = []
    if path.exists():
        found.append((1, path))
    for other in path.parent.glob(path.name.removesuffix(".log") + ".*.log"):
        match = _SEGMENT.fullmatch(other.name)
        if match and match[2]:
            found.append((int(match[2]), other))
    return [item for _, item in sorted(found)]


def _columns(line: bytes) -> tuple[str, ...]:
    try:
        header = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("not a metric log") from error
    columns = header.get("columns") if isinstance(header, dict) else None
    if not isinstance(columns, list) or header.get("format") != FORMAT:
        raise ValueError("not a metric log")
    if header.get("version") != 1:
        raise ValueError(f"a metric log of version {header.get('version')!r}, not 1")
    if not all(isinstance(name, str) for name in columns) or len(set(columns)) != len(columns):
        raise ValueError("a metric log with impossible columns")
    return tuple(columns)


def _segment_for(path: Path, columns: tuple[str, ...]) -> Path:
    """The newest segment if it has these columns or no whole header, else the next one."""
    existing = segments(path)
    if not existing:
        return path
    newest = existing[-1]
    try:
        descriptor = os.open(newest, os.O_RDONLY)
        try:
            header = parse_header(lambda offset, size: os.pread(descriptor, size, offset))
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"cannot go on with this log: {error}",
            where=str(newest),
            remedy="move the file away; the run's other logs are not affected",
        ) from error
    if header is None or header[0] == columns:
        return newest
    number = _SEGMENT.fullmatch(newest.name)
    following = int(number[2] or 1) + 1 if number else 2
    return path.with_name(f"{path.name.removesuffix('.log')}.{following}.log")


def _end_of_last_record(descriptor: int) -> int:
    """Where the last whole, undamaged record ends; 0 without a whole header."""
    header = parse_header(lambda offset, size: os.pread(descriptor, size, offset))
    if header is None:
        return 0
    columns, start = header
    length = record_bytes(len(columns))
    count = (os.fstat(descriptor).st_size - start) // length
    for index in range(count - 1, max(count - _TAIL_RECORDS, 0) - 1, -1):
        record = os.pread(descriptor, length, start + index * length)
        if zlib.crc32(record[:-4]) == int.from_bytes(record[-4:], "little"):
            return start + (index + 1) * length
    return start + max(count - _TAIL_RECORDS, 0) * length
