"""status.json: what a run is doing, in one small file that is replaced whole."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from dltui.errors import StoreError
from dltui.runs.atomic import write_atomic
from dltui.runs.clean import printable
from dltui.runs.identity import ProcessIdentity

RunState = Literal[
    "queued",
    "starting",
    "running",
    "paused",
    "stopping",
    "stopped",
    "finished",
    "failed",
    "died",
]
STATES: tuple[RunState, ...] = get_args(RunState)
LIVE_STATES: frozenset[RunState] = frozenset({"starting", "running", "paused", "stopping"})
ENDED_STATES: frozenset[RunState] = frozenset({"stopped", "finished", "failed", "died"})
KILLED = "killed by "
"""How the message of a run begins whose worker was killed on purpose; its state is `stopped`."""


def state_word(state: str, message: str) -> str:
    """The state as a person reads it: `killed` where that is how the run was stopped."""
    return "killed" if state == "stopped" and message.startswith(KILLED) else state


@dataclass(frozen=True, slots=True)
class Best:
    """The best value of the run's main metric so far."""

    metric: str
    value: float
    step: int


@dataclass(frozen=True, slots=True)
class Status:
    """A run at one moment. Times are unix seconds; `epoch` counts passes done, with fraction."""

    state: RunState = "queued"
    name: str = ""
    recipe: str = ""
    """What the user named: a shipped name or a path."""
    task: str = ""
    device: str = ""
    step: int = 0
    steps_total: int | None = None
    epoch: float = 0.0
    epochs_total: float | None = None
    steps_per_epoch: int = 0
    samples_per_step: int = 0
    samples_per_s: float | None = None
    parameters: int | None = None
    created: float = field(default_factory=time.time)
    started: float | None = None
    heartbeat: float | None = None
    elapsed_s: float = 0.0
    """Time spent working, over all attempts, pauses included."""
    attempt: int = 0
    """How often a worker came up for this run."""
    process: ProcessIdentity | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Last value of each metric by its full name, `val/accuracy`."""
    best: Best | None = None
    metric: str | None = None
    """The main metric, the one that `best` follows."""
    checkpoint_step: int | None = None
    message: str = ""
    """Why the run is in this state: the error of a failed run, who stopped it."""
    parent: str | None = None
    """`RUN@STEP` where this run was forked from another."""
    test: Mapping[str, float] = field(default_factory=dict)

    @property
    def epoch_text(self) -> str:
        """`4.3/20`: passes done and to do, to a tenth of one."""
        return epoch_text(self.epoch, self.epochs_total)

    @property
    def progress(self) -> float | None:
        """Share of the steps done, 0 to 1; None where the end is not known."""
        if not self.steps_total:
            return 1.0 if self.state == "finished" else None
        return min(self.step / self.steps_total, 1.0)


def epoch_text(done: float, total: float | None) -> str:
    """`4.0/20`: passes done and to do, to a tenth of one, the same wherever it is read.

    All of them done are `20/20`; before, the width stays as it is from step to step.
    """
    shown = f"{done:.1f}" if not total or done < total else f"{round(done, 1):g}"
    return f"{shown}/{round(total, 1):g}" if total else shown


def write_status(folder: Path, status: Status, *, sync: bool = True) -> None:
    """Replaces `folder/status.json`. `sync=False` for heartbeats: no wait for the disk."""
    plain = _encode(dataclasses.asdict(status))
    write_atomic(folder / "status.json", json.dumps(plain, indent=1, allow_nan=False), sync=sync)


def read_status(folder: Path) -> Status:
    """The run's status, texts made printable. Keys of a newer version are left out.

    Raises StoreError if the file is missing or not a status.
    """
    path = folder / "status.json"
    try:
        return status_from_json(json.loads(path.read_bytes()))
    except OSError as error:
        raise StoreError(f"no readable status: {error.strerror}", where=str(path)) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StoreError(
            f"this is not the status of a run: {printable(str(error))}",
            where=str(path),
            remedy="the file was changed by hand or the disk is damaged; the metrics may be whole",
        ) from error


def status_from_json(plain: Any) -> Status:
    """A Status from decoded JSON; raises ValueError, TypeError or KeyError where it is none."""
    if not isinstance(plain, dict) or plain.get("state") not in STATES:
        raise ValueError("no state")
    known = {key: plain[key] for key in _FIELDS if key in plain}
    known["process"] = ProcessIdentity(**known["process"]) if known.get("process") else None
    known["best"] = Best(**_decode(known["best"])) if known.get("best") else None
    known["metrics"] = _numbers(known.get("metrics") or {})
    known["test"] = _numbers(known.get("test") or {})
    for key, value in known.items():
        if isinstance(value, str):
            known[key] = printable(value, lines=key == "message")
    for key, kinds in _FIELD_KINDS.items():
        if key in known and not isinstance(known[key], kinds):
            raise ValueError(f"{key} is {known[key]!r}")
    return Status(**known)


_FIELDS = tuple(item.name for item in dataclasses.fields(Status))
_NUMBER = (int, float)
_FIELD_KINDS: dict[str, tuple[type, ...]] = {
    "step": (int,),
    "epoch": _NUMBER,
    "steps_total": (int, type(None)),
    "steps_per_epoch": (int,),
    "samples_per_step": (int,),
    "created": _NUMBER,
    "started": (*_NUMBER, type(None)),
    "heartbeat": (*_NUMBER, type(None)),
    "elapsed_s": _NUMBER,
    "name": (str,),
    "recipe": (str,),
    "task": (str,),
    "device": (str,),
    "message": (str,),
}
# JSON has no NaN and no infinity; a diverged run has both.
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _encode(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def _decode(plain: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _NOT_FINITE.get(value, value) if isinstance(value, str) else value
        for key, value in plain.items()
    }


def _numbers(plain: dict[str, Any]) -> dict[str, float]:
    return {
        printable(key): float(value)
        for key, value in _decode(plain).items()
        if isinstance(value, int | float)
    }
