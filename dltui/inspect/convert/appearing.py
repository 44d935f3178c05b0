"""A file that is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dltui.errors import UsageError


@contextmanager
def appearing(path: Path, size_bytes: int, *, replace: bool) -> Iterator[BinaryIO]:
    """An empty file that takes the name `path` once everything is written and on the disk.

    If anything goes wrong, or the process is interrupted, what stood there stays and nothing is
    left behind. Raises UsageError if `path` exists and `replace` is not set, if there is no room
    for about `size_bytes`, or if it cannot be written.
    """
    if path.is_dir():
        raise UsageError("this is a folder", where=str(path), remedy="name a file in it")
    if os.path.lexists(path) and not replace:
        raise UsageError("this file exists", where=str(path), remedy="--force replaces it")
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        _check_room(path, size_bytes)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror or error}",
            where=str(path),
            remedy="choose another place, or make room",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _check_room(path: Path, size_bytes: int) -> None:
    found = os.statvfs(path.parent)
    free = found.f_bavail * found.f_frsize
    if free < size_bytes:
        raise UsageError(
            f"the file would have {size_bytes:,} bytes, the disk has room for {free:,}",
            where=str(path),
            remedy="choose another place, or make room",
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
