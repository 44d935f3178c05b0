"""Standard output and error of a worker: files on a disk that may fill."""

from __future__ import annotations

import io
import sys
from typing import Any

from dltui.runs.append import FULL


def outlive_full_disk() -> None:
    """From here on a line that the disk has no room for is lost, and its writer never knows.

    `print` in a plugin, a warning of a library: none of them is worth the training.
    """
    sys.stdout = _stream(1)
    sys.stderr = _stream(2)


def _stream(descriptor: int) -> io.TextIOWrapper:
    raw = Forgiving(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )


def lost_bytes() -> int:
    """Of standard output, what the disk had no room for until now."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.lost_bytes if isinstance(raw, Forgiving) else 0


class Forgiving(io.FileIO):
    """A file that takes what a full disk does not."""

    lost_bytes = 0

    def write(self, data: Any) -> int:
        """All bytes of `data`, or none where the disk is full; their number in both cases."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in FULL:
                raise
            size = memoryview(data).nbytes
            self.lost_bytes += size
            return size
