"""The thread that reads what is looked at: a newer wish ends the one before.

Values are read when they are looked at and never before; what was once computed is kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any

from dltui.errors import DltuiError
from dltui.inspect.contents import Checkpoint
from dltui.records import record

if TYPE_CHECKING:
    from dltui.inspect.values import Values

KEPT = 64
"""Results that are kept: those looked at last."""

Cancelled = Callable[[], bool]
Work = Callable[["Values", Cancelled], Iterator[Any]]
"""Yields results, each better than the one before; ends early once `Cancelled` says so."""


@record
class Reading:
    """What a wish has come to so far."""

    key: Hashable
    result: Any
    is_done: bool
    problem: str = ""


class ValueReader:
    """Works on one wish at a time; `deliver` is called from the thread."""

    def __init__(self, checkpoint: Checkpoint, deliver: Callable[[Reading], None]):
        self.checkpoint = checkpoint
        self._deliver = deliver
        self._kept: OrderedDict[Hashable, Reading] = OrderedDict()
        self._wanted: tuple[Hashable, Work] | None = None
        self._current: Hashable | None = None
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def known(self, key: Hashable) -> Reading | None:
        """What was computed before."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def want(self, key: Hashable, work: Work) -> None:
        """Asks for a result; whatever was asked for before is given up."""
        with self._changed:
            if key == self._current and self._wanted is None:
                return
            self._wanted = (key, work)
            self._current = key
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inspect", daemon=True)
                self._thread.start()
            self._changed.notify()

    def give_up(self) -> None:
        """Nothing is looked at any more."""
        with self._changed:
            self._wanted, self._current = None, None

    def close(self) -> None:
        """Ends the thread as soon as its present step is done."""
        with self._changed:
            self._is_closed = True
            self._wanted, self._current = None, None
            self._changed.notify()

    def _run(self) -> None:
        # numpy comes with it, which the first frame does not wait for.
        from dltui.inspect.values import Values

        with Values(self.checkpoint) as values:
            while True:
                with self._changed:
                    while self._wanted is None and not self._is_closed:
                        self._changed.wait()
                    if self._is_closed or self._wanted is None:
                        return
                    key, work = self._wanted
                    self._wanted = None
                self._work(values, key, work)

    def _work(self, values: Values, key: Hashable, work: Work) -> None:
        result: Any = None
        try:
            for result in work(values, lambda: self._current != key):
                if self._current != key:
                    return
                self._deliver(Reading(key, result, is_done=False))
        except (DltuiError, MemoryError) as error:
            problem = str(error) or "this tensor does not fit into memory"
            self._deliver(Reading(key, result, is_done=True, problem=problem))
            return
        finally:
            with self._changed:
                if self._current == key and self._wanted is None:
                    self._current = None
        reading = Reading(key, result, is_done=True)
        self._kept[key] = reading
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self._deliver(reading)
