"""Following a run in plain lines, for scripts, pipes and screen readers."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.text import Text

from dltui import errors
from dltui.cli.runs import duration_text
from dltui.errors import UsageError
from dltui.launch import send_command
from dltui.runs.catalogue import find_run
from dltui.runs.clean import printable
from dltui.runs.layout import RunFolder
from dltui.runs.reader import RunReader
from dltui.runs.status import ENDED_STATES, RunState, Status, epoch_text, state_word

_POLL_S = 0.25
_LINE_S = 5.0
_LOG_LINES = 20
_QUIET_KINDS = ("evaluation",)


def watch_plain(runs: Path, run: str) -> int:
    """Prints what happens in a run until it ends, beginning with its past.

    0 if it finished or was stopped, 1 if it failed or died, 2 if its data or recipe let it do no
    step at all. Ctrl-C ends the watching only.
    """
    # numpy and the charts: only those who watch need them.
    from dltui.cli.outcomes import OutcomeTeller

    reader = RunReader(find_run(runs, run))
    follower = Follower(reader, print_line, outcomes=OutcomeTeller(reader).lines)
    state = follower.follow()
    return _conclude(follower.reader, state)


def follow_headless(run: RunFolder, *, wait_s: float | None = None) -> int:
    """Follows a run that was started here until it ends, with a bar if this is a terminal.

    Ctrl-C and SIGTERM stop the run with a checkpoint; the exit codes are 130 and 143 then. A
    second one leaves at once. `wait_s` bounds the wait after the first.
    """
    reader = RunReader(run)
    with terminable() as ended_by:
        try:
            if sys.stdout.isatty():
                from dltui.cli.progress import follow_with_bar

                state = follow_with_bar(reader)
            else:
                state = Follower(reader, print_line).follow()
        except KeyboardInterrupt:
            _stop(reader, wait_s)
            return 128 + ended_by()
    return _conclude(reader, state)


class Follower:
    """Turns what is new in a run into lines."""

    def __init__(
        self,
        reader: RunReader,
        say: Callable[[str], None],
        *,
        with_progress: bool = True,
        outcomes: Callable[[], Iterable[tuple[float, str]]] = lambda: (),
    ):
        """`say` gets each line; `with_progress` adds one every few seconds of training.

        `outcomes` gives (unix seconds, line) of what evaluations left since it was last asked.
        """
        self._outcomes = outcomes
        self.reader = reader
        self._with_progress = with_progress
        self._say = say
        self._events = 0
        self._evaluated: dict[str, int] = {}
        self._next_line = 0.0

    def follow(self) -> RunState:
        """Polls until the run has ended; returns the state in which it ended."""
        while True:
            state = poll_to_the_end(self.reader)
            self.tell()
            if state in ENDED_STATES:
                return state
            time.sleep(_POLL_S)

    def tell(self) -> None:
        """Says what the last poll brought, in the order in which it happened."""
        lines = [*self._events_text(), *self._evaluations("val"), *self._evaluations("test")]
        lines += self._outcomes()
        for time_s, line in sorted(lines, key=lambda item: item[0]):
            self._say(f"{clock(time_s)}  {line}")
        is_due = self._with_progress and time.monotonic() >= self._next_line
        if is_due and self.reader.status.state == "running":
            self._next_line = time.monotonic() + _LINE_S
            self._say(f"{clock(time.time())}  {progress_text(self.reader.status)}")

    def _events_text(self) -> Iterator[tuple[float, str]]:
        for event in self.reader.events[self._events :]:
            if event.kind not in _QUIET_KINDS:
                level = "" if event.level == "info" else f"{event.level}: "
                at = "" if event.step is None else f"step {event.step:,}  "
                yield event.time, f"{at}{level}{event.message}"
        self._events = len(self.reader.events)

    def _evaluations(self, group: str) -> Iterator[tuple[float, str]]:
        table = self.reader.metric_reader(group)
        if table is None or not len(table.steps):
            return
        steps = table.steps.tolist()
        known = self._evaluated.get(group, -1)
        for row, step in enumerate(steps):
            if step > known:
                values = zip(table.columns, table.values[row].tolist(), strict=True)
                shown = "  ".join(f"{group}/{name} {value:.4g}" for name, value in values)
                place = _epoch(self.reader.status, step)
                yield float(table.times[row]), f"{place}  {shown}"
        self._evaluated[group] = steps[-1]


def poll_to_the_end(reader: RunReader) -> RunState:
    """Polls; of a run that has ended everything is read then, however it was written."""
    reader.poll()
    state = reader.state
    if state in ENDED_STATES:
        reader.poll()
    return state


def progress_text(status: Status) -> str:
    """`epoch 4.0/20  step 1,204  train/loss 0.083  52,700 samples/s  20 %`"""
    parts = [_epoch(status, status.step), f"step {status.step:,}"]
    parts += [
        f"{name} {value:.4g}"
        for name, value in status.metrics.items()
        if name in ("train/loss", "train/lr")
    ]
    if status.samples_per_s:
        parts.append(f"{status.samples_per_s:,.0f} samples/s")
    if status.progress is not None:
        parts.append(f"{status.progress:.0%}")
    return "  ".join(parts)


def print_line(line: str) -> None:
    """One line at once, also into a pipe."""
    print(line, flush=True)


def clock(time_s: float) -> str:
    """`15:30:12`, local time."""
    return time.strftime("%H:%M:%S", time.localtime(time_s))


def log_tail(run: RunFolder, lines: int = _LOG_LINES) -> list[str]:
    """The last lines that the worker printed."""
    try:
        with run.worker_log.open("rb") as log:
            log.seek(max(log.seek(0, 2) - 65_536, 0))
            text = log.read().decode(errors="replace")
    except OSError:
        return []
    return [printable(line) for line in text.splitlines() if line.strip()][-lines:]


def result_text(status: Status, state: RunState) -> str:
    """`finished in 0:20  val/accuracy 0.985  best val/accuracy 0.987 at step 400`"""
    parts = [
        f"{state_word(state, status.message)} after {duration_text(status.elapsed_s)}",
        f"step {status.step:,}",
    ]
    shown = {**status.metrics, **status.test}
    parts += [
        f"{name} {value:.4g}" for name, value in shown.items() if name.startswith(("val/", "test/"))
    ]
    if status.best is not None:
        best = status.best
        parts.append(f"best {best.metric} {best.value:.4g} at step {best.step:,}")
    return "  ".join(parts)


def tell_outcome(run: RunFolder) -> int | None:
    """Prints how the run ended; its exit code, or None where it has not ended."""
    reader = RunReader(run)
    state = poll_to_the_end(reader)
    return _conclude(reader, state) if state in ENDED_STATES else None


def _conclude(reader: RunReader, state: RunState) -> int:
    reader.poll()
    name = reader.folder.name
    print(f"{name}: {result_text(reader.status, state)}", flush=True)
    if state in ("finished", "stopped"):
        return 0
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text(reader.status.message or f"the worker of {name} vanished"), style="red")
    said = [line.strip() for line in reader.status.message.splitlines()]
    for line in log_tail(reader.folder):
        if line.strip() in said:
            continue
        console.print(Text(f"  {line}"), style="dim")
    print(f"all of it: {reader.folder.worker_log}", file=sys.stderr)
    return _failure_code(reader)


def _failure_code(reader: RunReader) -> int:
    """That of the worker's error where not one step was done: data or recipe were no good."""
    if reader.status.step > 0:
        return 1
    types = [event.data.get("type") for event in reader.events if event.kind == "state"]
    kind = getattr(errors, str(types[-1]), None) if types else None
    if isinstance(kind, type) and issubclass(kind, errors.DltuiError):
        return kind.exit_code
    return 1


