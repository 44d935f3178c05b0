"""From a run's logs to snapshots, reading only what is new. Runs in the feed's thread."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from pathlib import Path

import numpy as np

from dltui.doctor import diagnose
from dltui.errors import StoreError
from dltui.runs.array_reader import ArrayReader
from dltui.runs.clean import printable
from dltui.runs.events import Event
from dltui.runs.layout import RunFolder
from dltui.runs.metrics import MISSING
from dltui.runs.reader import RunReader
from dltui.runs.stamps import Stamp, change_stamp
from dltui.runs.status import Status
from dltui.ui import frames, outcome_frames
from dltui.ui.snapshot import (
    Curve,
    LogLine,
    MarkAt,
    Progress,
    Snapshot,
    Wanted,
)
from dltui.ui.thinning import GrowingCurve

GROUPS = ("train", "val", "test", "system")
_MISSING_BITS = np.float64(MISSING).view(np.int64)
_MOST_ROWS = 2**15
"""What the doctor sees of a metric log; the curves have every point."""
_LIVENESS_S = 1.0
_DOCTOR_SHARE = 0.02
_LOG_LINES_READ = 12
_LOG_BYTES_READ = 2**14
_MARKS = {"checkpoint": "checkpoint", "learning_rate": "learning_rate"}


class Recording:
    """A run being read; `read` gives the next snapshot, or None where nothing changed."""

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        self._metrics: dict[str, _Group] = {}
        self._reader = RunReader(self.folder, most_rows=_MOST_ROWS, follow=self._follow)
        self._layers = frames.LayerHistory()
        self._ridges = frames.RidgeHistory()
        self._outcomes = outcome_frames.SampleReader()
        self._samples_at: Stamp | None = None
        self._environment: tuple[int, tuple[str, ...]] = (0, ())
        self._wanted = Wanted()
        self._snapshot: Snapshot | None = None
        self._state_at = self._doctor_at = -math.inf
        self._doctor_s = 0.0
        self._evaluated = -1
        self._events_read = 0
        self._sample_folders: dict[str, tuple[Stamp | None, list[Path]]] = {}

    @property
    def snapshot(self) -> Snapshot | None:
        """The last one that was read."""
        return self._snapshot

    def read(self, wanted: Wanted) -> Snapshot | None:
        """Polls the folder. A folder that is gone or unreadable becomes `trouble`."""
        former = self._snapshot or Snapshot(self.folder.path, self.folder.name, "queued")
        try:
            changed = self._reader.poll()
            state = self._state(former, changed)
        except StoreError as error:
            trouble = str(error)
            if self._snapshot is not None and former.trouble == trouble:
                return None
            self._snapshot = dataclasses.replace(former, trouble=trouble)
            return self._snapshot
        changed = changed or state != former.state or former.trouble is not None
        changed = self._samples_changed() or changed
        if not changed and wanted == self._wanted and self._snapshot is not None:
            return self._with_late_findings(former)
        self._wanted = wanted
        self._snapshot = self._next(former, state, wanted)
        return self._snapshot

    def _next(self, former: Snapshot, state: str, wanted: Wanted) -> Snapshot:
        status = self._reader.status
        curves = self._curves()
        layers = self._layers.read(self._arrays("layers"), self._arrays("activations"))
        ended_badly = state in ("failed", "died")
        log = self._log(former)
        snapshot = Snapshot(
            folder=self.folder.path,
            name=status.name or printable(self.folder.name),
            state=state,
            reason=status.message,
            progress=_progress(status, curves),
            task=status.task or None,
            recipe_text=former.recipe_text or _recipe_text(self.folder),
            curves=curves,
            marks=_marks(self._reader.events) if log is not former.log else former.marks,
            layers=layers,
            ridge=self._ridges.read(self._arrays("histograms"), wanted),
            confusion=frames.confusion(self._arrays("confusion"), wanted, former.confusion),
            predictions=frames.predictions(self._arrays("predictions"), wanted, former.predictions),
            text=self._outcomes.text(self._samples("text"), wanted, former.text),
            pictures=self._outcomes.pictures(self._samples("pictures"), wanted, former.pictures),
            pairs=self._outcomes.pairs(self._samples("pairs"), wanted, former.pairs),
            series=outcome_frames.series(self._arrays("series"), wanted, former.series),
            latent=outcome_frames.latent(self._arrays("scatter"), wanted, former.latent),
            settable=self._settable(),
            examples=frames.examples(self._samples("examples"), former.examples),
            schedule=frames.schedule(self._arrays("schedule"), former.schedule),
            log=log,
            findings=former.findings,
            worker_log=(former.worker_log or _log_tail(self.folder)) if ended_badly else (),
        )
        return dataclasses.replace(snapshot, findings=self._findings(snapshot))

    def _with_late_findings(self, former: Snapshot) -> Snapshot | None:
        """The last look of the doctor came before the newest points: look once more."""
        if self._doctor_due(former) and self._evaluated != self._evaluation():
            self._snapshot = dataclasses.replace(former, findings=self._findings(former))
            return self._snapshot if self._snapshot.findings is not former.findings else None
        return None

    def _state(self, former: Snapshot, changed: bool) -> str:
        now = time.monotonic()
        if changed or now - self._state_at >= _LIVENESS_S:
            self._state_at = now
            return self._reader.state
        return former.state

    def _arrays(self, group: str) -> ArrayReader | None:
        return self._reader.arrays(group)

    def _samples_changed(self) -> bool:
        """One look at `samples/` a poll: every publication touches the folder itself."""
        try:
            stamp = change_stamp(os.stat(self.folder.samples))
        except OSError:
            stamp = None
        former, self._samples_at = self._samples_at, stamp
        return stamp != former

    def _samples(self, kind: str) -> list[Path]:
        """The folders of a kind; the disk is asked again only when `samples/` has changed."""
        known = self._sample_folders.get(kind)
        folders = known[1] if known is not None else []
        if known is None or known[0] != self._samples_at:
            folders = self._reader.sample_folders(kind)
            self._sample_folders[kind] = (self._samples_at, folders)
        return folders

    def _follow(self, name: str) -> _Group:
        group = self._metrics[name] = _Group(name)
        return group

    def _settable(self) -> tuple[str, ...]:
        """What the task lets a person change while it trains, beside the learning rate."""
        try:
            changed_ns = os.stat(self.folder.environment).st_mtime_ns
            if changed_ns != self._environment[0]:
                found = json.loads(self.folder.environment.read_bytes())
                names = found.get("settable") if isinstance(found, dict) else None
                kept = [printable(str(name)) for name in names] if isinstance(names, list) else []
                self._environment = (changed_ns, tuple(kept))
        except (OSError, ValueError, RecursionError):
            return self._environment[1]  # not there yet, or half written by something else
        return self._environment[1]

    def _curves(self) -> dict[str, Curve]:
        curves: dict[str, Curve] = {}
        for name in GROUPS:
            if name in self._metrics:
                curves |= self._metrics[name].curves()
        return curves

    def _log(self, former: Snapshot) -> tuple[LogLine, ...]:
        events = self._reader.events
        if len(events) == self._events_read and former.log:
            return former.log
        start = self._events_read if self._events_read <= len(events) else 0
        kept = former.log if start else ()
        self._events_read = len(events)
        new = (_log_line(event) for event in events[start:] if event.kind != "finding")
        return (*kept, *new)

    def _evaluation(self) -> int:
        reader = self._reader.metric_reader("val")
        return len(reader.steps) if reader is not None else 0

    def _doctor_due(self, snapshot: Snapshot) -> bool:
        pause = max(1.0, self._doctor_s / _DOCTOR_SHARE)
        return time.monotonic() - self._doctor_at >= (pause if snapshot.live else 0)

    def _findings(self, snapshot: Snapshot) -> tuple[object, ...]:
        if not self._doctor_due(snapshot):
            return snapshot.findings
        self._evaluated = self._evaluation()
        start = time.perf_counter()
        found = tuple(diagnose(self._reader))
        self._doctor_s = time.perf_counter() - start
        self._doctor_at = time.monotonic()
        return snapshot.findings if found == snapshot.findings else found


class _Group:
    """The growing curves of one metric log."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._growing: dict[str, GrowingCurve] = {}
        self._changed: dict[str, None] = {}
        """A set that keeps the order of the columns: the metrics are shown in it."""
        self._curves: dict[str, Curve] = {}

    def take(
        self,
        columns: tuple[str, ...],
        steps: np.ndarray,
        times: np.ndarray,
        values: np.ndarray,
    ) -> None:
        """Adds rows to the curves of those columns that were measured."""
        for place, column in enumerate(columns):
            measured = np.ascontiguousarray(values[:, place]).view(np.int64) != _MISSING_BITS
            if measured.any():
                growing = self._growing.setdefault(column, GrowingCurve())
                growing.extend(steps[measured], times[measured], values[measured, place])
                self._changed[column] = None

    def cut(self, step: int) -> None:
        """Drops what was recorded at `step` and after it."""
        for growing in self._growing.values():
            growing.cut(step)
        self._changed |= dict.fromkeys(self._growing)

    def curves(self) -> dict[str, Curve]:
        """All curves that have points; those without new points stay the same."""
        for column in self._changed:
            self._curves[f"{self._name}/{column}"] = self._growing[column].curve()
        self._changed.clear()
        return {name: curve for name, curve in self._curves.items() if len(curve.values)}


