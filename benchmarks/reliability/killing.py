"""Children that report what is done over a pipe, and are killed at a moment of chance.

A child is a fork of this process, so that a thousand kills cost one start of Python (and, where it
is needed, one import of torch).
"""

from __future__ import annotations

import os
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable

_NUMBER = struct.Struct("<q")
Acknowledge = Callable[[int], None]
Work = Callable[[Acknowledge], None]
PATIENCE_S = 120.0


def killed_after(work: Work, seconds: float, *, first: int = 1) -> list[int]:
    """Runs `work(acknowledge)` in a child, kills it -9 and gives all numbers it acknowledged.

    The clock starts with acknowledgement number `first`. Raises RuntimeError where the child ends
    by itself or says nothing for two minutes.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(work, writing)
    os.close(writing)
    said = bytearray()
    try:
        while len(said) < first * _NUMBER.size:
            if not _read(reading, PATIENCE_S, said):
                raise RuntimeError("the child ended, or said nothing, before it was killed")
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            _read(reading, left, said)
    finally:
        os.kill(child, signal.SIGKILL)
        while chunk := os.read(reading, 1 << 20):
            said += chunk
        os.close(reading)
        _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError(f"the child ended with code {os.waitstatus_to_exitcode(status)}")
    whole = len(said) // _NUMBER.size * _NUMBER.size
    return [number for (number,) in _NUMBER.iter_unpack(said[:whole])]


def _read(reading: int, wait_s: float, said: bytearray) -> bool:
    """Takes what the child said within `wait_s`; False at its end or where it said nothing."""
    # The pipe is emptied all the time: a full one would hold the child at its next word.
    if not select.select([reading], [], [], wait_s)[0]:
        return False
    chunk = os.read(reading, 1 << 16)
    said += chunk
    return bool(chunk)


def _child(work: Work, writing: int) -> None:
    code = 1
    try:
        work(lambda number: _tell(writing, number))
        code = 0
    except BaseException:  # noqa: BLE001  a child of a fork must never return to its caller
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _tell(writing: int, number: int) -> None:
    os.write(writing, _NUMBER.pack(number))
