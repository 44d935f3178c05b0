"""Reads metric logs while they grow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from dltui.errors import StoreError
from dltui.runs.checksums import damaged_records
from dltui.runs.clean import printable
from dltui.runs.metrics import MISSING, parse_header, record_bytes, segments

_MISSING_BITS = np.float64(MISSING).view(np.int64)
_CHUNK_BYTES = 2**21
_Scalar = TypeVar("_Scalar", bound=np.generic)
_NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Points:
    """A metric's values, oldest first. All three arrays have shape (n,)."""

    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    """NaN and infinity as measured; steps at which nothing was measured are left out."""

    def __len__(self) -> int:
        return len(self.steps)


class RowFollower(Protocol):
    """Is given every row of a metric log as it is read, before any is averaged away."""

    def take(
        self,
        columns: tuple[str, ...],
        steps: NDArray[np.int64],
        times: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        """New rows: steps and times `(n,)`, values `(n, columns)`; valid during the call."""

    def cut(self, step: int) -> None:
        """What was recorded at `step` and after it is void."""


class MetricReader:
    """All segments of one log, joined; superseded steps are left out.

    Each `poll` opens the files anew, so that replaced files and network filesystems are seen as
    they are, and takes whole, undamaged records only.
    """

    def __init__(
        self, path: Path, *, most_rows: int | None = None, follower: RowFollower | None = None
    ):
        """`path` is the first segment; it need not exist yet.

        With `most_rows`, a longer log is held as the means of equally many neighbouring rows, at
        their last step: between half as many rows and so many, however long the run.
        """
        self.path = path
        self._most_rows = most_rows
        self._follower = follower
        self.columns: tuple[str, ...] = ()
        self.damaged = 0
        """Records left out because their checksum did not fit."""
        self.revision = 0
        """Grows whenever points that were there before have gone (rewind, replaced file)."""
        self._segments: dict[Path, _Segment] = {}
        self._table = _Table()
        self._kept: dict[str, tuple[int, Points | None]] = {}
        """By column: how many rows were looked at, and the measured ones unless all are."""

    @property
    def steps(self) -> NDArray[np.int64]:
        """Shape (n,), ascending."""
        return self._table.steps[: self._table.count]

    @property
    def times(self) -> NDArray[np.float64]:
        """Shape (n,), unix seconds."""
        return self._table.times[: self._table.count]

    @property
    def values(self) -> NDArray[np.float64]:
        """Shape (n, columns)."""
        return self._table.values[: self._table.count]

    def poll(self) -> bool:
        """Reads what is new; True if anything changed. Raises StoreError on a foreign file."""
        changed = False
        try:
            for path in segments(self.path):
                if path not in self._segments:
                    self._segments[path] = _Segment(path)
                segment = self._segments[path]
                for chunk in segment.read():
                    self._add(segment, chunk)
                    changed = True
        except _FileReplacedError:
            self._restart()
            self.poll()
            return True
        self.damaged = sum(segment.damaged for segment in self._segments.values())
        return changed

    def points(self, column: str) -> Points:
        """One column without the steps at which it was not measured. KeyError if unknown."""
        if column not in self.columns:
            raise KeyError(column)
        values = self.values[:, self.columns.index(column)]
        seen, kept = self._kept.get(column, (0, None))
        new = np.ascontiguousarray(values[seen:]).view(np.int64) != _MISSING_BITS
        if kept is None and new.all():
            self._kept[column] = (len(values), None)
            return Points(self.steps, self.times, values)
        if kept is None:
            kept = Points(self.steps[:seen], self.times[:seen], values[:seen])
        if new.any():
            kept = Points(
                np.concatenate([kept.steps, self.steps[seen:][new]]),
                np.concatenate([kept.times, self.times[seen:][new]]),
                np.concatenate([kept.values, values[seen:][new]]),
            )
        self._kept[column] = (len(values), kept)
        return kept

    def _restart(self) -> None:
        if self._follower is not None:
            self._follower.cut(0)
        self.columns = ()
        self.revision += 1
        self._segments.clear()
        self._kept.clear()
        self._table = _Table()

    def _add(self, segment: _Segment, chunk: NDArray[np.void]) -> None:
        new = [name for name in segment.columns if name not in self.columns]
        if new:
            self.columns += tuple(new)
            self._table.widen(len(self.columns))
        places = [self.columns.index(name) for name in segment.columns]
        marks = np.flatnonzero(chunk["step"] < 0)
        for piece in np.split(chunk, marks):
            if len(piece) and piece["step"][0] < 0:
                self._cut(-int(piece["step"][0]))
                piece = piece[1:]
            kept, lowest = _without_superseded(piece["step"], self.steps)
            self._cut(lowest)
            self._append(piece if kept is None else piece[kept], places, segment.waiting)

    def _append(self, records: NDArray[np.void], places: list[int], following: int) -> None:
        if self._most_rows is None:
            self._table.append(records, places, following)
            self._show_follower(len(records))
            return
        piece = max(self._most_rows // 2, 1)
        for start in range(0, len(records), piece):
            new = records[start : start + piece]
            self._table.append(new, places, 0)
            self._show_follower(len(new))
            if self._table.settle(self._most_rows):
                self._kept.clear()

    def _show_follower(self, count: int) -> None:
        """The newest `count` rows."""
        if self._follower is not None and count:
            new = slice(self._table.count - count, None)
            self._follower.take(self.columns, self.steps[new], self.times[new], self.values[new])

    def _cut(self, step: int) -> None:
        """Drops everything recorded at `step` and after it."""
        count = int(np.searchsorted(self.steps, step, "left"))
        if count < self._table.count:
            self._table.cut(count)
            self._kept.clear()
            self.revision += 1
            if self._follower is not None:
                self._follower.cut(step)


class _FileReplacedError(Exception):
    """A file is shorter than what was read of it, so it is another one."""


class _Segment:
    """One file and how far it was read."""

    def __init__(self, path: Path):
        self.path = path
        self.columns: tuple[str, ...] = ()
        self.damaged = 0
        self.waiting = 0
        """Records of the file that `read` has not given out yet."""
        self._offset = 0
        self._dtype = np.dtype([])

    def read(self) -> Iterator[NDArray[np.void]]:
        """New records as structured arrays, each valid until the next one is asked for."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if self._offset:
                raise _FileReplacedError from None
            return
        except OSError as error:
            raise StoreError(
                f"cannot read a log: {error.strerror}", where=str(self.path)
            ) from error
        try:
            if self._offset or self._read_header(descriptor):
                yield from self._read_records(descriptor)
        finally:
            os.close(descriptor)

    def _read_records(self, descriptor: int) -> Iterator[NDArray[np.void]]:
        size = os.fstat(descriptor).st_size
        if size < self._offset:
            raise _FileReplacedError
        length = self._dtype.itemsize
        self.waiting = (size - self._offset) // length
        # One small buffer for all of it: a large one costs more in page faults than in reading.
        buffer = bytearray(min(self.waiting, _CHUNK_BYTES // length + 1) * length)
        while self.waiting:
            part = memoryview(buffer)[: self.waiting * length]
            count = os.preadv(descriptor, [part], self._offset) // length
            if not count:
                return  # cut off meanwhile by its writer
            self.waiting = max(self.waiting - count, 0)
            records = self._sound(part[: count * length], is_end=not self.waiting)
            if len(records):
                yield records

    def _read_header(self, descriptor: int) -> bool:
        try:
            header = parse_header(lambda offset, size: os.pread(descriptor, size, offset))
        except ValueError as error:
            raise StoreError(f"{error}", where=str(self.path)) from error
        if header is None:
            return False
        names, self._offset = header
        self.columns = tuple(printable(name) for name in names)
        self._dtype = np.dtype(
            [("step", "<i8"), ("time", "<f8"), ("values", "<f8", (len(names),)), ("crc", "<u4")]
        )
        assert self._dtype.itemsize == record_bytes(len(names))
        return True

    def _sound(self, data: memoryview, *, is_end: bool) -> NDArray[np.void]:
        """The undamaged records of `data`. Damaged ones at the file's end are read again later."""
        length = self._dtype.itemsize
        records = np.frombuffer(data, self._dtype)
        damaged = damaged_records(data, length)
        whole = len(records)
        while is_end and damaged and damaged[-1] == whole - 1:
            whole -= 1
            damaged.pop()
        self._offset += whole * length
        if not damaged:
            return records[:whole]
        self.damaged += len(damaged)
        return np.delete(records[:whole], damaged)


class _Table:
    """Columns that grow: appending n rows costs O(n) over time.

    Rows once written are never written again, so a view that another thread holds stays true;
    unless they are settled, which only a reader with a limit does.
    """

    def __init__(self) -> None:
        self.count = 0
        self._settled = 0
        self._stride = 1
        """How many rows as recorded each of the settled ones is the mean of."""
        self.steps = np.empty(0, np.int64)
        self.times = np.empty(0, np.float64)
        self.values = np.empty((0, 0), np.float64)

    def widen(self, columns: int) -> None:
        """Adds columns, not measured so far."""
        wider = np.full((len(self.steps), columns), MISSING)
        wider[:, : self.values.shape[1]] = self.values
        self.values = wider

    def cut(self, count: int) -> None:
        """Keeps the first `count` rows, in new arrays: others may hold views of the old ones."""
        self.count = count
        self._settled = min(self._settled, count)
        self._reserve(count)

    def settle(self, most: int) -> bool:
        """Holds about `most` rows by averaging; True if any were. For `most / 2` new ones a time.

        So one halving is always enough, and it always has pairs.
        """
        if self._stride == 1 and self.count <= most:
            return False
        changed = self._average_newest()
        if self._settled > most:
            self._stride *= 2
            self._average(0, self._settled // 2, 2)
            self._average_newest()
            changed = True
        return changed

    def _average_newest(self) -> bool:
        """Settles what has come since, so that the settled ones are pairs: none is left over."""
        groups = (self.count - self._settled) // self._stride
        groups -= (self._settled + groups) % 2
        return groups > 0 and self._average(self._settled, groups, self._stride)

    def _average(self, first: int, groups: int, group: int) -> bool:
        """Settles `groups` times `group` rows from `first` on to one each; the others follow."""
        whole = slice(first, first + groups * group)
        rest = slice(whole.stop, self.count)
        self._settled = first + groups
        if group == 1:
            return False
        count = self._settled + self.count - whole.stop
        last = slice(whole.start + group - 1, whole.stop, group)
        means = _means(self.values[whole].reshape(groups, group, -1))
        for column, new in (
            (self.steps, self.steps[last]),
            (self.times, self.times[last]),
            (self.values, means),
        ):
            column[first:count] = np.concatenate((new, column[rest]))
        self.count = count
        return True

    def append(self, records: NDArray[np.void], places: list[int], following: int) -> None:
        """Adds rows; `following` more are about to come."""
        end = self.count + len(records)
        if end > len(self.steps):
            grown = max(end, 2 * len(self.steps), 256) if self.count else end
            self._reserve(max(grown, end + following))
        self.steps[self.count : end] = records["step"]
        self.times[self.count : end] = records["time"]
        if places == list(range(self.values.shape[1])):
            self.values[self.count : end] = records["values"]
        else:
            self.values[self.count : end] = MISSING
            self.values[self.count : end, places] = records["values"]
        self.count = end

    def _reserve(self, rows: int) -> None:
        self.steps = _grown(self.steps, rows, self.count)
        self.times = _grown(self.times, rows, self.count)
        values = np.empty((rows, self.values.shape[1]))
        values[: self.count] = self.values[: self.count]
        self.values = values


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of `(groups, group, columns)` the means of each group's measured values."""
    measured = values.view(np.int64) != _MISSING_BITS
    counts = measured.sum(axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.where(measured, values, 0.0).sum(axis=1)
        return np.where(counts > 0, sums / np.maximum(counts, 1), MISSING)


def _grown(array: NDArray[_Scalar], rows: int, count: int) -> NDArray[_Scalar]:
    bigger = np.empty(rows, array.dtype)
    bigger[:count] = array[:count]
    return bigger


def _without_superseded(
    steps: NDArray[np.int64], before: NDArray[np.int64]
) -> tuple[NDArray[np.bool_] | None, int]:
    """Which of the new `steps` count (None: all), and the lowest step that the run went back to.

    A step smaller than the one before it means that the run went back: everything recorded from
    that step on is superseded.
    """
    if not len(steps):
        return None, _NEVER
    previous = np.empty_like(steps)
    previous[0] = before[-1] if len(before) else -1
    previous[1:] = steps[:-1]
    went_back = steps < previous
    if not went_back.any():
        return None, _NEVER
    limit = np.where(went_back, steps, _NEVER)
    lowest = np.minimum.accumulate(limit[::-1])[::-1]
    kept = np.ones(len(steps), np.bool_)
    kept[:-1] = steps[:-1] < lowest[1:]
    return kept, int(lowest[0])
