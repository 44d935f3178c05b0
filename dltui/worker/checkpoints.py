"""Checkpoints: files that `torch.load(weights_only=True)` reads, one folder a step.

`model.pt` holds the weights alone, a plain state dict; `ema.pt` their moving average, where there
is one; `training.pt` everything else that going on needs.
"""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.optim import Optimizer

from dltui.errors import StoreError

FORMAT = 1
MODEL, EMA, TRAINING = "model.pt", "ema.pt", "training.pt"


def write_checkpoint(folder: Path, model: Mapping[str, Any], training: dict[str, Any]) -> None:
    """Fill a fresh folder; `training["ema"]`, if any, gets a file of its own."""
    rest = dict(training)
    average = rest.get("ema")
    if average is not None:
        _save(average["average"], folder / EMA)
        rest["ema"] = {"updates": average["updates"]}
    _save(dict(model), folder / MODEL)
    _save({"format": FORMAT, **rest}, folder / TRAINING)


def _save(content: dict[str, Any], path: Path) -> None:
    """Raises OSError where the disk takes no more, which torch calls a RuntimeError."""
    failed: list[OSError] = []
    with _Watched(path, failed) as file:
        try:
            torch.save(content, file)
        except RuntimeError:
            if failed:
                raise failed[0] from None
            raise


class _Watched(io.FileIO):
    """A file that remembers its first failed write: torch reports it without the reason."""

    def __init__(self, path: Path, failed: list[OSError]):
        super().__init__(path, "wb")
        self._failed = failed

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._failed.append(error)
            raise
        return size


def read_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """`(model state dict, training state)` on the CPU.

    Raises StoreError if a file is missing, damaged, or holds more than plain data.
    """
    model = _load(folder / MODEL)
    training = _load(folder / TRAINING)
    if training.get("format") != FORMAT:
        raise StoreError(
            f"this checkpoint has format {training.get('format')!r}, not {FORMAT}",
            where=str(folder),
            remedy="use the dltui that wrote it",
        )
    if training.get("ema") is not None:
        training["ema"]["average"] = _load(folder / EMA)
    return model, training


def read_weights(folder: Path, *, averaged: bool) -> dict[str, Any]:
    """The state dict that was evaluated: with `averaged` the moving average, where there is one.

    Raises StoreError as `read_checkpoint` does.
    """
    return _load(folder / (EMA if averaged and (folder / EMA).is_file() else MODEL))


def _load(path: Path) -> dict[str, Any]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch.load raises whatever a damaged file happens to lead to.
        raise StoreError(
            f"this checkpoint cannot be read: {error}",
            where=str(path),
            remedy="take an earlier one: dltui train --fork RUN@STEP",
        ) from error
    if not isinstance(found, dict):
        raise StoreError("this file is no checkpoint of dltui", where=str(path))
    return found


def random_state() -> dict[str, Any]:
    """The states of Python's, numpy's and torch's generators as plain data and tensors."""
    import numpy as np

    version, words, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = cast(
        "tuple[str, np.ndarray, int, int, float]", np.random.get_state(legacy=True)
    )
    state: dict[str, Any] = {
        "python": [version, list(words), gauss],
        "numpy": [str(kind), torch.tensor(keys.astype("int64")), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: Mapping[str, Any]) -> None:
    """Put the generators back; a CUDA state is left out on a machine with other devices."""
    import numpy as np

    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype("uint32"), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    cuda = state.get("cuda")
    if cuda and torch.cuda.is_available() and len(cuda) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(cuda)


def load_what_fits(model: nn.Module, weights: Mapping[str, Any]) -> list[str]:
    """Take over the weights of the same name and shape; the names of the others."""
    own = model.state_dict()
    fitting = {
        name: tensor
        for name, tensor in weights.items()
        if name in own and own[name].shape == tensor.shape
    }
    model.load_state_dict(fitting, strict=False)
    return sorted((set(own) | set(weights)) - set(fitting))


def optimizer_fits(optimizer: Optimizer, state: Mapping[str, Any]) -> bool:
    """Whether a saved optimiser state belongs to the same parameters and the same optimiser."""
    mine, theirs = optimizer.state_dict()["param_groups"], state["param_groups"]
    return [(len(g["params"]), set(g)) for g in mine] == [
        (len(g["params"]), set(g)) for g in theirs
    ]
