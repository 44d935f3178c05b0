"""The x-axes that all charts of a run share: step, epoch, time, samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dltui.ui.snapshot import Curve, MarkAt, Snapshot

if TYPE_CHECKING:
    import numpy as np

Axis = Literal["step", "epoch", "time", "samples"]
AXES: tuple[Axis, ...] = ("step", "epoch", "time", "samples")


def axis_values(snapshot: Snapshot, curve: Curve, axis: Axis) -> np.ndarray:
    """Where the points of `curve` lie on `axis`: float64 (N,). Time counts in seconds."""
    if axis == "time":
        return curve.times - origin_s(snapshot)
    return curve.steps * _scale(snapshot, axis)


def mark_place(snapshot: Snapshot, mark: MarkAt, axis: Axis) -> float:
    """Where a mark lies on `axis`."""
    if axis == "time":
        return mark.time - origin_s(snapshot)
    return mark.step * _scale(snapshot, axis)


def next_axis(snapshot: Snapshot | None, axis: Axis) -> Axis:
    """The axis after this one that the run has figures for."""
    progress = snapshot.progress if snapshot is not None else None
    possible = [
        name
        for name in AXES
        if not (name == "epoch" and progress is not None and not progress.steps_per_epoch)
        and not (name == "samples" and progress is not None and not progress.samples_per_step)
    ]
    here = possible.index(axis) if axis in possible else -1
    return possible[(here + 1) % len(possible)]


def origin_s(snapshot: Snapshot) -> float:
    """The unix time of the first training step; 0 before there is one."""
    curve = snapshot.curves.get("train/loss") or next(iter(snapshot.curves.values()), None)
    return float(curve.times[0]) if curve is not None and len(curve.times) else 0.0


def _scale(snapshot: Snapshot, axis: Axis) -> float:
    progress = snapshot.progress
    if axis == "epoch":
        return 1 / max(1, progress.steps_per_epoch)
    return float(max(1, progress.samples_per_step)) if axis == "samples" else 1.0
