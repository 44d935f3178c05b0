"""`dltui pause|resume|stop|kill|checkpoint RUN` and `dltui set RUN NAME=VALUE`."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Literal, cast

from dltui.errors import UsageError
from dltui.launch import kill_run, resume_run, send_command
from dltui.runs.catalogue import find_run
from dltui.runs.events import Event, EventReader
from dltui.runs.inbox import CommandKind
from dltui.runs.layout import RunFolder
from dltui.runs.living import effective_state
from dltui.runs.status import ENDED_STATES, read_status

Verb = Literal["pause", "resume", "stop", "kill", "checkpoint"]
# A command takes effect between two steps, and a step of a large model can take a while.
ANSWER_S = 30.0
_POLL_S = 0.05


def send(runs: Path, run: str, verb: str) -> int:
    """Carries out a verb on a run. 1 if the worker refuses."""
    folder = find_run(runs, run)
    if verb == "kill":
        kill_run(folder)
        print(f"{folder.name} is killed; dltui resume {folder.name} goes on from its checkpoint")
        return 0
    if verb == "resume" and _is_at_rest(folder):
        resume_run(folder)
        print(f"{folder.name} starts again; dltui watch {folder.name} shows it")
        return 0
    return _send_and_wait(folder, cast(CommandKind, verb), {})


def _is_at_rest(folder: RunFolder) -> bool:
    """Whether no worker is left that could go on; waits for one that is about to stop.

    `dltui stop RUN && dltui resume RUN` comes while the worker still writes its checkpoint.
    """
    deadline = time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        state = effective_state(folder.path, read_status(folder.path))
        if state in (*ENDED_STATES, "queued"):
            return True
        if state == "paused" or not _was_told_to_stop(folder):
            return False
        time.sleep(_POLL_S)
    return False


def _was_told_to_stop(folder: RunFolder) -> bool:
    """Whether the newest attempt has taken a stop command."""
    reader = EventReader(folder.events)
    reader.poll()
    for event in reversed(reader.events):
        if event.kind == "state" and event.data.get("state") == "starting":
            return False
        if event.kind == "command" and event.data.get("kind") == "stop":
            return True
    return False


def set_value(runs: Path, run: str, assignment: str) -> int:
    """`lr=3e-4`, or what else the run's task can change, on a live run. 1 if the worker refuses."""
    key, separator, text = assignment.partition("=")
    name = key.strip().removeprefix("optimizer.")
    if not separator or not name.isidentifier():
        raise UsageError(f"{assignment!r} sets nothing", remedy="dltui set RUN lr=3e-4")
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no number", remedy="dltui set RUN lr=3e-4") from error
    if not math.isfinite(value):
        raise UsageError(f"{name} must be finite, {text} is not")
    if name == "lr" and value <= 0:
        raise UsageError(f"a learning rate is above 0, {text} is not")
    return _send_and_wait(find_run(runs, run), "set", {name: value})


def _send_and_wait(folder: RunFolder, kind: CommandKind, args: dict[str, float]) -> int:
    reader = EventReader(folder.events)
    reader.poll()
    seen = len(reader.events)
    command = send_command(folder, kind, args)
    deadline = time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        reader.poll()
        for event in reader.events[seen:]:
            if event.kind == "command" and event.data.get("id") == command:
                return _tell(folder, event)
        seen = len(reader.events)
        if effective_state(folder.path, read_status(folder.path)) in ENDED_STATES:
            print(f"dltui: {folder.name} ended before it could {kind}", file=sys.stderr)
            return 1
        time.sleep(_POLL_S)
    print(
        f"dltui: {folder.name} has not answered within {ANSWER_S:.0f} s;"
        " the command waits for its next step",
        file=sys.stderr,
    )
    return 0


def _tell(folder: RunFolder, event: Event) -> int:
    ok = bool(event.data.get("ok"))
    print(f"{folder.name}: {event.message}", file=sys.stdout if ok else sys.stderr)
    return 0 if ok else 1
