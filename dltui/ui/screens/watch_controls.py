"""What a person may ask of a run, when it applies, and how it is asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from dltui.runs.layout import RunFolder
from dltui.ui.screens.dialogs import Ask
from dltui.ui.snapshot import Snapshot

Control = Literal["pause", "resume", "stop", "checkpoint", "set", "kill", "restart"]
_APPLIES: dict[Control, tuple[str, ...]] = {
    "pause": ("starting", "running"),
    "resume": ("paused",),
    "stop": ("queued", "starting", "running", "paused"),
    "checkpoint": ("starting", "running", "paused"),
    "set": ("starting", "running", "paused"),
    "kill": ("queued", "starting", "running", "paused", "stopping"),
    "restart": ("stopped", "failed", "died"),
}
_WORDS: dict[Control, str] = {
    "pause": "pause",
    "resume": "resume",
    "stop": "stop",
    "checkpoint": "checkpoint",
    "set": "change the learning rate",
    "kill": "kill",
    "restart": "resume from the last checkpoint",
}


def why_not(control: Control, snapshot: Snapshot | None, *, word: str = "") -> str | None:
    """Why a control does not apply to the run now; None where it does. `word` names it."""
    if snapshot is None:
        return "the run has not been read yet"
    if snapshot.state in _APPLIES[control]:
        return None
    word = word or _WORDS[control]
    if control == "restart" and snapshot.state == "finished":
        return "the run is finished; a fork (dltui train --fork) trains on from its checkpoint"
    if control == "restart":
        return f"the run is {snapshot.state}: there is nothing to {word}"
    if snapshot.live:
        return f"cannot {word} while the run is {snapshot.state}"
    return f"cannot {word}: the run is {snapshot.state}, no worker is there to do it"


def farewell(snapshot: Snapshot | None, *, stopping: bool) -> str:
    """What becomes of the run when the screen is left; empty where it has ended.

    `stopping`: it has been asked to, whether or not the worker has got so far.
    """
    if snapshot is None or not snapshot.live:
        return ""
    name = snapshot.name
    if stopping or snapshot.state == "stopping":
        return f"{name} is stopping after saving a checkpoint; dltui resume {name} goes on from it"
    if snapshot.state == "paused":
        return f"{name} stays paused; dltui resume {name} lets it go on"
    return f"{name} goes on training; dltui watch shows it again"


def learning_rate_problem(text: str) -> str | None:
    """What is wrong with a learning rate typed by a person; None where it will do."""
    try:
        rate = float(text)
    except ValueError:
        return f"{text!r} is not a number; write it like 3e-4 or 0.0003"
    if not math.isfinite(rate) or rate <= 0:
        return "a learning rate is finite and not negative"
    if rate > 1000:
        return "more than 1000 cannot be meant"
    return None


def temperature_problem(text: str) -> str | None:
    """What is wrong with a temperature typed by a person; None where it will do."""
    try:
        temperature = float(text)
    except ValueError:
        return f"{text!r} is not a number; write it like 0.7"
    if not 0 <= temperature <= 2:
        return "a temperature is from 0 (always the likeliest) to 2 (wild)"
    return None


def temperature_question(now: float) -> Ask:
    """Asks for a temperature; `now` is the newest sample's, NaN where there is none."""
    known = f" (now {now:g})" if now == now else ""
    return Ask(
        f"New temperature{known}, 0 to 2: low is careful, high is bold. A sample comes at once.",
        value=f"{now:g}" if now == now else "0.8",
        title="temperature",
        check=temperature_problem,
    )


def send(folder: Path, control: Control, args: Mapping[str, Any] | None = None) -> None:
    """Puts a command into the run's inbox. Raises DltuiError."""
    from dltui.launch import send_command

    if control == "kill" or control == "restart":
        raise ValueError(f"{control} does not go through the inbox")
    send_command(RunFolder(folder), control, args)


def kill(folder: Path) -> str:
    """Ends the worker at once, without a checkpoint; says so. Raises DltuiError."""
    from dltui.launch import kill_run

    kill_run(RunFolder(folder))
    return "the worker was killed"


def restart(folder: Path) -> str:
    """Starts a worker that goes on from the last checkpoint; says so. Raises DltuiError."""
    from dltui.launch import resume_run

    resume_run(RunFolder(folder))
    return "a new worker goes on from the last checkpoint"


def export(folder: Path, to: Path) -> str:
    """Writes all metrics of the run to `to` as CSV; says how many rows. Raises DltuiError."""
    from dltui.runs.export import to_csv, whole_file
    from dltui.runs.reader import RunReader

    reader = RunReader(RunFolder(folder))
    reader.poll()
    with whole_file(to) as stream:
        rows = to_csv(reader, stream)
    return f"{rows:,} rows written to {to}"
