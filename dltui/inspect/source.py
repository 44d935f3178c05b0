"""A file that is read in ranges, by position.

A memory map of a file that is rewritten in place ends the process with SIGBUS, and a FIFO waits for
ever: so files are opened without waiting, must be regular, and are read with `pread`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from dltui.closing import Closing
from dltui.errors import CheckpointError
from dltui.inspect.budget import Budget
from dltui.inspect.contents import Extent

_READ_AT_ONCE = 1 << 30


class Source(Closing):
    """One file, open for reading. Every range is checked against the size the file had when opened.

    Raises CheckpointError on opening if it is missing, no regular file, or may not be read, and on
    reading if the range is not in the file or the file has changed since.
    """

    def __init__(self, path: Path, within: Budget | None = None):
        """`within` is the memory that several files may take together when they are listed."""
        self.path = path
        self.budget = Budget(path, within=within)
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"cannot be opened: {getattr(error, 'strerror', None) or error}", where=str(path)
            ) from error
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(self._descriptor)
            raise CheckpointError("this is not a regular file", where=str(path))
        self.size = found.st_size
        self._stamp = _stamp(found)

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset` on, all of them."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise CheckpointError(
                f"bytes {offset:,} to {offset + size:,} are asked for, the file has {self.size:,}",
                where=str(self.path),
                remedy="the file is truncated or damaged; copy it again",
            )
        parts: list[bytes] = []
        while size:
            try:
                part = os.pread(self._descriptor, min(size, _READ_AT_ONCE), offset)
            except OSError as error:
                raise CheckpointError(
                    f"cannot be read: {error.strerror}", where=str(self.path)
                ) from error
            if not part:
                raise self._changed()
            parts.append(part)
            offset, size = offset + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def extent(self, extent: Extent) -> bytes:
        """The bytes of an extent of this file."""
        return self.read(extent.offset, extent.size)

    def fileno(self) -> int:
        """The descriptor, for a child process that reads the same file."""
        return self._descriptor

    def check_unchanged(self) -> None:
        """Raises CheckpointError if the file was written to since it was opened."""
        if _stamp(os.fstat(self._descriptor)) != self._stamp:
            raise self._changed()

    def _changed(self) -> CheckpointError:
        return CheckpointError(
            "the file changed while it was open", where=str(self.path), remedy="open it again"
        )

    def close(self) -> None:
        """Close it; a second time is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino
