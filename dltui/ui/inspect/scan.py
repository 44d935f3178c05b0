"""The values of the whole file, read in the background with progress, until it is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dltui.errors import DltuiError
from dltui.inspect.contents import distinct
from dltui.records import record
from dltui.ui.inspect.opening import OpenedFile

if TYPE_CHECKING:
    from dltui.inspect.findings import Finding

UNASKED_BYTES = 256_000_000
"""Files of at most this size are checked without being asked, as `dltui inspect --json` does."""
UNASKED_TENSORS = 2_000
"""Each costs about a millisecond, however small it is."""
_TELL_EVERY_S = 0.2


@record
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
        self._told_at_s = 0.0
        self._thread = threading.Thread(target=self._run, name="scan", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends it soon; what was read stays."""
        self._stop.set()

    def _run(self) -> None:
        from dltui.inspect.findings import value_findings
        from dltui.inspect.survey import survey

        checkpoint, known = self.file.checkpoint, self.file.statistics
        tensors = [t for t in distinct(checkpoint.tensors) if t.place is not None]
        left = [tensor for tensor in tensors if tensor.name not in known]
        total = sum(tensor.size_bytes for tensor in tensors)
        before = total - sum(tensor.size_bytes for tensor in left)
        problem = ""
        findings: tuple[Finding, ...] = ()
        try:
            for tensor, found in survey(
                checkpoint,
                left,
                on_progress=lambda done, _: self._told(before + done, total),
                cancelled=self._stop.is_set,
            ):
                if isinstance(found, DltuiError):
                    problem = problem or str(found)
                else:
                    known[tensor.name] = found
            if self._stop.is_set():
                return
            findings = value_findings(checkpoint, known)
        except (DltuiError, MemoryError) as error:
            problem = problem or str(error)
        if not self._stop.is_set():
            self._tell(self, Progress(total, total, True, findings, problem))

    def _told(self, seen: int, total: int) -> None:
        """Tells how far it is, at most so often."""
        now = time.monotonic()
        if now - self._told_at_s >= _TELL_EVERY_S:
            self._told_at_s = now
            self._tell(self, Progress(seen, total))
