"""What the confusion matrix says about single classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltui.doctor.finding import Finding
from dltui.doctor.record import Record
from dltui.doctor.rules.wording import named

MIN_EXAMPLES = 5
MIN_EPOCHS = 2
IMBALANCE = 10.0


def class_never_predicted(record: Record) -> Iterator[Finding]:
    """A class with examples was not predicted once in the last two evaluations."""
    if not _settled(record):
        return
    newest = record.confusions[-1]
    silent = np.ones(len(newest.classes), dtype=bool)
    for confusion in record.confusions:
        if confusion.classes == newest.classes:
            silent &= (confusion.matrix.sum(axis=0) == 0) & (
                confusion.matrix.sum(axis=1) >= MIN_EXAMPLES
            )
    missed = [name for name, flag in zip(newest.classes, silent, strict=True) if flag]
    if not missed:
        return
    examples = int(newest.matrix.sum(axis=1)[silent].sum())
    subject, verb = ("Class", "was") if len(missed) == 1 else ("Classes", "were")
    yield Finding(
        "class_never_predicted",
        "warning",
        None,
        newest.step,
        f"{subject} {named(missed, 5)} {verb} never predicted in the last evaluations, though "
        f"{examples:,} validation examples belong there.",
        "check that the training part has examples of it (data.split.stratify=true); weigh rare "
        "classes with task.loss.class_weights=balanced",
        {"classes": float(len(missed)), "examples": float(examples)},
    )


def class_imbalance(record: Record) -> Iterator[Finding]:
    """A rare class is recognised far worse than the rest."""
    if not _settled(record):
        return
    newest = record.confusions[-1]
    counts = newest.matrix.sum(axis=1)
    present = counts >= MIN_EXAMPLES
    if present.sum() < 2:
        return
    recall = np.diag(newest.matrix) / np.maximum(counts, 1)
    overall = float(np.diag(newest.matrix).sum() / counts.sum())
    predicted = newest.matrix.sum(axis=0) > 0
    rare = present & predicted & (counts * IMBALANCE < counts.max()) & (recall < 0.5 * overall)
    if not rare.any():
        return
    worst = int(np.flatnonzero(rare)[np.argmin(recall[rare])])
    yield Finding(
        "class_imbalance",
        "info",
        None,
        newest.step,
        f"Class {newest.classes[worst]} has {int(counts[worst]):,} validation examples, the most "
        f"frequent {int(counts.max()):,}; {recall[worst]:.0%} of it are recognised, {overall:.0%} "
        "overall.",
        "try task.loss.class_weights=balanced or task.loss.type=focal; judge by f1 rather than "
        "accuracy",
        {"examples": float(counts[worst]), "recall": float(recall[worst]), "overall": overall},
    )


def _settled(record: Record) -> bool:
    confusions = record.confusions
    return len(confusions) >= 2 and confusions[-1].step >= MIN_EPOCHS * record.steps_per_epoch
