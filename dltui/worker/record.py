"""Everything that the worker writes about its run, apart from checkpoints."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dltui.errors import StoreError
from dltui.runs import ArrayLog, EventLog, MetricLog, write_status
from dltui.runs.append import FULL
from dltui.runs.metrics import parse_header, segments
from dltui.runs.reserve import Reserve
from dltui.worker.output import lost_bytes

if TYPE_CHECKING:
    import numpy as np

    from dltui.runs import RunFolder, Status
    from dltui.runs.events import EventKind

Level = Literal["info", "warning", "error"]


class RunRecord:
    """Status, metrics, arrays and events of one run; `step` is where the training is now."""

    def __init__(self, folder: RunFolder, status: Status):
        self.folder = folder
        self.status = status
        self.step = status.step
        self._elapsed_before_s = status.elapsed_s
        self._up_since = time.monotonic()
        self._lock = threading.Lock()
        self._troubles: set[str] = set()
        self._metrics: dict[str, MetricLog] = {}
        self._arrays: dict[str, ArrayLog] = {}
        self._reserve = Reserve(folder.path)
        self.events = EventLog(folder.events)

    def update(self, *, sync: bool = False, **changes: Any) -> None:
        """Write the status with `changes`, a fresh heartbeat and the elapsed time."""
        with self._lock:
            elapsed_s = self._elapsed_before_s + time.monotonic() - self._up_since
            changed = replace(
                self.status, heartbeat=time.time(), elapsed_s=elapsed_s, step=self.step, **changes
            )
            epoch = self.step / changed.steps_per_epoch if changed.steps_per_epoch else 0.0
            self.status = replace(changed, epoch=epoch)
            self._write_status(sync)

    def _write_status(self, sync: bool) -> None:
        """A full disk is told once; the next heartbeat tries again."""
        while True:
            try:
                write_status(self.folder.path, self.status, sync=sync)
                break
            except OSError as error:
                # A change of state, other than a heartbeat, is worth what was kept back.
                if sync and error.errno in FULL and self._reserve.spend():
                    continue
                reason = error.strerror or str(error)
                self.trouble("status", f"status.json: {reason}; training goes on. Free some space.")
                return
        self.events.flush()
        self._reserve.keep()
        self.trouble("status", None)

    def state(self, state: Any, message: str = "") -> None:
        """A change of state, in the status and as an event."""
        self.update(sync=True, state=state, message=message)
        level: Level = "error" if state == "failed" else "info"
        self.event("state", message or str(state), level=level, data={"state": state})

    def event(
        self,
        kind: EventKind,
        message: str,
        *,
        level: Level = "info",
        data: Mapping[str, Any] | None = None,
        step: int | None = None,
    ) -> None:
        """One line of events.jsonl, at the present step unless `step` says another."""
        at = self.step if step is None else step
        self.events.append(kind, message, step=at, level=level, data=dict(data or {}))

    def trouble(self, what: str, message: str | None) -> None:
        """What the disk does not take is an alarm, told once until it is well again (None)."""
        if message is None:
            # What was kept back may have made room for just this one.
            if self._reserve.is_whole:
                self._troubles.discard(what)
        elif what not in self._troubles:
            self._troubles.add(what)
            self._disk_alarm(message)

    def metric_log(self, group: str, columns: Sequence[str]) -> MetricLog:
        """The log `metrics/<group>`, opened at its first use; its columns do not change."""
        if group not in self._metrics:
            path = self.folder.metric_log(group)
            self._metrics[group] = MetricLog(path, list(columns), alarm=self._disk_alarm)
        return self._metrics[group]

    def metrics(self, group: str, values: Mapping[str, float]) -> None:
        """One record of `group` at the present step."""
        log = self.metric_log(group, list(values))
        log.append(self.step, time.time(), list(values.values()))

    def arrays(
        self, group: str, step: int, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
    ) -> None:
        """One frame of `arrays/<group>`: the probes' sink."""
        if group not in self._arrays:
            path = self.folder.array_log(group)
            self._arrays[group] = ArrayLog(path, alarm=self._disk_alarm)
        self._arrays[group].append(step, time.time(), dict(meta), dict(arrays))

    def rewind(self, step: int) -> None:
        """Supersede what every log of the run holds after `step`: the training goes on there."""
        for path in sorted(self.folder.metrics.glob("*.rank0.log")):
            # One writer a file: a log that is open knows where its end is.
            open_log = self._metrics.get(path.name.removesuffix(".rank0.log"))
            if open_log is not None:
                open_log.rewind(step)
                continue
            columns = _columns(segments(path)[-1])
            if columns is not None:
                log = MetricLog(path, columns)
                log.rewind(step)
                log.close()
        for path in sorted(self.folder.arrays.glob("*.log")):
            open_frames = self._arrays.get(path.name.removesuffix(".log"))
            if open_frames is not None:
                open_frames.rewind(step)
                continue
            frames = ArrayLog(path)
            frames.rewind(step)
            frames.close()

    def _disk_alarm(self, message: str) -> None:
        self.event("alarm", message, level="error")
        # The event log lies on the same disk, and the other logs want what is freed there as well.
        while not self.events.flush() and self._reserve.spend():
            continue
        lost = lost_bytes()
        print(message, flush=True)
        while lost_bytes() > lost and self._reserve.spend():
            lost = lost_bytes()
            print(message, flush=True)

    def close(self) -> None:
        """Flush and close every log."""
        for metric_log in self._metrics.values():
            metric_log.close()
        for array_log in self._arrays.values():
            array_log.close()
        self.events.close()
        self._reserve.remove()


def _columns(path: Path) -> tuple[str, ...] | None:
    """The columns of a metric log; None where a kill left it without a whole header."""
    with path.open("rb") as file:

        def read(offset: int, size: int) -> bytes:
            file.seek(offset)
            return file.read(size)

        header = parse_header(read)
    return None if header is None else header[0]


class Heartbeat:
    """A thread that renews the status and samples the machine about once a second."""

    def __init__(self, beat: Any, every_s: float = 1.0):
        self._beat = beat
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        told = False
        while not self._over.wait(self._every_s):
            try:
                self._beat()
            except (OSError, StoreError) as error:
                # A disk that fails once must not leave a living run without a heartbeat.
                if not told:
                    print(f"heartbeat: {error}", file=sys.stderr, flush=True)
                told = True
