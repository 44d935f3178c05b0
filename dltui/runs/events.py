"""events.jsonl: what happened in a run, one JSON object a line."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from dltui.errors import StoreError
from dltui.runs.append import Alarm, AppendFile, PositionedWrite, ignore_alarm
from dltui.runs.clean import clean_json, printable

EventKind = Literal[
    "state",
    "log",
    "command",
    "checkpoint",
    "learning_rate",
    "finding",
    "alarm",
    "evaluation",
]
EventLevel = Literal["info", "warning", "error"]
_KINDS = get_args(EventKind)
_LEVELS = get_args(EventLevel)
_BLOCK_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log pane. `time` is unix seconds; `data` depends on `kind`."""

    time: float
    step: int | None
    kind: EventKind
    level: EventLevel
    message: str
    data: Mapping[str, Any]


class EventLog:
    """The writer of events.jsonl; one process at a time."""

    def __init__(
        self, path: Path, *, alarm: Alarm = ignore_alarm, write: PositionedWrite = os.pwrite
    ):
        """Opens or makes the log; a torn last line is cut off. Raises StoreError if it cannot."""
        self._file = AppendFile(path, b"", _end_of_last_line, alarm=alarm, write=write)

    def append(
        self,
        kind: EventKind,
        message: str,
        *,
        step: int | None = None,
        level: EventLevel = "info",
        data: Mapping[str, Any] | None = None,
        time_s: float | None = None,
    ) -> Event:
        """Adds one event, `time_s` defaulting to now."""
        event = Event(
            time.time() if time_s is None else time_s, step, kind, level, message, data or {}
        )
        self._file.append(event_line(event))
        return event

    def flush(self) -> bool:
        """Tries to write what waits in memory; True if nothing waits."""
        return self._file.flush()

    def close(self) -> None:
        self._file.close()


class EventReader:
    """Reads events.jsonl while it grows, whole lines only."""

    def __init__(self, path: Path):
        """`path` need not exist yet."""
        self.path = path
        self.events: list[Event] = []
        self.damaged = 0
        """Lines left out because they are no event."""
        self._offset = 0

    def poll(self) -> bool:
        """Reads new lines; True if there were any."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    self.events, self.damaged, self._offset = [], 0, 0
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(
                f"cannot read the events: {error.strerror}", where=str(self.path)
            ) from error
        end = data.rfind(b"\n") + 1
        self._offset += end
        for line in data[:end].splitlines():
            event = parse_event(line)
            if event is None:
                self.damaged += 1
            else:
                self.events.append(event)
        return end > 0


def event_line(event: Event) -> bytes:
    """The event as one line of JSON; NaN and infinity become null."""
    plain = {
        "time": event.time,
        "step": event.step,
        "kind": event.kind,
        "level": event.level,
        "message": event.message,
        "data": event.data,
    }
    try:
        text = json.dumps(plain, allow_nan=False)
    except ValueError:
        text = json.dumps(json.loads(json.dumps(plain), parse_constant=lambda _: None))
    return text.encode() + b"\n"


def parse_event(line: bytes) -> Event | None:
    """The event on a line, texts made printable; None if it is none."""
    try:
        plain = json.loads(line)
        event = Event(
            float(plain["time"]),
            None if plain["step"] is None else int(plain["step"]),
            plain["kind"],
            plain["level"],
            printable(plain["message"], lines=True),
            clean_json(plain["data"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None
    known = event.kind in _KINDS and event.level in _LEVELS
    return event if known and isinstance(event.data, dict) else None


def _end_of_last_line(descriptor: int) -> int:
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(end - _BLOCK_BYTES, 0)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
