"""Back to the last sound checkpoint, with a lower learning rate, where a training diverged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dltui.errors import StoreError, TrainingError
from dltui.runs import pointed
from dltui.runs.checkpoints import checkpoints
from dltui.worker.checkpoints import read_checkpoint
from dltui.worker.resuming import Saved, restore

if TYPE_CHECKING:
    from dltui.worker.nonfinite import DivergedError
    from dltui.worker.training import Training


class Rollbacks:
    """Counts how often a training went back; a new checkpoint in between starts the count anew."""

    def __init__(self) -> None:
        self._times = 0
        self._reached = 0

    def roll_back(self, training: Training, error: DivergedError) -> None:
        """Puts the training at its last sound checkpoint, at a lower learning rate.

        Raises TrainingError where there is none or where it went back too often in a row.
        """
        settings = training.recipe.diagnostics.rollback
        saved = _last_sound(training.record.folder.checkpoints)
        if saved is None:
            text = f"{error.message}; there is no sound checkpoint to go back to"
            raise TrainingError(text, where=error.where, remedy=error.remedy) from error
        self._times = 1 if saved.step > self._reached else self._times + 1
        self._reached = max(self._reached, saved.step)
        if self._times > settings.most:
            text = f"{error.message}; it was rolled back {settings.most} times in a row"
            raise TrainingError(text, where=error.where, remedy=error.remedy) from error
        factor = training.parts.rate.factor
        restore(training, saved)
        training.record.rewind(saved.step)
        training.parts.rate.factor = factor * settings.lr_factor
        text = f"rolled back to the checkpoint of step {saved.step}"
        training.record.event(
            "state", text, level="warning", data={"rolled_back": True, "step": saved.step}
        )


def _last_sound(folder: Path) -> Saved | None:
    for path in _newest_first(folder):
        try:
            model, state = read_checkpoint(path)
        except StoreError:
            continue  # a damaged one is no sound one; the next older may be
        if _is_finite(model):
            return Saved(path, model, state, is_own=True)
    return None


def _newest_first(folder: Path) -> Iterator[Path]:
    latest = pointed(folder, "latest")
    if latest is not None:
        yield latest
    yield from (path for path in reversed(checkpoints(folder)) if path != latest)


def _is_finite(model: dict[str, Any]) -> bool:
    return all(
        bool(value.isfinite().all())
        for value in model.values()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    )
