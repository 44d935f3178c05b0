"""Which way a metric gets better, by its name."""

from __future__ import annotations

from typing import Literal

Direction = Literal["min", "max"]
_SMALLER_IS_BETTER = (
    "loss",
    "mae",
    "mse",
    "mase",
    "smape",
    "relative_mae",
    "perplexity",
    "error",
    "wer",
    "cer",
    "fid",
    "nll",
)


def best_direction(metric: str) -> Direction:
    """`min` for losses and errors (`val/loss`, `val/mae`), `max` for all else."""
    name = metric.rsplit("/", 1)[-1]
    return "min" if any(name.startswith(word) for word in _SMALLER_IS_BETTER) else "max"
