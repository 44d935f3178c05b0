"""Training against validation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltui.doctor.finding import Finding
from dltui.doctor.record import Curve, Record
from dltui.doctor.rules.wording import number

MIN_EVALUATIONS = 4
RISE = 1.25
FALL = 0.9
FAR_RISE = 3.0
ACCURACY_DROP = 0.01
ACCURACY_GAP = 0.07
"""A change of accuracy must also exceed twice its standard error."""


def overfitting(record: Record) -> Iterator[Finding]:
    """val/loss has risen well above its best for several evaluations while train/loss fell.

    Where accuracy is known it must have suffered too, or be far from that in training: a loss that
    rises moderately while just as many answers are right is growing confidence, and usual.
    """
    val = record.curve("val/loss")
    if len(val) < MIN_EVALUATIONS + 1 or not np.isfinite(val.values).all():
        return
    best = int(np.argmin(val.values))
    after = len(val) - 1 - best
    if after < max(MIN_EVALUATIONS, len(val) // 5):
        return
    recent, lowest = float(np.median(val.values[-3:])), float(val.values[best])
    train_then, train_now = _train_at(record, val, best), _train_at(record, val, len(val) - 1)
    if not (recent > RISE * lowest and train_now < FALL * train_then):
        return
    if recent - max(train_now, 0.0) < 0.1 * recent:
        return
    if recent < FAR_RISE * lowest and not _accuracy_suffers(record, val):
        return
    yield Finding(
        "overfitting",
        "warning",
        None,
        int(val.steps[-1]),
        f"val/loss has risen from {number(lowest)} to {number(recent)} in the {after} evaluations "
        f"since step {int(val.steps[best]):,}, while train/loss fell from {number(train_then)} to "
        f"{number(train_now)}.",
        "try trainer.early_stopping.patience=5, optimizer.weight_decay=0.01, dropout layers, "
        "data.augment, more data or a smaller model; the checkpoint `best` is from before",
        {"val_best": lowest, "val_now": recent, "train_then": train_then, "train_now": train_now},
    )


def _train_at(record: Record, val: Curve, number_: int) -> float:
    """Mean training loss since the evaluation before."""
    last = int(val.steps[number_])
    first = int(val.steps[number_ - 1]) + 1 if number_ else 0
    return record.curve("train/loss").between(first, last).mean()


def _accuracy_suffers(record: Record, val: Curve) -> bool:
    accuracy = record.curve("val/accuracy")
    if len(accuracy) < 3:
        return True
    examples = int(record.confusions[-1].matrix.sum()) if record.confusions else 100
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(accuracy.values, 3), axis=1)
    now = float(smooth[-1])
    chance = 2 * float(np.sqrt(now * (1 - now) / max(examples, 1)))
    if float(smooth.max()) - now > max(ACCURACY_DROP, chance):
        return True
    last_epoch = record.curve("train/accuracy").between(val.steps[-2], val.steps[-1])
    return len(last_epoch) > 0 and last_epoch.mean() - now > max(ACCURACY_GAP, chance)
