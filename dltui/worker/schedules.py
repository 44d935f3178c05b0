"""Learning rates as pure functions of the step: previewable before, exact on resume after.

`schedule(section, lr, steps)` gives `rate(step) -> float` for `step` = 0 … total − 1, the number of
optimiser steps already done. `LearningRate` adds what a pure function cannot know: the reduction
on a plateau and what the user set by hand.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dltui.recipe.direction import best_direction
from dltui.recipe.schema.training import (
    Cosine,
    Cyclical,
    Exponential,
    Linear,
    OneCycle,
    Plateau,
    SchedulerSection,
    StepSchedule,
    Warmup,
)
from dltui.worker.improvement import Improvement

Rate = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Steps:
    """The length of a training in optimiser steps."""

    total: int
    per_epoch: int


def schedule(section: SchedulerSection, lr: float, steps: Steps) -> Rate:
    """The rate of `section` with its warm-up; `lr` is the peak.

    The warm-up rises by the same amount with every step, the first one included, so that no step
    is lost at a rate of 0; its last step has the peak. Cosine, linear, one-cycle and cyclical
    begin after it and fill what is left; step and exponential count epochs from the beginning of
    the training.
    """
    warmup_steps = _warmup_steps(section.warmup, steps)
    main = _main(section, lr, Steps(max(steps.total - warmup_steps, 1), steps.per_epoch))
    from_start = isinstance(section, StepSchedule | Exponential)
    if not warmup_steps or section.warmup is None:
        return main
    start = section.warmup.start

    def with_warmup(step: int) -> float:
        if step < warmup_steps:
            return lr * (start + (1 - start) * (step + 1) / warmup_steps)
        return main(step if from_start else step - warmup_steps)

    return with_warmup


def _warmup_steps(warmup: Warmup | None, steps: Steps) -> int:
    if warmup is None:
        return 0
    if warmup.steps is not None:
        return warmup.steps
    return round((warmup.epochs or 0) * steps.per_epoch)


def _main(section: SchedulerSection, lr: float, steps: Steps) -> Rate:
    match section:
        case StepSchedule():
            return _step(section, lr, steps)
        case Exponential():
            return lambda step: lr * section.gamma ** (step / steps.per_epoch)
        case Cosine():
            return lambda step: _cosine(lr, section.min_lr, step / steps.total)
        case Linear():
            return lambda step: lr + (section.min_lr - lr) * min(step / steps.total, 1.0)
        case OneCycle():
            return _one_cycle(section, lr, steps)
        case Cyclical():
            return _cyclical(section, lr, steps)
        case _:
            return lambda step: lr


def _cosine(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine, https://arxiv.org/abs/1608.03983."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2


def _step(section: StepSchedule, lr: float, steps: Steps) -> Rate:
    if section.at_epochs is not None:
        bounds = sorted(round(epoch * steps.per_epoch) for epoch in section.at_epochs)
        return lambda step: float(lr * section.gamma ** bisect_right(bounds, step))
    every = section.every_steps or max(round((section.every_epochs or 1) * steps.per_epoch), 1)
    return lambda step: float(lr * section.gamma ** (step // every))


def _one_cycle(section: OneCycle, lr: float, steps: Steps) -> Rate:
    top = max(section.rise * steps.total - 1, 1e-9)
    last = max(steps.total - 1, top + 1e-9)

    def rate(step: int) -> float:
        if step <= top:
            return _cosine(lr * section.start_factor, lr, step / top)
        return _cosine(lr, lr * section.end_factor, (step - top) / (last - top))

    return rate


def _cyclical(section: Cyclical, lr: float, steps: Steps) -> Rate:
    epochs = section.period_epochs or 4.0
    period = section.period_steps or max(round(epochs * steps.per_epoch), 2)

    def rate(step: int) -> float:
        cycle, place = divmod(step / period, 1.0)
        height = 2 * place if place <= 0.5 else 2 - 2 * place
        if section.shape == "triangular2":
            height /= 2.0**cycle
        elif section.shape == "exponential":
            height *= section.gamma**step
        return section.min_lr + (lr - section.min_lr) * height

    return rate


class LearningRate:
    """The rate that is in force: the schedule times plateau reductions times the user's factor."""

    def __init__(self, section: SchedulerSection, lr: float, steps: Steps):
        self.base_lr = lr
        self.planned = schedule(section, lr, steps)
        self.factor = 1.0
        self.plateau = section if isinstance(section, Plateau) else None
        self.reduction = 1.0
        self._watch = (
            Improvement(best_direction(self.plateau.metric), self.plateau.min_delta)
            if self.plateau
            else None
        )

    def __call__(self, step: int) -> float:
        rate = self.planned(step) * self.factor
        if self.plateau is None:
            return rate
        return max(rate * self.reduction, min(self.plateau.min_lr, rate))

    def set(self, lr: float, step: int) -> None:
        """The user's own rate, in force from `step` on; the schedule's shape is kept."""
        now = self(step)
        self.factor = self.factor * lr / now if now > 0 else lr / self.base_lr

    def evaluated(self, metrics: dict[str, float]) -> bool:
        """Reduce where the watched metric stands still; True when the rate has changed."""
        if self.plateau is None or self._watch is None or self.plateau.metric not in metrics:
            return False
        self._watch.update(metrics[self.plateau.metric])
        if self._watch.stale <= self.plateau.patience:
            return False
        self._watch.stale = 0
        self.reduction *= self.plateau.factor
        return True

    def state(self) -> dict[str, Any]:
        watch = self._watch.state() if self._watch else None
        return {"factor": self.factor, "reduction": self.reduction, "watch": watch}

    def load(self, state: dict[str, Any]) -> None:
        self.factor = state["factor"]
        if self._watch and state["watch"]:
            self.reduction = state["reduction"]
            self._watch.load(state["watch"])


def preview(rate: Rate, first: int, total: int, points: int = 400) -> tuple[list[int], list[float]]:
    """At most `points` + 1 pairs (step, lr) from `first` to the last step."""
    stride = max((total - first) // points, 1)
    steps = [*range(first, total, stride)]
    if steps and steps[-1] != total - 1:
        steps.append(total - 1)
    return steps, [rate(step) for step in steps]
