"""The values of the whole file, read in the background with progress, until it is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.errors import DltuiError
from dltui.inspect.contents import Tensor, distinct
from dltui.ui.inspect.opening import OpenedFile

if TYPE_CHECKING:
    from dltui.inspect.findings import Finding
    from dltui.inspect.values import Values

UNASKED_BYTES = 256_000_000
"""Files of at most this size are checked without being asked, as `dltui inspect --json` does."""
_TELL_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the scan is."""

    seen_bytes: int
    all_bytes: int
    is_done: bool = False
    findings: tuple[Finding, ...] = ()
    """What all values together show, at the end."""
    problem: str = ""


class Scan:
    """Reads the statistics of every tensor into `file.statistics`; `tell` is called from its
    thread."""

    def __init__(self, file: OpenedFile, tell: Callable[[Scan, Progress], None]):
        self.file = file
        self._tell = tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scan", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends it soon; what was read stays."""
        self._stop.set()

    def _run(self) -> None:
        from dltui.inspect.findings import value_findings
        from dltui.inspect.values import Values

        checkpoint, known = self.file.checkpoint, self.file.statistics
        tensors = [t for t in distinct(checkpoint.tensors) if t.place is not None]
        total = sum(tensor.size_bytes for tensor in tensors)
        seen, told, problem = 0, 0.0, ""
        with Values(checkpoint) as values:
            for tensor in tensors:
                if tensor.name not in known:
                    try:
                        told = self._read(values, tensor, (told, seen, total))
                    except (DltuiError, MemoryError) as error:
                        problem = problem or str(error)
                if self._stop.is_set():
                    return
                seen += tensor.size_bytes
                told = self._told(told, seen, total)
        findings: tuple[Finding, ...] = ()
        try:
            findings = value_findings(checkpoint, known)
        except (DltuiError, MemoryError) as error:
            problem = problem or str(error)
        if not self._stop.is_set():
            self._tell(self, Progress(total, total, True, findings, problem))

    def _read(self, values: Values, tensor: Tensor, at: tuple[float, int, int]) -> float:
        """The statistics of one tensor; when it told last how far it is."""
        from dltui.inspect.statistics import refining

        told, seen, total = at
        for found in refining(values, tensor, self._stop.is_set):
            if not found.partial:
                self.file.statistics[tensor.name] = found
            told = self._told(told, seen + _part(tensor, found.seen), total)
        return told

    def _told(self, told: float, seen: int, total: int) -> float:
        """Tells how far it is, at most so often; when it told last."""
        now = time.monotonic()
        if now - told < _TELL_EVERY_S:
            return told
        self._tell(self, Progress(seen, total))
        return now


def _part(tensor: Tensor, seen: int) -> int:
    return tensor.size_bytes * seen // max(1, tensor.elements)
