"""The learning rate, judged by how far each step moves the weights.

An update of about 1e-3 of the weights' norm is what healthy training shows; a tenth and more, or
a hundred-thousandth and less, only with a loss that does not fall either counts as a fault.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltui.doctor.finding import Finding
from dltui.doctor.record import Curve, Record
from dltui.doctor.rules.loss import diverges, progress
from dltui.doctor.rules.wording import number

TOO_HIGH = 0.1
FAR_TOO_HIGH = 0.5
ONE_LAYER = 0.3
TOO_LOW = 3e-5
MIN_STEPS = 50
HEALTHY = 1e-3


def learning_rate_too_high(record: Record) -> Iterator[Finding]:
    """Each step moves the weights by a tenth or more, and the loss does not fall."""
    ratios = _typical_ratio(record)
    if len(ratios) < 3 or record.step < MIN_STEPS:
        return
    ratio = float(np.median(ratios.tail(0.5, 3).values))
    stuck = progress(record) < 0.1 or diverges(record.loss)
    if stuck and ratio < TOO_HIGH:
        # The first steps may have killed all layers but the last.
        first, single = float(np.max(ratios.values)), _fastest_layer(record)
        ratio = max(first if first > FAR_TOO_HIGH else 0, single if single > ONE_LAYER else 0)
    if not (ratio > FAR_TOO_HIGH or (ratio > TOO_HIGH and stuck)):
        return
    yield Finding(
        "learning_rate_too_high",
        "warning",
        None,
        int(ratios.steps[-1]),
        f"A step changes the weights by up to {ratio:.0%} (about 0.1 % is usual)"
        f"{' and train/loss does not fall' if stuck else ''}.",
        f"try optimizer.lr={_suggested(record, ratio)}",
        {"update_ratio": ratio, "learning_rate": record.learning_rate},
    )


def learning_rate_too_low(record: Record) -> Iterator[Finding]:
    """The steps hardly move the weights, and the loss has hardly fallen."""
    ratios = record.at_full_rate(_typical_ratio(record))
    if len(ratios) < 3 or record.step < MIN_STEPS:
        return
    ratio = float(np.median(ratios.values))
    # A model that got no gradient at all, or once made large steps, has another fault.
    if ratio == 0 or float(np.max(ratios.values)) > HEALTHY:
        return
    if not (ratio < TOO_LOW and progress(record) < 0.05):
        return
    yield Finding(
        "learning_rate_too_low",
        "warning",
        None,
        int(ratios.steps[-1]),
        f"A step changes the weights by only {number(ratio)} of their size (about 1e-3 is usual) "
        f"and train/loss has fallen by {max(0.0, progress(record)):.1%} in {record.step:,} steps.",
        f"try optimizer.lr={_suggested(record, ratio)}",
        {"update_ratio": ratio, "learning_rate": record.learning_rate},
    )


def _typical_ratio(record: Record) -> Curve:
    """Median over the layers of the update/weight ratio on each sampled step."""
    layers = record.layers
    if layers is None:
        return Curve(np.empty(0, np.int64), np.empty(0))
    usable = np.isfinite(layers.update_ratio) & ~layers.frozen
    rows = usable.any(axis=1)
    # Sorting puts NaN last; np.nanmedian says the same twenty times slower.
    ordered = np.sort(np.where(usable, layers.update_ratio, np.nan)[rows], axis=1)
    count = usable[rows].sum(axis=1)
    at = np.arange(len(ordered))
    medians = (ordered[at, (count - 1) // 2] + ordered[at, count // 2]) / 2
    return Curve(layers.steps[rows], medians)


def _fastest_layer(record: Record) -> float:
    """Each sampled step's greatest ratio of any layer; the median of these at the full rate."""
    layers = record.layers
    if layers is None:
        return 0.0
    greatest = np.where(np.isfinite(layers.update_ratio), layers.update_ratio, 0.0).max(axis=1)
    values = record.at_full_rate(Curve(layers.steps, greatest)).values
    return float(np.median(values)) if len(values) > 2 else 0.0


def _suggested(record: Record, ratio: float) -> str:
    """The rate that would bring the ratio to about 1e-3, within four orders of magnitude."""
    lr = record.curve("train/lr").values
    highest = float(np.nanmax(lr)) if len(lr) else float("nan")
    if not highest > 0:
        return "a rate that brings the ratio to about 1e-3"
    return f"{highest * float(np.clip(1e-3 / max(ratio, 1e-12), 1e-4, 1e4)):.1g}"
