"""Units that are dead or saturated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltui.doctor.finding import Finding, Severity
from dltui.doctor.record import ActivationHistory, Record
from dltui.doctor.rules.wording import named

RECENT = 4
DEAD = 0.5
"""Healthy ReLU layers keep up to about a third of their units silent on a batch."""
ALL_DEAD = 0.95
SATURATED = 0.8


def dead_units(record: Record) -> Iterator[Finding]:
    """Most units of an activation are ≤ 0 for every example of the batch, again and again."""
    history = record.activations
    if history is None or len(history) < 2:
        return
    shares = history.dead_share[-RECENT:].min(axis=0)
    found = np.flatnonzero(shares > DEAD)
    if not len(found):
        return
    worst = int(found[np.argmax(shares[found])])
    share = float(shares[worst])
    severity: Severity = "error" if share >= ALL_DEAD else "warning"
    yield Finding(
        "dead_units",
        severity,
        history.names[worst],
        int(history.steps[-1]),
        f"{share:.0%} of the units of {history.names[worst]} (after {history.after[worst]}) are "
        f"dead: ≤ 0 for every example of the batch.{_others(history, found, worst)}",
        f"use leaky_relu or gelu, lower optimizer.lr, put bn before the activation, or check the "
        f"initialisation and bias of {history.after[worst]}",
        {"dead_share": share, "layers": float(len(found))},
    )


def saturated_units(record: Record) -> Iterator[Finding]:
    """Most outputs of a hidden tanh or sigmoid lie at its limits, where no gradient passes."""
    history, layers = record.activations, record.layers
    if history is None or len(history) < 2 or layers is None:
        return
    shares = history.saturated_share[-RECENT:].min(axis=0)
    hidden = np.array([after != layers.names[-1] for after in history.after], dtype=bool)
    found = np.flatnonzero((shares > SATURATED) & hidden)
    if not len(found):
        return
    worst = int(found[np.argmax(shares[found])])
    yield Finding(
        "saturated_units",
        "warning",
        history.names[worst],
        int(history.steps[-1]),
        f"{shares[worst]:.0%} of the outputs of {history.names[worst]} lie at the limits of the "
        f"function.{_others(history, found, worst)}",
        "use relu or gelu, normalise the layer's input (bn, layer_norm), lower optimizer.lr",
        {"saturated_share": float(shares[worst])},
    )


def _others(history: ActivationHistory, found: np.ndarray, worst: int) -> str:
    others = [history.names[i] for i in found if i != worst]
    return f" So are {named(others)}." if others else ""
