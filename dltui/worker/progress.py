"""Where a training stands: its fold, its pace, and what its evaluations have decided."""

from __future__ import annotations

from dataclasses import dataclass, field

from dltui.worker.improvement import Improvement


@dataclass(frozen=True, slots=True)
class Fold:
    """Which of the trainings of a run this is; its steps follow those of the folds before."""

    index: int = 0
    count: int = 1
    first_step: int = 0
    results: tuple[dict[str, float], ...] = ()
    """What the folds before came to, by metric."""


@dataclass(slots=True)
class Pace:
    """Where the time goes, counted up; read by the heartbeat."""

    steps: int = 0
    samples: int = 0
    spent_s: float = 0.0
    waited_s: float = 0.0
    """Of `spent_s`, the time spent waiting for data."""


@dataclass(slots=True)
class Watched:
    """What evaluations decide about."""

    best: Improvement
    early: Improvement | None
    evaluated_at: int = -1
    saved_at: int = -1
    best_step: int | None = None
    last: dict[str, float] = field(default_factory=dict)
