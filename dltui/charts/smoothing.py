"""The exponential moving average of TensorBoard: debiased, and blind to values that are not finite.

s_t = w · s_(t−1) + (1 − w) · y_t,  s_0 = 0;  shown: s_t / (1 − w^t)
"""

from __future__ import annotations

import numpy as np

from dltui.charts.scales import Floats

_NEGLIGIBLE = 1e-18
_BLOCK = 8192
"""Values smoothed at once: few enough to stay in the processor's cache."""


class Smoother:
    """Smooths a curve that arrives in pieces, as if the whole were smoothed at once."""

    def __init__(self, weight: float):
        """`weight` is how much of the past is kept, from 0 (nothing) to below 1."""
        self.weight = weight
        self._state = 0.0
        self._seen = 0

    def smooth(self, values: Floats) -> Floats:
        """The smoothed `values`, `(n,)`, where those are finite, and NaN elsewhere."""
        smoothed = np.full(values.shape, np.nan)
        finite = np.isfinite(values)
        known = values[finite]
        if known.size:
            smoothed[finite] = self._average(known)
        return smoothed

    def _average(self, values: Floats) -> Floats:
        decay = self.weight ** np.arange(1, min(values.size, _BLOCK) + 1, dtype=np.float64)
        decay[decay < _NEGLIGIBLE] = 0.0
        averages = np.empty(values.size)
        for start in range(0, values.size, _BLOCK):
            block = values[start : start + _BLOCK]
            fading = decay[: block.size]
            running = _decayed_sums(block * (1 - self.weight), self.weight) + fading * self._state
            # Values near the largest that there are overflow, and are drawn as infinite.
            with np.errstate(over="ignore"):
                averages[start : start + _BLOCK] = running / (1 - fading * self.weight**self._seen)
            self._state = float(running[-1])
            self._seen += block.size
        return averages


def _decayed_sums(values: Floats, weight: float) -> Floats:
    """`out[i] = Σ_j weight^j · values[i − j]` by doubling, in log₂ passes."""
    sums = values.copy()
    shift = 1
    while shift < sums.size and weight**shift > _NEGLIGIBLE:
        sums[shift:] += weight**shift * sums[:-shift]
        shift *= 2
    return sums
