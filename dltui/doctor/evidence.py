"""From a RunReader to a Record, reading each array frame only once however often one asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dltui.doctor.record import (
    Confusion,
    Culprit,
    Curve,
    Record,
    activation_history,
    layer_history,
)
from dltui.errors import StoreError
from dltui.runs.array_reader import ArrayReader
from dltui.runs.reader import RunReader

NEWEST = 16
SPREAD = 24
"""Of each group the newest frames are looked at, and up to so many spread over the whole run."""
SINGLE_CURVES = (
    "train/loss",
    "train/lr",
    "train/accuracy",
    "system/loader_share",
    "system/diagnostics_share",
)
Frames = list[tuple[int, Mapping[str, Any], Mapping[str, Any]]]


class Evidence:
    """The frames of one run that were read so far."""

    def __init__(self) -> None:
        self._frames: dict[tuple[str, int], tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
        self._revision: dict[str, int] = {}
        self._first: dict[str, int] = {}

    def record(self, reader: RunReader) -> Record:
        """The run as last polled. Raises nothing for what is missing or damaged: it is left out."""
        status = reader.status
        layers = self._history(reader, "layers")
        activations = self._history(reader, "activations")
        names = [*SINGLE_CURVES, *(n for n in reader.metric_names() if n.startswith("val/"))]
        points = {name: reader.metric(name) for name in names}
        return Record(
            task=status.task,
            state=status.state,
            steps_total=status.steps_total,
            steps_per_epoch=status.steps_per_epoch,
            forked=status.parent is not None,
            budget=_budget(reader.folder.resolved),
            curves={name: Curve(p.steps, p.values) for name, p in points.items() if len(p)},
            layers=layer_history(layers) if layers else None,
            activations=activation_history(activations) if activations else None,
            confusions=self._confusions(reader),
            culprits=tuple(
                Culprit(event.step, event.data["layer"], event.data.get("what"))
                for event in reader.events
                if event.level == "error" and isinstance(event.data.get("layer"), str)
            ),
        )

    def _history(self, reader: RunReader, group: str) -> Frames:
        log = reader.arrays(group)
        if log is None or not len(log):
            return []
        steps = log.index
        every = 1
        while len(steps) // every > SPREAD:
            every *= 2
        chosen = sorted(
            {*range(0, len(steps), every), *range(max(0, len(steps) - NEWEST), len(steps))}
        )
        frames = self._read(log, group, chosen, steps)
        first = self._first_nonfinite(log, group, frames, steps)
        if first is not None and first not in chosen:
            frames = self._read(log, group, sorted({*chosen, first}), steps)
        if not frames:
            return []
        names = frames[-1][1].get("layers")
        return [frame for frame in frames if frame[1].get("layers") == names]

    def _first_nonfinite(
        self, log: ArrayReader, group: str, frames: Frames, steps: list[int]
    ) -> int | None:
        """The number of the first frame with NaN or infinity, which mostly stay once there."""
        known = self._first.get(group)
        if known is not None:
            return known
        bad = [step for step, _, arrays in frames if _is_nonfinite(arrays)]
        if not bad:
            return None
        sound = [step for step, _, _ in frames if step < bad[0]]
        low = bisect_left(steps, sound[-1]) if sound else -1
        high = bisect_left(steps, bad[0])
        while high - low > 1:
            middle = (low + high) // 2
            try:
                broken = _is_nonfinite(log.frame(middle).arrays)
            except StoreError:
                broken = False
            low, high = (low, middle) if broken else (middle, high)
        self._first[group] = high
        return high

    def _read(self, log: ArrayReader, group: str, numbers: list[int], steps: list[int]) -> Frames:
        if self._revision.get(group) != log.revision:
            self._revision[group] = log.revision
            self._first.pop(group, None)
            self._frames = {key: kept for key, kept in self._frames.items() if key[0] != group}
        wanted = {(group, steps[number]): number for number in numbers}
        for key in [key for key in self._frames if key[0] == group and key not in wanted]:
            del self._frames[key]
        frames: Frames = []
        for key, number in wanted.items():
            if key not in self._frames:
                try:
                    frame = log.frame(number)
                except StoreError:
                    continue  # the reader's own list of problems is shown elsewhere
                self._frames[key] = (frame.meta, frame.arrays)
            frames.append((key[1], *self._frames[key]))
        return frames

    def _confusions(self, reader: RunReader) -> tuple[Confusion, ...]:
        log = reader.arrays("confusion")
        if log is None or not len(log):
            return ()
        numbers = list(range(max(0, len(log) - 2), len(log)))
        return tuple(
            Confusion(step, tuple(meta["classes"]), np.asarray(arrays["matrix"], np.int64))
            for step, meta, arrays in self._read(log, "confusion", numbers, log.index)
        )


def _is_nonfinite(arrays: Mapping[str, Any]) -> bool:
    return "nonfinite" in arrays and bool((arrays["nonfinite"] > 0).any())


def _budget(resolved: Path) -> float:
    try:
        changed = resolved.stat().st_mtime_ns
    except OSError:
        return 0.01
    return _read_budget(resolved, changed)


@lru_cache(maxsize=64)
def _read_budget(resolved: Path, changed_ns: int) -> float:
    try:
        plain = YAML(typ="safe").load(resolved.read_text("utf-8"))
        return float(plain["diagnostics"]["budget"])
    except (OSError, ValueError, KeyError, TypeError, YAMLError):
        return 0.01
