"""A torch and a torchvision that were not built for each other."""

from __future__ import annotations

import sys
from importlib.metadata import version

from dltui.errors import TrainingError

_SIGNS = (
    "torchvision::nms does not exist",
    "partially initialized module 'torchvision'",
    "Couldn't load custom C++ ops",
)
"""What importing or using such a torchvision says."""


def pair_that_does_not_fit(error: BaseException) -> TrainingError | None:
    """The error to show where `error` comes from such a pair, else None."""
    text = str(error)
    broken = isinstance(error, ImportError | OSError) and "undefined symbol" in text
    if not (broken and "torch" in text) and not any(sign in text for sign in _SIGNS):
        return None
    pair = f"torch {version('torch')} and torchvision {version('torchvision')}"
    return TrainingError(
        f"{pair} do not fit together",
        where=sys.prefix,
        remedy="install the pair that belongs together: "
        "pip install --upgrade --force-reinstall torch torchvision",
    )
