"""The exponent of a power law in the tail of a distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_VALUES = 20
"""Fewer eigenvalues have no tail to speak of."""
LEAST_TAIL = 8


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """p(x) ∝ x^−α for x ≥ `begin`."""

    alpha: float
    begin: float
    tail: int
    """How many values lie in the tail."""
    distance: float
    """Kolmogorov-Smirnov: the largest difference between the tail's distribution and the law."""


def power_law(values: NDArray[np.float64]) -> PowerLaw | None:
    """The law that fits the tail best; None for too few values, or all alike.

    Maximum likelihood α = 1 + n / Σ ln(xᵢ / x_min) (the Hill estimator), with the x_min of the
    smallest Kolmogorov-Smirnov distance: Clauset, Shalizi & Newman, "Power-Law Distributions in
    Empirical Data", SIAM Review 51 (2009), eq. 3.1 and section 3.3. For eigenvalues of weight
    matrices: Martin & Mahoney, "Implicit Self-Regularization in Deep Neural Networks", JMLR 22
    (2021): well-trained layers have α between 2 and 4, random ones more.
    """
    ordered = np.sort(values[values > 0])[::-1]
    if len(ordered) < LEAST_VALUES or ordered[0] == ordered[-1]:
        return None
    logarithms = np.log(ordered)
    counts = np.arange(1, len(ordered) + 1)
    sums = np.cumsum(logarithms) - counts * logarithms
    best: PowerLaw | None = None
    for tail in range(LEAST_TAIL, len(ordered) + 1):
        if sums[tail - 1] <= 0:
            continue
        alpha = 1 + tail / float(sums[tail - 1])
        begin = float(ordered[tail - 1])
        # Share of the tail above each of its values: as it is, and as the law has it.
        real = np.arange(1, tail + 1) / tail
        lawful = np.exp((1 - alpha) * (logarithms[:tail] - logarithms[tail - 1]))
        distance = float(np.maximum(np.abs(real - lawful), np.abs(real - 1 / tail - lawful)).max())
        if best is None or distance < best.distance:
            best = PowerLaw(alpha, begin, tail, distance)
    return best
