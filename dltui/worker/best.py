"""The test is of the weights that one would keep: those of the best checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from dltui.errors import StoreError
from dltui.runs import pointed
from dltui.runs.checkpoints import step_of
from dltui.worker.checkpoints import read_weights

if TYPE_CHECKING:
    from dltui.worker.training import Training


@contextmanager
def best_weights(training: Training) -> Iterator[int | None]:
    """The model holds the best weights inside the block, its own after it; gives their step.

    None, and the present weights, where those are the best or the best could not be saved.
    """
    best = training.watched.best_step
    found = pointed(training.record.folder.checkpoints, "best")
    if best in (None, training.step) or found is None or step_of(found) != best:
        yield None
        return
    try:
        weights = read_weights(found, averaged=training.parts.ema is not None)
    except StoreError as error:
        training.record.event("log", f"tested with the last weights: {error}", level="warning")
        yield None
        return
    model = training.parts.model
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        model.load_state_dict(weights)
    training.holds_best = True
    try:
        yield best
    finally:
        model.load_state_dict(own)
        training.holds_best = False
