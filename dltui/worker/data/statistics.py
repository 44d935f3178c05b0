"""What the training part's targets look like."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from dltui.recipe.data_info import DataInfo
from dltui.worker.data.examples import Examples
from dltui.worker.data.prepare import column_statistics


def balanced_weights(info: DataInfo, train: Examples) -> Tensor | None:
    """Class weights `(C,)` inverse to how often a class stands in the training part, with mean 1
    over the examples; 0 for a class that is not there. None where targets are no classes."""
    counts = _class_counts(info, train)
    if counts is None:
        return None
    weights = len(train) / (len(counts) * counts.clamp_min(1))
    return torch.where(counts > 0, weights, torch.zeros_like(weights)).float()


def target_statistics(info: DataInfo, train: Examples) -> tuple[Tensor | None, Tensor | None]:
    """Mean and std `(T,)` of the numbers to predict; None where targets are no numbers."""
    if info.target != "value" or train.targets is None:
        return None, None
    return column_statistics(train.targets.reshape(len(train), -1))


def absence_notes(info: DataInfo, parts: Mapping[str, Examples]) -> tuple[str, ...]:
    """A line for every part that lacks a class."""
    notes = []
    for name, part in parts.items():
        counts = _class_counts(info, part)
        if counts is None:
            continue
        absent = [
            info.class_names[number] if info.class_names else str(number)
            for number in (counts == 0).nonzero().flatten().tolist()
        ]
        if absent:
            listed = ", ".join(absent[:5]) + (" …" if len(absent) > 5 else "")
            notes.append(f"the {name} part has no example of: {listed}")
    return tuple(notes)


def _class_counts(info: DataInfo, part: Examples) -> Tensor | None:
    if info.target != "class" or info.classes is None or part.targets is None:
        return None
    return torch.bincount(part.targets, minlength=info.classes)
