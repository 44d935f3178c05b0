"""A little space kept back, so that a full disk can still be told in the run itself."""

from __future__ import annotations

import os
from pathlib import Path

from dltui.runs.append import FULL

RESERVE = ".reserve"
SIZE_BYTES = 2**17
_PART_BYTES = 2**13
_PLENTY_BYTES = 2**20


class Reserve:
    """A file of 128 KiB beside the logs, of which a part is freed for each thing worth telling.

    The alarm of a full disk lies on that same disk. Without the reserve nobody who looks at the
    run would see it before there is space again.
    """

    def __init__(self, folder: Path):
        """`folder` is the run's. Where the disk has no space for it there is no reserve."""
        self._path = folder / RESERVE
        self.is_whole = False
        """Whether nothing of it is spent."""
        self.keep()

    def keep(self) -> None:
        """Makes it whole again where there is plenty of space; for every now and then."""
        if self.is_whole or not self._has_plenty():
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # Not zeros: a file system that compresses would keep nothing back.
                written = os.pwrite(descriptor, os.urandom(SIZE_BYTES), 0)
            finally:
                os.close(descriptor)
            self.is_whole = written == SIZE_BYTES
        except OSError as error:
            if error.errno not in FULL:
                raise

    def spend(self) -> bool:
        """Frees some KiB for what is to be written next; False where nothing is left to free."""
        self.is_whole = False
        try:
            kept = self._path.stat().st_size
            os.truncate(self._path, max(kept - _PART_BYTES, 0))
        except FileNotFoundError:
            return False
        except OSError as error:
            # Where even this needs space, the alarm waits in memory.
            if error.errno not in FULL:
                raise
            return False
        return kept > 0

    def remove(self) -> None:
        """For the end of the worker."""
        self._path.unlink(missing_ok=True)

    def _has_plenty(self) -> bool:
        found = os.statvfs(self._path.parent)
        return found.f_bavail * found.f_frsize >= _PLENTY_BYTES
