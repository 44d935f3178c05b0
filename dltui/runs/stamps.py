"""Whether a file may have changed since the last look, also where clocks tick once a second."""

from __future__ import annotations

import os
import time

_SECOND_NS = 10**9
_SETTLED_S = 2.0

Stamp = tuple[int, int, int, int]


def change_stamp(found: os.stat_result) -> Stamp:
    """Equal to an earlier stamp of the same name only where the file is still the same.

    A file system whose time stamps are whole seconds shows a second change within one second by
    nothing at all (number and size of a replaced file may be the former's): there a file that was
    just changed has a new stamp at every look, until it is two seconds old.
    """
    is_whole = found.st_mtime_ns % _SECOND_NS == 0
    is_settled = not is_whole or abs(time.time() - found.st_mtime) > _SETTLED_S
    look = 0 if is_settled else time.monotonic_ns()
    return found.st_mtime_ns, found.st_size, found.st_ino, look
