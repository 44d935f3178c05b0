"""Whether a metric gets better: for the best checkpoint, early stopping and plateaus."""

from __future__ import annotations

import math
from typing import Any

from dltui.recipe.direction import Direction


class Improvement:
    """The best value so far, and for how many values (`stale`) there was none better.

    A value counts as better where it beats the best by more than `min_delta`; NaN never does.
    """

    def __init__(self, direction: Direction, min_delta: float = 0.0):
        self.direction = direction
        self.min_delta = min_delta
        self.best: float | None = None
        self.stale = 0

    def update(self, value: float) -> bool:
        """True where `value` is better."""
        if self._better(value):
            self.best, self.stale = value, 0
            return True
        self.stale += 1
        return False

    def _better(self, value: float) -> bool:
        if math.isnan(value):
            return False
        if self.best is None:
            return True
        gain = self.best - value if self.direction == "min" else value - self.best
        return gain > self.min_delta

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "stale": self.stale}

    def load(self, state: dict[str, Any]) -> None:
        self.best, self.stale = state["best"], state["stale"]
