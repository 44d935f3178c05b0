"""The lock that a worker holds for as long as it lives, and how others look at it."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
import time
from pathlib import Path
from typing import Literal, Self

from dltui.errors import StoreError

_RETRY_S = 0.05
LockState = Literal["held", "free", "unknown"]

# lockf locks belong to a process and end when it closes *any* descriptor of the file, so a look
# at one's own lock must not open it.
_held_here: dict[tuple[int, int], int] = {}

# struct flock: Linux keeps type and whence first, macOS and the BSDs last.
_FLOCK = "hhqqi4x" if sys.platform == "linux" else "qqihh"


class WorkerLock:
    """Exclusive `lockf` lock on a file; the kernel lets it go when the process ends, however.

    One holder a process and file. Works across containers and, with a lock server, on NFS.
    """

    def __init__(self, path: Path):
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, wait_s: float = 0.0) -> bool:
        """Takes the lock; False if another process, or this one, has it and keeps it for `wait_s`.

        Raises StoreError where the filesystem has no locks.
        """
        deadline = time.monotonic() + wait_s
        while not self._try():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_RETRY_S)
        return True

    def _try(self) -> bool:
        if _is_held_here(self.path):
            return False
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise StoreError(
                f"this filesystem has no file locks ({error.strerror})",
                where=str(self.path),
                remedy="keep runs on another disk: --runs DIR or DLTUI_RUNS",
            ) from error
        self._descriptor = descriptor
        _held_here[_key(os.fstat(descriptor))] = os.getpid()
        return True

    def release(self) -> None:
        """Lets the lock go; nothing happens where it is not held."""
        if self._descriptor is None:
            return
        _held_here.pop(_key(os.fstat(self._descriptor)), None)
        os.close(self._descriptor)
        self._descriptor = None

    def __enter__(self) -> Self:
        if not self.acquire():
            raise StoreError(
                "another process is working on this run",
                where=str(self.path.parent),
                remedy="stop it first: dltui stop RUN",
            )
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def lock_state(path: Path) -> LockState:
    """Whether some process holds the lock on `path`, without taking it even for a moment."""
    return look_at_lock(path)[0]


def look_at_lock(path: Path) -> tuple[LockState, int | None]:
    """As `lock_state`, and the holder's pid where the system knows it as one of its own."""
    if _is_held_here(path):
        return "held", os.getpid()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return "free", None
    except OSError:
        return "unknown", None
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, _question())
    except OSError:
        return "unknown", None
    finally:
        os.close(descriptor)
    if _lock_type(answer) == fcntl.F_UNLCK:
        return "free", None
    # Zero or less: a process of another pid namespace or of another machine.
    pid = _lock_pid(answer)
    return "held", pid if pid > 0 else None


def _is_held_here(path: Path) -> bool:
    try:
        return _held_here.get(_key(path.stat())) == os.getpid()
    except FileNotFoundError:
        return False


def _question() -> bytes:
    if sys.platform == "linux":
        return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    return struct.pack(_FLOCK, 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)


def _lock_type(answer: bytes) -> int:
    fields = struct.unpack(_FLOCK, answer)
    return int(fields[0] if sys.platform == "linux" else fields[3])


def _lock_pid(answer: bytes) -> int:
    fields = struct.unpack(_FLOCK, answer)
    return int(fields[4] if sys.platform == "linux" else fields[2])


def _key(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
