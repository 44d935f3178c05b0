"""A process that reads one HDF5 file for this one; see `hdf5_child.py` for why."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dltui.closing import Closing
from dltui.errors import CheckpointError
from dltui.inspect.source import Source

LISTING_MEMORY_BYTES = 140 << 20
"""What the child may take; with the 45 MB of its libraries less than 200 MB."""

VALUES_MEMORY_BYTES = 1 << 30
"""The same when it reads values, whose compressed chunks may be large."""

_ANSWER_TIMEOUT_S = 60.0
_MAX_LINE_BYTES = 32 << 20
_AT_ONCE = 1 << 16
_CHILD = Path(__file__).with_name("hdf5_child.py")


class Hdf5Process(Closing):
    """Answers requests about the HDF5 file in a range of a source, until it is closed.

    Raises CheckpointError if h5py is not installed, if the library fails on the file, ends, or does
    not answer in a minute.
    """

    def __init__(self, source: Source, begin: int, size: int, memory_bytes: int):
        self._where = str(source.path)
        arguments = [str(number) for number in (source.fileno(), begin, size, memory_bytes)]
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_CHILD), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[source.fileno()],
            # One thread, for memory; and no filter from a library that the file names.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"},
        )
        assert self._process.stdin
        assert self._process.stdout
        self._requests = self._process.stdin
        self._answers = self._process.stdout.fileno()
        self._buffer = bytearray()
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def listing(self) -> Iterator[dict[str, Any]]:
        """Records of attributes, datasets and notes, in the order of the file."""
        self._ask({})
        while True:
            record, _ = self._answer()
            if "end" in record:
                return
            yield record

    def rows(self, path: str, first: int, count: int) -> bytes:
        """The elements of some rows of a dataset, in the file's byte order; of a scalar its one."""
        self._ask({"path": path, "first": first, "rows": count})
        return self._answer()[1]

    def _ask(self, request: dict[str, Any]) -> None:
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        except OSError as error:
            raise self._ended() from error

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + _ANSWER_TIMEOUT_S
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MAX_LINE_BYTES:
                raise self._refused("it has more to say of one place than is read here")
            self._more(deadline)
        record: dict[str, Any] = json.loads(self._buffer[:end])
        size = record["bytes"]
        while len(self._buffer) < end + 1 + size:
            self._more(deadline)
        data = bytes(self._buffer[end + 1 : end + 1 + size])
        del self._buffer[: end + 1 + size]
        if "missing" in record:
            raise CheckpointError(
                "this HDF5 file is read with the h5py package, which is not installed here",
                where=self._where,
                remedy='pip install "dltui[hdf5]"',
            )
        if "error" in record:
            raise self._refused(str(record["error"]))
        return record, data

    def _more(self, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            raise self._refused(f"the HDF5 library took longer than {_ANSWER_TIMEOUT_S:.0f} s")
        data = os.read(self._answers, _AT_ONCE)
        if not data:
            raise self._ended()
        self._buffer += data

    def _ended(self) -> CheckpointError:
        return self._refused(f"the HDF5 library failed on it (exit code {self._process.wait(5)})")

    def _refused(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"this HDF5 file is damaged or takes too much: {what}",
            where=self._where,
            remedy="copy or download it again",
        )

    def close(self) -> None:
        """End the process; a second time is harmless."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self._process.wait()
