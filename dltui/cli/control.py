"""`dltui pause|resume|stop|kill|checkpoint RUN` and `dltui set RUN lr=3e-4`."""

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
    status = read_status(folder.path)
    if verb == "resume" and effective_state(folder.path, status) in (*ENDED_STATES, "queued"):
        resume_run(folder)
        print(f"{folder.name} starts again; dltui watch {folder.name} shows it")
        return 0
    return _send_and_wait(folder, cast(CommandKind, verb), {})


def set_value(runs: Path, run: str, assignment: str) -> int:
    """`lr=3e-4` on a live run. 1 if the worker refuses."""
    key, separator, text = assignment.partition("=")
    if not separator or key.strip() not in ("lr", "optimizer.lr"):
        raise UsageError(
            f"a live run has no setting {assignment!r}", remedy="dltui set RUN lr=3e-4"
        )
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no number", remedy="dltui set RUN lr=3e-4") from error
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"a learning rate is above 0, {text} is not")
    return _send_and_wait(find_run(runs, run), "set", {"lr": value})


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
