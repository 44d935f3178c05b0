"""When a diagnostic is due: a budget of the step time, kept by measuring what was spent.

Each kind of work has an account that earns `share` of every step's time and pays what a sample
really cost. Work is due once the account covers the expected cost. A small credit lets the first
samples come early, so that a pane is filled as soon as it opens.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from statistics import median_low

WARM_UP_STEPS = 3
INTERRUPTION = 5.0
"""A step longer than this many usual ones held something else: an evaluation, a pause."""
OUTLIER = 4.0
"""A sample is charged at most so many typical ones: what exceeds that is another process that had
the machine meanwhile, which would have held up the training as well."""
EARLY_GAP = 1 / 50
LATE_GAP = 1 / 2000
"""Bounds of the gap between samples as a share of the time run so far: a run of a day keeps some
ten thousand frames, and a run of a second still gets its first dozen."""


class StepClock:
    """The usual duration of one training step, without the diagnostics' own time."""

    __slots__ = ("_count", "_last_s", "started_s", "step_s")

    def __init__(self, now_s: float):
        self.started_s = now_s
        self.step_s = 0.0
        """Seconds; 0 until the first steps (allocation, compilation) are over."""
        self._last_s = now_s
        self._count = 0

    def tick(self, now_s: float, own_s: float) -> None:
        """Called at the start of each step; `own_s` was spent on diagnostics since the last."""
        step_s = now_s - self._last_s - own_s
        self._last_s = now_s
        count = self._count = self._count + 1
        if count <= WARM_UP_STEPS:
            return
        usual = self.step_s
        if usual == 0.0:
            self.step_s = step_s
            return
        if step_s > INTERRUPTION * usual:
            step_s = INTERRUPTION * usual
        weight = 1 / (count - WARM_UP_STEPS) if count < 50 + WARM_UP_STEPS else 0.02
        self.step_s = usual + weight * (step_s - usual)


class Pacer:
    """Decides at which steps one kind of work is done.

    `share` of the step time may be spent, `credit_s` seconds in advance; samples come no closer
    than `gap_s` seconds once the run is some way in. `every_steps` fixes the spacing instead.
    """

    __slots__ = (
        "_balance_s",
        "_costs_s",
        "_credit_s",
        "_every",
        "_gap_s",
        "_last",
        "cost_s",
        "due",
        "share",
    )

    def __init__(self, share: float, credit_s: float, gap_s: float, every_steps: int | None = None):
        self.share = share
        self.due = 0
        """The first step at which to ask `allows`."""
        self.cost_s: float | None = None
        """Expected cost of a sample, seconds; None before the second one."""
        self._costs_s: deque[float] = deque(maxlen=9)
        self._credit_s = credit_s
        self._balance_s = credit_s
        self._gap_s = gap_s
        self._every = every_steps
        self._last: int | None = None

    def allows(self, step: int, step_s: float) -> bool:
        """Whether the work is to be done at `step` (≥ `due`); where not, `due` moves on."""
        if self._every is not None or self._last is None:
            return True
        if step_s <= 0.0:
            self.due = step + 1
            return False
        missing_s = (self.cost_s or 0.0) - self._balance_at(step, step_s)
        if missing_s <= 0.0:
            return True
        self.due = step + self._steps_to_earn(missing_s, step_s)
        return False

    def spent(self, step: int, cost_s: float, step_s: float, elapsed_s: float) -> None:
        """Books the work done at `step` and sets when it is due again.

        The first sample is free: it pays for memory and code touched for the first time, which
        says nothing about the next.
        """
        if self._every is not None:
            self.due = (step // self._every + 1) * self._every
        elif self._last is None:
            self._costs_s.append(cost_s)
            self.due = step + 1
        else:
            self._costs_s.append(cost_s)
            self.cost_s = typical_s = median_low(self._costs_s)
            balance_s = self._balance_at(step, step_s)
            self._balance_s = balance_s - min(cost_s, OUTLIER * typical_s)
            gap_s = max(min(self._gap_s, elapsed_s * EARLY_GAP), elapsed_s * LATE_GAP)
            missing_s = self.cost_s - self._balance_s
            self.due = step + max(
                1,
                ceil(gap_s / step_s) if step_s > 0 else 1,
                self._steps_to_earn(missing_s, step_s) if missing_s > 0 else 1,
            )
        self._last = step

    def settle(self, extra_s: float) -> None:
        """Charges `extra_s` seconds of device time that only showed when its result arrived."""
        self._balance_s -= extra_s
        if self._costs_s:
            self._costs_s[-1] += extra_s

    def rate(self, step_s: float) -> float:
        """The share of the step time that the present spacing costs."""
        if self._last is None or self.cost_s is None or step_s <= 0.0:
            return 0.0
        return self.cost_s / ((self.due - self._last) * step_s)

    def _balance_at(self, step: int, step_s: float) -> float:
        earned_s = self.share * step_s * (step - (self._last or 0))
        return min(max(self._credit_s, self.cost_s or 0.0), self._balance_s + earned_s)

    def _steps_to_earn(self, missing_s: float, step_s: float) -> int:
        return max(1, ceil(missing_s / (self.share * step_s))) if step_s > 0 else 1
