"""What the training loss does: it diverges, stays at chance, never falls, or falls no further."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

import numpy as np

from dltui.doctor.finding import Finding
from dltui.doctor.record import Curve, Record
from dltui.doctor.rules.wording import number

MIN_STEPS = 100
CHANCE_MARGIN = 0.02
PLATEAU_SHARE = 0.4
"""The part of the run, its newest, over which a plateau must last."""
PLATEAU_LEVEL = 0.7
"""A loss that has come below this share of its first value and stays there has converged."""


def diverging(record: Record) -> Iterator[Finding]:
    """The loss is well above where it started."""
    loss = record.loss
    if not diverges(loss):
        return
    start, now = _start(loss), _now(loss)
    lowest = int(loss.steps[int(np.nanargmin(loss.values))])
    lr = record.learning_rate
    yield Finding(
        "diverging",
        "error",
        None,
        int(loss.steps[-1]),
        f"train/loss rose from {number(start)} at the start to {number(now)}; it was lowest at "
        f"step {lowest:,}.",
        f"try optimizer.lr={f'{lr / 10:.1g}' if lr > 0 else 'a tenth'}, trainer.clip.norm=1, "
        "scheduler.warmup.epochs=1",
        {"start": start, "now": now, "learning_rate": lr},
    )


def at_chance(record: Record) -> Iterator[Finding]:
    """A classifier's loss is that of guessing all classes alike, ln C."""
    loss = record.loss
    if not record.confusions or not _long_enough(record):
        return
    classes = len(record.confusions[-1].classes)
    if classes < 2:
        return
    chance, now = log(classes), _now(loss)
    val = record.curve("val/loss")
    val_now = val.tail(0.0, 2).mean() if len(val) else now
    near = abs(now - chance) < CHANCE_MARGIN * chance
    if not (near and val_now > (1 - 2 * CHANCE_MARGIN) * chance):
        return
    yield Finding(
        "at_chance",
        "warning",
        None,
        int(loss.steps[-1]),
        f"train/loss is {number(now)} after {record.step:,} steps: guessing among {classes} "
        f"classes gives ln {classes} = {number(chance)}.",
        "check that labels belong to their examples and inputs are normalised "
        "(data.normalize=true); try another optimizer.lr, ten times lower and higher",
        {"loss": now, "chance": chance, "classes": float(classes)},
    )


def not_learning(record: Record) -> Iterator[Finding]:
    """The loss is where it was at the start."""
    if record.forked or not _long_enough(record) or diverges(record.loss):
        return
    if next(at_chance(record), None) is not None:
        return
    loss = record.loss
    head, tail = loss.head(0.05, 10), loss.tail(0.2, 10)
    noise = 2 * float(np.hypot(head.error(), tail.error()))
    start, now = head.mean(), tail.mean()
    if not start > 0 or start - now > max(0.02 * start, noise) or noise > 0.1 * start:
        return
    yield Finding(
        "not_learning",
        "warning",
        None,
        int(loss.steps[-1]),
        f"train/loss is {number(now)} after {record.step:,} steps and was {number(start)} at the "
        "start.",
        f"try optimizer.lr ten times higher and lower (now {number(record.learning_rate)}); check "
        "that layers get gradients and that labels belong to their examples",
        {"start": start, "now": now},
    )


def plateau(record: Record) -> Iterator[Finding]:
    """The loss fell, then stood still at a high level while the learning rate was still high."""
    loss = record.loss
    if not _long_enough(record, epochs=5) or record.forked or diverges(loss):
        return
    window = loss.tail(PLATEAU_SHARE, 50)
    half = len(window) // 2
    if half < 25 or len(record.at_full_rate(window)) < len(window):
        return
    before = Curve(window.steps[:half], window.values[:half])
    after = Curve(window.steps[half:], window.values[half:])
    start, now = _start(loss), after.mean()
    noise = 2 * float(np.hypot(before.error(), after.error()))
    fell = before.mean() - now
    if not (start > 0 and PLATEAU_LEVEL * start < now < 0.98 * start):
        return
    if fell > max(0.005 * now, noise) or noise > 0.02 * now:
        return
    yield Finding(
        "plateau",
        "warning",
        None,
        int(loss.steps[-1]),
        f"train/loss has stayed at {number(now)} since step {int(window.steps[0]):,} "
        f"({now / start:.0%} of its first value).",
        f"try scheduler.type=plateau or optimizer.lr={_other(record)}; a larger model if train and "
        "validation stay alike",
        {"loss": now, "start": start, "since_step": float(window.steps[0])},
    )


def diverges(loss: Curve) -> bool:
    """Whether the newest losses are well above the first and far above the best."""
    if len(loss) < 20:
        return False
    start, now = _start(loss), _now(loss)
    window = max(5, len(loss) // 50)
    finite = np.where(np.isfinite(loss.values), loss.values, np.nan)
    blocks = finite[: len(finite) // window * window].reshape(-1, window)
    averages = blocks[np.isfinite(blocks).all(axis=1)].mean(axis=1)
    best = float(averages.min()) if len(averages) else start
    return bool(start > 0 and now > 1.5 * start and now > 2 * best and now > _start_noise(loss))


def progress(record: Record) -> float:
    """By which share the loss has fallen from its first to its newest values; 0 if unknown.

    The very first value was measured before any step could spoil it.
    """
    first = record.curve("train/loss").values
    if not len(first):
        return 0.0
    loss = record.loss
    start, now = min(_start(loss), float(first[0])), _now(loss)
    return float((start - now) / abs(start)) if start and np.isfinite(start - now) else 0.0


def _start(loss: Curve) -> float:
    return loss.head(0.01, 5).mean()


def _start_noise(loss: Curve) -> float:
    head = loss.head(0.05, 10)
    return head.mean() + 3 * float(
        np.nanstd(np.where(np.isfinite(head.values), head.values, np.nan))
    )


def _now(loss: Curve) -> float:
    return loss.tail(0.05, 10).mean()


def _long_enough(record: Record, epochs: float = 1.0) -> bool:
    return record.step >= max(MIN_STEPS, epochs * record.steps_per_epoch)


def _other(record: Record) -> str:
    lr = record.learning_rate
    return f"{lr / 3:.1g}" if lr > 0 else "a third of it"
