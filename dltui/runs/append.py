"""A file that only ever grows by whole records, whatever the disk does."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dltui.errors import StoreError

Alarm = Callable[[str], None]
"""Told once when a disk fills and once when it is well again; must not write to the same file."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No space on the disk, in the user's share of it, or under the limit of a file's size."""
_RETRY_S = 1.0


class PositionedWrite(Protocol):
    """`os.pwrite`, or what a test puts in its place."""

    def __call__(self, descriptor: int, data: bytes, offset: int, /) -> int: ...


def ignore_alarm(message: str) -> None:
    """For logs whose owner learns of a full disk through another log."""


class AppendFile:
    """Appends whole records to a file of which this process is the only writer.

    Each append is one `pwrite` whose byte count is checked. After a short write the file is cut
    back to its last whole record. While the disk is full, the newest records (at most
    `ring_bytes`) wait in memory, `alarm` is called once, and they are written when space returns;
    that holds for the file itself as well. Threads of this process may append at once.
    """

    def __init__(
        self,
        path: Path,
        header: bytes,
        whole_bytes: Callable[[int], int],
        *,
        alarm: Alarm = ignore_alarm,
        ring_bytes: int = 16 * 2**20,
        write: PositionedWrite = os.pwrite,
    ):
        """Opens or makes `path`. `whole_bytes(descriptor)` is where its last whole record ends.

        `whole_bytes` answers 0 where even the header is not whole: the file starts anew then.
        Raises StoreError if the file cannot be opened.
        """
        self.path = path
        self.dropped = 0
        """Records that the bounded ring had to give up."""
        self._header = header
        self._alarm = alarm
        self._ring_bytes = ring_bytes
        self._write = write
        self._pending: deque[bytes] = deque()
        self._pending_bytes = 0
        self._next_try = 0.0
        self._is_full = False
        self._is_closed = False
        self._lock = threading.RLock()
        self._whole_bytes = whole_bytes
        self._descriptor = -1
        self._size = 0
        self._open()
        if self._size == 0 and header:
            self.append(header)

    def _open(self) -> bool:
        """False where the disk has no room even for an empty file."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._size = self._whole_bytes(self._descriptor)
            if os.fstat(self._descriptor).st_size != self._size:
                os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            if error.errno in FULL:
                return False
            where = str(self.path)
            raise StoreError(f"cannot open a log: {error.strerror}", where=where) from error
        return True

    @property
    def pending(self) -> int:
        """Records that wait in memory for space on the disk."""
        return len(self._pending)

    def append(self, record: bytes) -> None:
        """Adds one record. A full disk does not raise; any other failure is a StoreError."""
        with self._lock:
            self._append(record)

    def _append(self, record: bytes) -> None:
        if self._pending:
            self._keep(record)
            if time.monotonic() >= self._next_try:
                self.flush()
            return
        written = self._try_write(record)
        if written == len(record):
            self._size += written
            return
        self._cut_back(written)
        self._keep(record)

    def flush(self) -> bool:
        """Tries to write what waits in memory; True if nothing waits any more."""
        with self._lock:
            return self._flush()

    def _flush(self) -> bool:
        if not self._pending:
            return True
        written = self._try_write(b"".join(self._pending))
        whole = 0
        while self._pending and whole + len(self._pending[0]) <= written:
            whole += len(self._pending.popleft())
        self._size += whole
        self._pending_bytes -= whole
        self._cut_back(written - whole)
        self._next_try = time.monotonic() + _RETRY_S
        if not self._pending and self._is_full:
            self._is_full = False
            lost = f", {self.dropped:,} oldest records were lost" if self.dropped else ""
            self._alarm(f"{self.path.name}: there is space on the disk again{lost}")
        return not self._pending

    def sync(self) -> None:
        """Flushes memory and the system's buffers to the disk."""
        with self._lock:
            self._flush()
            if self._descriptor >= 0:
                os.fsync(self._descriptor)

    def close(self) -> None:
        """Writes what can be written and closes; a second call does nothing."""
        with self._lock:
            if self._is_closed:
                return
            self._flush()
            self._is_closed = True
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _try_write(self, data: bytes) -> int:
        """Bytes that reached the file; 0 on a full disk."""
        if self._is_closed:
            raise StoreError("this log is closed", where=str(self.path))
        if self._descriptor < 0 and not self._open():
            return 0
        try:
            return self._write(self._descriptor, data, self._size)
        except OSError as error:
            if error.errno in FULL:
                return 0
            raise StoreError(
                f"cannot write a log: {error.strerror}", where=str(self.path)
            ) from error

    def _cut_back(self, torn_bytes: int) -> None:
        if torn_bytes:
            os.ftruncate(self._descriptor, self._size)

    def _keep(self, record: bytes) -> None:
        self._pending.append(record)
        self._pending_bytes += len(record)
        # The header stays first: without it no record after it could be read.
        first = 1 if self._pending[0] is self._header else 0
        while self._pending_bytes > self._ring_bytes and len(self._pending) > first + 1:
            self._pending_bytes -= len(self._pending[first])
            del self._pending[first]
            self.dropped += 1
        if not self._is_full:
            self._is_full = True
            self._next_try = time.monotonic() + _RETRY_S
            self._alarm(
                f"{self.path.name}: the disk is full; training goes on and up to"
                f" {self._ring_bytes >> 20} MiB of records wait in memory. Free some space."
            )