def _stop(reader: RunReader, wait_s: float | None) -> None:
    name = reader.folder.name
    print(f"\nstopping {name} with a checkpoint; again to leave at once", flush=True)
    deadline = None if wait_s is None else time.monotonic() + wait_s
    try:
        send_command(reader.folder, "stop")
        while deadline is None or time.monotonic() < deadline:
            reader.poll()
            if reader.state in ENDED_STATES:
                reader.poll()
                print(f"{name}: {result_text(reader.status, reader.state)}", flush=True)
                print(f"dltui resume {name} goes on from here", flush=True)
                return
            time.sleep(_POLL_S)
    except UsageError:
        print(f"{name} had ended already", flush=True)
    except KeyboardInterrupt:
        print(f"{name} goes on stopping by itself; dltui watch {name} shows it", flush=True)


@contextmanager
def terminable() -> Iterator[Callable[[], int]]:
    """SIGTERM interrupts as Ctrl-C does; yields a function that tells which signal came."""
    received = [int(signal.SIGINT)]

    def interrupt(number: int, frame: FrameType | None) -> None:
        received[0] = number
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield lambda: received[0]
    finally:
        signal.signal(signal.SIGTERM, former)


def _epoch(status: Status, step: int) -> str:
    if not status.steps_per_epoch:
        return f"step {step:,}"
    return f"epoch {epoch_text(step / status.steps_per_epoch, status.epochs_total)}"
