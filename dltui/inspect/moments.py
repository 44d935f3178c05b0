"""Mean, spread and limits of values that come in blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SAFE = (1e-15, 1e15)
"""Squares of float32 numbers between these neither overflow nor vanish, however many are added."""


@dataclass(slots=True)
class Moments:
    """Of finite values."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """Σ (x − mean)²."""
    low: float = math.inf
    high: float = -math.inf

    def merge(self, other: Moments) -> None:
        """Take in more values; the order does not matter.

        Chan, Golub & LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
        Variances" (1979), which loses no digits where the mean is large.
        """
        if not other.count:
            return
        both = self.count + other.count
        shift = other.mean - self.mean
        self.squares += other.squares + shift * shift * (self.count / both) * other.count
        self.mean += shift * (other.count / both)
        self.count = both
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)

    @property
    def std(self) -> float:
        """Of the population: divided by n."""
        return math.sqrt(self.squares / self.count) if self.count else math.nan

    @property
    def norm(self) -> float:
        """√Σ x²."""
        return math.hypot(math.sqrt(self.squares), math.sqrt(self.count) * self.mean)


def of_float32(values: NDArray[np.float32]) -> Moments:
    """Of finite single-precision numbers, shape (n,), in single precision where that is safe.

    Sums of plain and squared values lose digits where the mean is large against the spread: then
    the values are shifted by the mean first.
    """
    if not len(values):
        return Moments()
    low, high = float(values.min()), float(values.max())
    if not _SAFE[0] < max(-low, high) < _SAFE[1]:
        return of_float64(values.astype(np.float64))
    mean = float(values.sum()) / len(values)
    squares = float(values @ values)
    of_mean = mean * mean * len(values)
    if of_mean <= 0.01 * squares:
        return Moments(len(values), mean, squares - of_mean, low, high)
    shifted = values - np.float32(mean)
    rest = float(shifted.sum(dtype=np.float64)) / len(values)
    squares = float(shifted @ shifted) - rest * rest * len(values)
    return Moments(len(values), float(np.float32(mean)) + rest, max(squares, 0.0), low, high)


def of_float64(values: NDArray[np.float64]) -> Moments:
    """Of finite double-precision numbers, shape (n,)."""
    if not len(values):
        return Moments()
    mean = float(values.mean())
    shifted = values - mean
    squares = float(shifted @ shifted)
    return Moments(len(values), mean, squares, float(values.min()), float(values.max()))


def of_counted(values: NDArray[np.float64], times: NDArray[np.int64]) -> Moments:
    """Of finite numbers that occur so many times each, both of shape (n,), none of them 0 times."""
    count = int(times.sum())
    if not count:
        return Moments()
    mean = float(values @ times) / count
    squares = float(np.square(values - mean) @ times)
    return Moments(count, mean, squares, float(values.min()), float(values.max()))
