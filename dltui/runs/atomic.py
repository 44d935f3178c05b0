"""Files that are either the old one or the new one, whole, also after a power cut."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

TEMPORARY = ".tmp-"


def write_atomic(path: Path, content: bytes | str, *, sync: bool = True) -> None:
    """Replaces `path` by `content` through a temporary file beside it, mode 0600.

    `sync` flushes file and folder to the disk first, which can take tens of milliseconds; without
    it a power cut may bring the former content back, never a torn one.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            write_all(descriptor, data)
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(path.parent)


def write_all(
    descriptor: int, data: bytes, *, write: Callable[[int, memoryview], int] = os.write
) -> None:
    """Writes every byte; raises OSError (`ENOSPC`, …) where the system takes no more."""
    rest = memoryview(data)
    while rest:
        rest = rest[write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Makes renames and new names inside `folder` last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Flushes every file and folder under `folder` to the disk, innermost first."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            descriptor = os.open(Path(root, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(root))
