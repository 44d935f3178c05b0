"""The difference of two files, found in a thread with progress."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.errors import DltuiError
from dltui.inspect.contents import Checkpoint
from dltui.inspect.opening import open_checkpoint

if TYPE_CHECKING:
    from dltui.inspect.diff import Difference


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far it is, and what it found in the end."""

    done_bytes: int = 0
    all_bytes: int = 0
    a: Checkpoint | None = None
    b: Checkpoint | None = None
    difference: Difference | None = None
    problem: str = ""


class Comparing:
    """Opens two files and compares them; `tell` is called from its thread."""

    def __init__(self, a: Path, b: Path, tell: Callable[[Comparison], None]):
        self.a, self.b = a, b
        self._tell = tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="diff", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends it soon; what was not compared is said to be so."""
        self._stop.set()

    def _run(self) -> None:
        try:
            a, b = open_checkpoint(self.a), open_checkpoint(self.b)
            self._tell(Comparison(a=a, b=b))
            from dltui.inspect.diff import diff

            found = diff(a, b, self._progress, self._stop.is_set)
        except (DltuiError, MemoryError) as error:
            self._tell(Comparison(problem=str(error) or "not enough memory"))
            return
        self._tell(Comparison(a=a, b=b, difference=found))

    def _progress(self, done: int, total: int) -> None:
        self._tell(Comparison(done, total))