def _progress(status: Status, curves: dict[str, Curve]) -> Progress:
    temperature = curves.get("system/gpu_temperature_c")
    train = curves.get("train/loss")
    steps = status.steps_total or 0
    step = max(status.step, int(train.steps[-1]) if train is not None else 0)
    per_epoch = status.steps_per_epoch
    return Progress(
        epoch=step / per_epoch if per_epoch else status.epoch,
        epochs=status.epochs_total or 0.0,
        step=step,
        steps=steps,
        steps_per_epoch=per_epoch,
        samples_per_step=status.samples_per_step,
        elapsed_s=status.elapsed_s or math.nan,
        remaining_s=_remaining_s(train, steps - step) if steps else math.nan,
        samples_per_s=status.samples_per_s if status.samples_per_s is not None else math.nan,
        device=status.device,
        temperature_c=temperature.last if temperature is not None else math.nan,
    )


def _remaining_s(train: Curve | None, steps_left: int) -> float:
    """From the pace of the last minute or the last 50 points, pauses between left out."""
    if train is None or len(train.times) < 3:
        return math.nan
    recent = max(
        0, min(int(np.searchsorted(train.times, train.times[-1] - 60)), len(train.times) - 50)
    )
    times, steps = train.times[recent:], train.steps[recent:]
    gaps, moved = np.diff(times), np.diff(steps)
    usual = np.median(gaps) * 20 + 5
    whole = gaps <= usual
    done = float(moved[whole].sum())
    return steps_left * float(gaps[whole].sum()) / done if done > 0 else math.nan


