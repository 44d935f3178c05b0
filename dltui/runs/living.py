"""Whether the worker of a run lives, from its lock and its identity."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from dltui.runs.atomic import write_atomic
from dltui.runs.identity import ProcessIdentity
from dltui.runs.lock import look_at_lock
from dltui.runs.status import LIVE_STATES, RunState, Status, read_status

Liveness = Literal["alive", "dead"]

# How long a worker may take from its start to its lock, torch's import on a slow disk included.
START_S = 120.0
# Without a lock to look at (another machine, no lock server) only the heartbeat speaks.
SILENCE_S = 60.0


def liveness(folder: Path, status: Status, *, now: float | None = None) -> Liveness:
    """Whether the worker that `status` speaks of is there.

    Alive means that it holds the run's lock and that (boot id, pid, start time) agree, so that a
    process that only stands in the status is never taken for the worker. A worker
    of another machine or container is judged by the lock, or by its heartbeat where locks do not
    reach. A run that is starting is alive while the process that was launched for it is.
    """
    now = time.time() if now is None else now
    lock, holder = look_at_lock(folder / "worker.lock")
    if status.state == "starting":
        return "alive" if lock == "held" or _is_coming_up(folder, status, now) else "dead"
    if status.process is None:
        return "alive" if lock == "held" else "dead"
    # A clock that went back makes heartbeats of the future; those are no sign of life either.
    fresh = abs(now - (status.heartbeat or 0.0)) < SILENCE_S
    if not status.process.is_local:
        return "alive" if lock == "held" or fresh else "dead"
    if lock == "unknown":
        return "alive" if status.process.is_running() else "dead"
    agrees = holder in (None, status.process.pid)
    return "alive" if lock == "held" and agrees and status.process.is_running() else "dead"


def effective_state(folder: Path, status: Status) -> RunState:
    """The state as a person should see it: `died` where the status says live and nobody is."""
    if status.state not in LIVE_STATES or liveness(folder, status) == "alive":
        return status.state
    # The worker may have ended properly between the reading of the status and the look at it.
    now = read_status(folder)
    return "died" if now == status else effective_state(folder, now)


def write_launch(folder: Path, process: ProcessIdentity, command: list[str]) -> None:
    """Notes which process was launched for the run, before that process can say so itself."""
    record = {"process": asdict(process), "command": command, "time": time.time()}
    write_atomic(folder / "launch.json", json.dumps(record, indent=1))


def read_launch(folder: Path) -> ProcessIdentity | None:
    """The process launched last for the run; None if none was, or the note is damaged."""
    try:
        record: Any = json.loads((folder / "launch.json").read_bytes())
        return ProcessIdentity(**record["process"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _is_coming_up(folder: Path, status: Status, now: float) -> bool:
    recent = abs(now - max(status.created, status.heartbeat or 0.0)) < START_S
    launched = read_launch(folder) or status.process
    return launched.is_running() if launched is not None and launched.is_local else recent
