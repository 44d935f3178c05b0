"""Steering a run from outside: commands to its inbox, and the end of its process."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dltui.errors import StoreError, UsageError
from dltui.runs.events import EventLog
from dltui.runs.identity import ProcessIdentity, process_identity
from dltui.runs.inbox import CommandKind, Inbox, user_name
from dltui.runs.layout import RunFolder, open_run
from dltui.runs.living import effective_state, read_launch
from dltui.runs.lock import WorkerLock
from dltui.runs.status import KILLED, LIVE_STATES, read_status, write_status

_DEATH_S = 10.0


def send_command(run: RunFolder, kind: CommandKind, args: Mapping[str, Any] | None = None) -> str:
    """Puts a command into the inbox of a live run; returns the id its acknowledgement carries.

    Raises UsageError if no worker is there to take it.
    """
    run = open_run(run.path)
    state = effective_state(run.path, read_status(run.path))
    if state not in LIVE_STATES:
        raise UsageError(
            f"it has no worker that could {kind}: it is {state}",
            where=run.name,
            remedy=f"dltui resume {run.name} starts it again from its last checkpoint"
            if state in ("stopped", "failed", "died")
            else f"dltui watch {run.name} shows it",
        )
    return Inbox(run.inbox).send(kind, args)


def kill_run(run: RunFolder) -> None:
    """Ends the worker at once, without a checkpoint, and says so in the run.

    Only ever signals the very process that the run names, by a pidfd where the system has them.
    Raises UsageError if the run has no living worker here, StoreError if it does not end.
    """
    run = open_run(run.path)
    status = read_status(run.path)
    state = effective_state(run.path, status)
    process = status.process or read_launch(run.path)
    if state == "starting" and not (process and process.is_running()):
        process = read_launch(run.path)
    if state not in LIVE_STATES or process is None:
        raise UsageError(f"there is nothing to kill: it is {state}", where=run.name)
    if not process.is_local:
        raise UsageError(
            f"its worker runs on {process.host}, not here",
            where=run.name,
            remedy=f"run dltui kill there, or dltui stop {run.name} from here",
        )
    if not kill_process(process, wait_s=_DEATH_S):
        raise StoreError(
            f"process {process.pid} does not end",
            where=run.name,
            remedy="it waits for a device or a disk; try again later",
        )
    _note_death(run)


def kill_process(process: ProcessIdentity, *, wait_s: float) -> bool:
    """Kills exactly this process; True once it is gone, also if it was gone before.

    Raises StoreError if it may not be signalled.
    """
    try:
        if sys.platform == "linux":
            return _kill_by_pidfd(process, wait_s)
        if process.is_running():
            os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError as error:
        raise StoreError(
            f"process {process.pid} may not be signalled", remedy="it runs as another user"
        ) from error
    deadline = time.monotonic() + wait_s
    while process.is_running() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not process.is_running()


def _kill_by_pidfd(process: ProcessIdentity, wait_s: float) -> bool:
    descriptor = os.pidfd_open(process.pid)
    try:
        # The pid may have been reused before it was opened; from here on it cannot be.
        if process_identity(process.pid) != process:
            return True
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(wait_s * 1000))
    finally:
        os.close(descriptor)


def _note_death(run: RunFolder) -> None:
    """The worker cannot say any more how it ended. Its lock makes this the only writer."""
    lock = WorkerLock(run.lock_path)
    if not lock.acquire():
        return  # somebody has started it again meanwhile
    try:
        message = f"{KILLED}{user_name()}"
        status = read_status(run.path)
        write_status(run.path, replace(status, state="stopped", process=None, message=message))
        events = EventLog(run.events)
        events.append(
            "state", message, step=status.step, level="warning", data={"state": "stopped"}
        )
        events.close()
    except OSError as error:
        raise StoreError(
            f"the worker was killed, but that cannot be written down: {error.strerror}",
            where=run.name,
            remedy="free some space; until then the run is shown as died",
        ) from error
    finally:
        lock.release()
