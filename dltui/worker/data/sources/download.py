"""Downloads by torchvision's own code: retried, and never half-used.

A set is made in a folder beside its place and moved there when it has been read once, so that
what is in the place is complete.
"""

from __future__ import annotations

import errno
import http.client
import shutil
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from dltui.errors import DataError
from dltui.worker.data.batches import Say

PAUSES_S = (1.0, 5.0)
"""Waits between the tries of a download; one try more than waits."""

BROKEN = (
    OSError,
    RuntimeError,
    ValueError,
    AssertionError,
    EOFError,
    KeyError,
    IndexError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    http.client.HTTPException,
)
"""What torchvision raises for a failed download and for files that are cut off or changed."""

_HOPELESS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "it may not be written",
    errno.EROFS: "it is read-only",
}


class _Load(Protocol):
    def __call__(self, folder: Path, *, download: bool) -> list[Any]: ...


def fetched(
    name: str, place: Path, load: _Load, *, download: bool, size_mb: int, say: Say | None
) -> list[Any]:
    """The result of `load(place)`, after a download where the set is missing or broken.

    Raises `DataError` with what to do when that cannot be had.
    """
    say = say or _silent
    if place.is_dir():
        try:
            return load(place, download=False)
        except BROKEN as error:
            if not download:
                raise _not_usable(name, place, f"is damaged: {error}") from error
            say(f"{name} in {place} is damaged ({error}): downloading it again")
    elif not download:
        raise _not_usable(name, place, "is not there")
    with _workplace(name, place) as folder:
        loaded = _downloaded(name, folder, load, size_mb, say)
        if place.is_dir():
            shutil.rmtree(place)
        folder.rename(place)
    say(f"{name} is in {place}")
    return loaded


def _downloaded(name: str, folder: Path, load: _Load, size_mb: int, say: Say) -> list[Any]:
    say(f"downloading {name}, about {size_mb:,} MB")
    tries = len(PAUSES_S) + 1
    for number in range(1, tries + 1):
        try:
            with _progress_lines(name, say):
                return load(folder, download=True)
        except BROKEN as error:
            _empty(folder)
            if isinstance(error, OSError) and error.errno in _HOPELESS:
                raise _cannot_write(folder.parent, error) from error
            say(f"download of {name} failed, try {number} of {tries}: {error}")
            if number == tries:
                raise DataError(
                    f"{name} could not be downloaded: {error}",
                    where=str(folder.parent),
                    remedy="Check the connection and try again, or copy a torchvision download "
                    "of the set there.",
                ) from error
            time.sleep(PAUSES_S[number - 1])
    raise AssertionError("the last try returns or raises")


@contextmanager
def _workplace(name: str, place: Path) -> Iterator[Path]:
    """A folder beside `place`, gone afterwards if it has not been moved."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place.parent))
    except OSError as error:
        raise _cannot_write(place.parent, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)


def _cannot_write(folder: Path, error: OSError) -> DataError:
    why = _HOPELESS.get(error.errno or 0, str(error))
    return DataError(
        f"the download cannot be kept: {why}",
        where=str(folder),
        remedy="Choose another folder with DLTUI_DATA or data.cache.",
    )


def _not_usable(name: str, place: Path, why: str) -> DataError:
    return DataError(
        f"{name} {why}", where=str(place), remedy="Set data.download to true, or data.cache."
    )


def _silent(line: str) -> None:
    """Nobody asked for progress."""


@contextmanager
def _progress_lines(name: str, say: Say) -> Iterator[None]:
    """Turns torchvision's progress bar into lines: a bar has no place in a log file."""
    from torchvision.datasets import utils

    bar = getattr(utils, "tqdm", None)
    if bar is None:
        yield
        return

    def lines(*args: Any, total: int | None = None, **_: Any) -> _ProgressLines:
        return _ProgressLines(name, total, say)

    utils.tqdm = lines
    try:
        yield
    finally:
        utils.tqdm = bar


class _ProgressLines:
    """Says how much of a file has come, at most every two seconds."""

    def __init__(self, name: str, total: int | None, say: Say) -> None:
        self._name = name
        self._total = total
        self._say = say
        self._bytes = 0
        self._said_at = time.monotonic()

    def __enter__(self) -> _ProgressLines:
        return self

    def __exit__(self, *error: object) -> None:
        self._tell()

    def update(self, size: int) -> None:
        """`size` more bytes have come."""
        self._bytes += size
        if time.monotonic() - self._said_at > 2:
            self._tell()

    def _tell(self) -> None:
        self._said_at = time.monotonic()
        done = f"{self._bytes / 1e6:,.1f}"
        of = f" of {self._total / 1e6:,.1f}" if self._total else ""
        self._say(f"{self._name}: {done}{of} MB")
