"""What reaches a running worker: commands in its inbox and signals of the system."""

from __future__ import annotations

import math
import signal
import time
from collections import deque
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dltui.runs import Command, Inbox
    from dltui.worker.record import RunRecord

POLL_S = 0.2
_PAUSE_POLL_S = 0.1
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopTraining(Exception):  # noqa: N818  (not an error: the user's wish)
    """The training shall end here, at a step boundary, with a checkpoint."""

    def __init__(self, reason: str, signal_number: int | None = None):
        super().__init__(reason)
        self.reason = reason
        self.signal_number = signal_number


class Controllable(Protocol):
    """What a command may do to a training."""

    step: int

    def save_checkpoint(self, reason: str) -> bool: ...
    def set_learning_rate(self, lr: float) -> None: ...
    def evaluate(self) -> None: ...
    def settable(self) -> Mapping[str, Any]: ...
    def set_option(self, name: str, value: object) -> None: ...


class Control:
    """Looks at the inbox a few times a second, at signals every step."""

    def __init__(self, inbox: Inbox, record: RunRecord):
        self._inbox = inbox
        self._record = record
        self._next_poll_s = 0.0
        self._signal: int | None = None
        self._waiting: deque[Command] = deque()
        self._paused = False

    def listen(self) -> None:
        """Catch SIGTERM, SIGINT and SIGUSR1 (a batch system's warning) from now on."""
        for number in _SIGNALS:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = number

    def obey(self, training: Controllable, now_s: float) -> None:
        """Carry out what was asked since the last step; `now_s` is of `time.perf_counter`.

        Raises StopTraining. Returns from a pause only when resumed.
        """
        if self._signal is None and now_s < self._next_poll_s:
            return
        self._check(training)
        while self._paused:
            time.sleep(_PAUSE_POLL_S)
            self._check(training)
        self._next_poll_s = time.perf_counter() + POLL_S

    def _check(self, training: Controllable) -> None:
        if self._signal is not None:
            name = signal.Signals(self._signal).name
            raise StopTraining(f"stopped by {name}", self._signal)
        # One by one: what follows a command that raises or stops stays to be refused.
        self._waiting.extend(self._inbox.take())
        while self._waiting:
            self._carry_out(self._waiting.popleft(), training)

    def _carry_out(self, command: Command, training: Controllable) -> None:
        match command.kind:
            case "pause":
                self._pause(command, training)
            case "resume":
                self._resume(command, training)
            case "stop":
                self._answer(command, True, training.step, "stopping with a checkpoint")
                raise StopTraining(f"stopped by {command.by or 'the user'}")
            case "checkpoint":
                saved = training.save_checkpoint("asked for")
                detail = f"saved at step {training.step}" if saved else "it could not be written"
                self._answer(command, saved, training.step, detail)
            case "evaluate":
                training.evaluate()
                self._answer(command, True, training.step, f"evaluated at step {training.step}")
            case "set":
                self._set(command, training)
            case _:
                self._answer(command, False, training.step, f"a worker knows no {command.kind!r}")

    def _pause(self, command: Command, training: Controllable) -> None:
        if self._paused:
            self._answer(command, True, training.step, "already paused")
            return
        self._paused = True
        self._record.state("paused", f"paused by {command.by or 'the user'}")
        self._answer(command, True, training.step, f"paused after step {training.step}")

    def _resume(self, command: Command, training: Controllable) -> None:
        if not self._paused:
            self._answer(command, True, training.step, "already running")
            return
        self._paused = False
        self._record.state("running")
        self._answer(command, True, training.step, f"going on after step {training.step}")

    def _set(self, command: Command, training: Controllable) -> None:
        known = ["lr", *training.settable()]
        others = sorted(set(command.args) - set(known))
        if others or not command.args:
            what = ", ".join(others) or "nothing"
            text = f"only {', '.join(known)} can be set in this run, not {what}"
            self._answer(command, False, training.step, text)
            return
        try:
            told = [self._set_one(name, value, training) for name, value in command.args.items()]
        except ValueError as error:
            self._answer(command, False, training.step, str(error))
            return
        self._answer(command, True, training.step, ", ".join(told))

    @staticmethod
    def _set_one(name: str, value: object, training: Controllable) -> str:
        if name != "lr":
            training.set_option(name, value)
            return f"{name} {value}"
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 < value < math.inf
        ):
            raise ValueError(f"lr must be a number above 0, not {value!r}")
        training.set_learning_rate(float(value))
        return f"lr {value:g} from step {training.step + 1}"

    def refuse_rest(self, reason: str) -> None:
        """Answer what is still in the inbox when the training is over."""
        self._waiting.extend(self._inbox.take())
        while self._waiting:
            self._answer(self._waiting.popleft(), False, self._record.step, reason)

    def _answer(self, command: Command, ok: bool, step: int, detail: str) -> None:
        self._inbox.acknowledge(command, ok=ok, detail=detail, step=step)
