"""The series of Mackey and Glass 1977, "Oscillation and chaos in physiological control systems".

dx/dt = 0.2 x(t − τ) / (1 + x(t − τ)¹⁰) − 0.1 x(t), chaotic for τ ≥ 17.
"""

from __future__ import annotations

import random

import torch

from dltui.recipe.schema.data import MackeyGlassData
from dltui.worker.data.batches import Say
from dltui.worker.data.series_windows import Timeline
from dltui.worker.data.sources.loaded import Loaded, Outline
from dltui.worker.data.sources.series import cut

_PARTS_A_STEP = 10
_SETTLING_STEPS = 300


def outline(section: MackeyGlassData, task: str) -> Outline:
    """Computes the series, which takes milliseconds."""
    return read(section, task).outline


def read(section: MackeyGlassData, task: str, say: Say | None = None) -> Loaded:
    """Windows of the series by part."""
    chance = random.Random(section.seed)
    start = 1.2 + 0.2 * chance.uniform(-1, 1)
    values = mackey_glass(section.length, section.delay, start)
    noisy = [value + chance.gauss(0, section.noise) for value in values]
    column = torch.tensor(noisy, dtype=torch.float32).unsqueeze(1)
    time = torch.arange(section.length, dtype=torch.float64)
    whole = torch.zeros(section.length, dtype=torch.bool)
    timeline = Timeline(column, time, whole, ("x",), targets=1)
    return cut(timeline, section, task, "the Mackey–Glass series")


def mackey_glass(length: int, delay: int, start: float) -> list[float]:
    """`length` steps of the series after it has settled, from a constant past of `start`.

    Classical Runge–Kutta with ten parts a step; the delayed value halfway between two parts is
    their mean.
    """
    part = 1 / _PARTS_A_STEP
    lag = delay * _PARTS_A_STEP
    values = [start] * (lag + 1)
    for _ in range((length + _SETTLING_STEPS) * _PARTS_A_STEP):
        x, then, after = values[-1], values[-1 - lag], values[-lag]
        between = (then + after) / 2
        k1 = _slope(x, then)
        k2 = _slope(x + part / 2 * k1, between)
        k3 = _slope(x + part / 2 * k2, between)
        k4 = _slope(x + part * k3, after)
        values.append(x + part / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    first = lag + _SETTLING_STEPS * _PARTS_A_STEP
    return values[first::_PARTS_A_STEP][:length]


def _slope(x: float, delayed: float) -> float:
    power: float = delayed**10
    return 0.2 * delayed / (1 + power) - 0.1 * x
