"""A run's records as the rules see them: plain arrays, so that a rule is a small pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LOSS_POINTS = 2000
"""As many as the rules about the shape of a loss curve need."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric over the steps; both arrays `(n,)`, steps ascending."""

    steps: NDArray[np.int64]
    values: Floats

    def __len__(self) -> int:
        return len(self.steps)

    def between(self, first: float, last: float) -> Curve:
        """The points with `first` ≤ step ≤ `last`."""
        a, b = np.searchsorted(self.steps, [first, last + 1e-9])
        return Curve(self.steps[a:b], self.values[a:b])

    def tail(self, share: float, at_least: int) -> Curve:
        """The last `share` of the points, but at least `at_least` of them (or all)."""
        count = max(int(len(self) * share), at_least)
        return Curve(self.steps[-count:], self.values[-count:])

    def head(self, share: float, at_least: int) -> Curve:
        count = max(int(len(self) * share), at_least)
        return Curve(self.steps[:count], self.values[:count])

    def thinned(self, limit: int) -> Curve:
        """Means of blocks of equal length, at most about `limit` of them; each at its last step.

        NaN and infinity stay visible in their block.
        """
        block = len(self) // limit
        if block < 2:
            return self
        first = len(self) % block
        with np.errstate(invalid="ignore", over="ignore"):
            means = self.values[first:].reshape(-1, block).mean(axis=1)
        return Curve(self.steps[first + block - 1 :: block], means)

    def mean(self) -> float:
        """Mean of the finite values; NaN if there are none."""
        finite = self.values[np.isfinite(self.values)]
        return float(finite.mean()) if len(finite) else float("nan")

    def error(self) -> float:
        """Standard error of `mean`; infinite below three values."""
        finite = self.values[np.isfinite(self.values)]
        return float(finite.std() / np.sqrt(len(finite))) if len(finite) > 2 else float("inf")


NO_CURVE = Curve(np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True, slots=True)
class LayerHistory:
    """Frames of the group `layers`: T sampled steps of L layers, in the model's order."""

    names: tuple[str, ...]
    steps: NDArray[np.int64]
    """(T,)"""
    grad_norm: Floats
    """(T, L), as all below; NaN without gradient."""
    weight_norm: Floats
    update_ratio: Floats
    nonfinite: Floats
    frozen: NDArray[np.bool_]
    without_gradient: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class ActivationHistory:
    """Frames of the group `activations`: T sampled steps of A activation modules."""

    names: tuple[str, ...]
    after: tuple[str, ...]
    """The layer with parameters before each."""
    steps: NDArray[np.int64]
    mean: Floats
    """(T, A), as all below; NaN where the notion does not fit the module."""
    std: Floats
    dead_share: Floats
    saturated_share: Floats
    nonfinite: Floats

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class Confusion:
    """A confusion matrix `(C, C)`, rows are the truth."""

    step: int
    classes: tuple[str, ...]
    matrix: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Culprit:
    """The layer that the worker named when a step came out as NaN or infinity."""

    step: int | None
    layer: str | None
    what: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """All that the rules look at. What was not recorded is empty."""

    task: str = ""
    state: str = "running"
    steps_total: int | None = None
    steps_per_epoch: int = 0
    forked: bool = False
    budget: float = 0.01
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """By full name, `train/loss`."""
    layers: LayerHistory | None = None
    activations: ActivationHistory | None = None
    confusions: tuple[Confusion, ...] = ()
    """The newest two, oldest first."""
    culprits: tuple[Culprit, ...] = ()

    def curve(self, name: str) -> Curve:
        return self.curves.get(name, NO_CURVE)

    @property
    def loss(self) -> Curve:
        """train/loss, in a long run averaged over neighbouring steps."""
        return self.curve("train/loss").thinned(LOSS_POINTS)

    @property
    def step(self) -> int:
        steps = self.curve("train/loss").steps
        return int(steps[-1]) if len(steps) else 0

    @property
    def learning_rate(self) -> float:
        """The newest, NaN if unknown."""
        rates = self.curve("train/lr").values
        return float(rates[-1]) if len(rates) else float("nan")

    def at_full_rate(self, curve: Curve) -> Curve:
        """The points of `curve` at which the learning rate was at least half of its highest."""
        rates = self.curve("train/lr")
        if not len(rates) or not len(curve):
            return curve
        at = np.clip(np.searchsorted(rates.steps, curve.steps, "right") - 1, 0, None)
        keep = rates.values[at] >= 0.5 * np.nanmax(rates.values)
        return Curve(curve.steps[keep], curve.values[keep])


def layer_history(frames: list[tuple[int, Mapping[str, Any], Mapping[str, Any]]]) -> LayerHistory:
    """From `(step, meta, arrays)` of frames that all describe the same layers."""
    names = tuple(frames[-1][1]["layers"])
    count = len(names)

    def flags(key: str) -> NDArray[np.bool_]:
        return np.array([meta.get(key, [False] * count) for _, meta, _ in frames], dtype=bool)

    return LayerHistory(
        names,
        np.array([step for step, _, _ in frames], dtype=np.int64),
        _column(frames, "grad_norm"),
        _column(frames, "weight_norm"),
        _column(frames, "update_ratio"),
        _column(frames, "nonfinite"),
        flags("frozen"),
        flags("without_gradient"),
    )


def activation_history(
    frames: list[tuple[int, Mapping[str, Any], Mapping[str, Any]]],
) -> ActivationHistory:
    """From `(step, meta, arrays)` of frames that all describe the same modules."""
    meta = frames[-1][1]
    return ActivationHistory(
        tuple(meta["layers"]),
        tuple(meta["after"]),
        np.array([step for step, _, _ in frames], dtype=np.int64),
        _column(frames, "mean"),
        _column(frames, "std"),
        _column(frames, "dead_share"),
        _column(frames, "saturated_share"),
        _column(frames, "nonfinite"),
    )


def _column(frames: list[tuple[int, Mapping[str, Any], Mapping[str, Any]]], name: str) -> Floats:
    width = len(frames[-1][1]["layers"])
    missing = np.full(width, np.nan)
    return np.array([arrays.get(name, missing) for _, _, arrays in frames], dtype=np.float64)