def _marks(events: list[Event]) -> tuple[MarkAt, ...]:
    marks = []
    for event in events:
        kind = _MARKS.get(event.kind) or _state_mark(event)
        if kind is not None and event.step is not None:
            marks.append(MarkAt(event.step, event.time, kind, event.message))
    return tuple(marks[-500:])


def _state_mark(event: Event) -> str | None:
    if event.kind == "alarm":
        return "nan" if event.data.get("nonfinite") or "NaN" in event.message else None
    state = event.data.get("state") if event.kind == "state" else None
    return {"paused": "pause", "running": "resume"}.get(str(state))


def _log_line(event: Event) -> LogLine:
    return LogLine(event.time, event.step, event.kind, event.level, event.message)


def _recipe_text(folder: RunFolder) -> str:
    for path in (folder.recipe, folder.resolved):
        try:
            return printable(path.read_text(encoding="utf-8", errors="replace"), lines=True)
        except OSError:
            continue
    return ""


def _log_tail(folder: RunFolder) -> tuple[str, ...]:
    """The last lines of worker.log."""
    try:
        with folder.worker_log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LOG_BYTES_READ))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ()
    lines = [line for line in printable(text, lines=True).splitlines() if line.strip()]
    return tuple(lines[-_LOG_LINES_READ:])
