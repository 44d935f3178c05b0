"""Gradients that vanish, explode or never arrive."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltui.doctor.finding import Finding
from dltui.doctor.record import Floats, LayerHistory, Record
from dltui.doctor.rules.wording import named, number

RECENT = 8
PROFILE_RATIO = 1e-3
"""Healthy networks of many kinds stay within about 1e-2 between their first and last layers."""
GROWTH = 1000.0


def vanishing_gradients(record: Record) -> Iterator[Finding]:
    """The first quarter of the layers gets a tiny share of the last quarter's gradient."""
    profile = _profile(record.layers)
    if profile is None:
        return
    names, norms, step = profile
    quarter = max(1, len(names) // 4)
    first, last = float(np.median(norms[:quarter])), float(np.median(norms[-quarter:]))
    if not (0 < first < PROFILE_RATIO * last and _slope(norms) > 0):
        return
    yield Finding(
        "vanishing_gradients",
        "warning",
        names[int(np.argmin(norms))],
        step,
        f"The gradient norm falls from {number(last)} in the last layers to {number(first)} in the "
        f"first ({number(first / last)} of it): the first layers hardly learn.",
        "use relu or gelu instead of sigmoid or tanh, bn or layer_norm between layers, residual "
        "connections, or a matching initialisation (he for relu, xavier for tanh)",
        {"first_layers": first, "last_layers": last, "ratio": first / last},
    )


def exploding_gradients(record: Record) -> Iterator[Finding]:
    """Gradients grow a thousandfold over the run, or towards the first layers."""
    layers = record.layers
    if layers is None or len(layers) < 4:
        return
    total = np.sqrt(np.nansum(layers.grad_norm**2, axis=1))
    third = max(2, len(total) // 3)
    before, now = float(np.median(total[:third])), float(np.median(total[-min(RECENT, third) :]))
    profile = _profile(layers)
    ratio = 0.0
    if profile is not None:
        quarter = max(1, len(profile[0]) // 4)
        last = float(np.median(profile[1][-quarter:]))
        ratio = float(np.median(profile[1][:quarter])) / last if last > 0 else 0.0
    grown = np.isfinite(now) and now > GROWTH * max(before, 1e-12) and now > 10
    steep = ratio > 1 / PROFILE_RATIO and now > 100
    if not (grown or steep):
        return
    change = (
        f"from {number(before)} to {number(now)} over the run"
        if grown
        else (f"{number(ratio)} times from the last layers to the first")
    )
    yield Finding(
        "exploding_gradients",
        "error",
        layers.names[int(np.nanargmax(np.nan_to_num(layers.grad_norm[-1])))],
        int(layers.steps[-1]),
        f"The gradient norm grows {change}.",
        f"try trainer.clip.norm=1, optimizer.lr={_smaller(record)}, a warm-up "
        "(scheduler.warmup.epochs=1), normalisation layers",
        {"norm_before": before, "norm_now": now, "profile_ratio": ratio},
    )


def no_gradient(record: Record) -> Iterator[Finding]:
    """A layer that is not frozen has no gradient, or only zeros, in all recent samples."""
    layers = record.layers
    if layers is None or len(layers) < 3:
        return
    recent = slice(-RECENT, None)
    missing = np.atleast_1d(layers.without_gradient[recent].all(axis=0))
    zero = np.atleast_1d((layers.grad_norm[recent] == 0).all(axis=0) & ~layers.frozen[-1])
    for flags, why in ((missing, "no gradient"), (zero, "a gradient of exactly 0")):
        names = [name for name, flag in zip(layers.names, flags, strict=True) if flag]
        if names:
            yield Finding(
                "no_gradient",
                "warning",
                names[0],
                int(layers.steps[-1]),
                f"{named(names)} got {why} in the last {len(layers.steps[recent])} samples: "
                f"{'it does' if len(names) == 1 else 'they do'} not learn.",
                "check that the layer is used on the way to the loss and that no dead layer lies "
                "behind it; freeze it on purpose if that is meant",
                {"layers": float(len(names)), "samples": float(len(layers.steps[recent]))},
            )


def _profile(layers: LayerHistory | None) -> tuple[list[str], Floats, int] | None:
    """Names and median recent gradient norms of the trained layers, in the model's order."""
    if layers is None or len(layers) < 3:
        return None
    recent = layers.grad_norm[-RECENT:]
    keep = np.isfinite(recent).all(axis=0) & ~layers.frozen[-1]
    if keep.sum() < 4:
        return None
    names = [name for name, kept in zip(layers.names, keep, strict=True) if kept]
    return names, np.median(recent[:, keep], axis=0), int(layers.steps[-1])


def _slope(norms: Floats) -> float:
    logs = np.log(np.maximum(norms, 1e-38))
    return float(np.polyfit(np.arange(len(logs)), logs, 1)[0])


def _smaller(record: Record) -> str:
    lr = record.learning_rate
    return f"{lr / 10:.1g}" if lr > 0 else "a tenth of it"
