"""How far the training was, as the file itself says: epoch, step, best score, learning rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dltui.inspect.contents import Checkpoint
from dltui.inspect.nested import at
from dltui.inspect.parts import parts
from dltui.inspect.scalars import scalar

_KEYS = (
    *("epoch", "epochs", "global_step", "step", "steps", "iteration", "iter", "iter_num", "it"),
    *("num_updates", "updates", "total_steps", "steps_per_epoch", "best_step", "best_epoch"),
    *("best_acc", "best_acc1", "best_accuracy", "best_score", "best_metric", "best_loss"),
    *("best_val_loss", "best_val_acc", "best_fitness", "best_prec1", "best", "metric", "metrics"),
    *("loss", "train_loss", "val_loss", "val_acc", "accuracy", "lr", "learning_rate"),
    *("arch", "name", "dataset", "date", "version", "pytorch-lightning_version", "seed"),
)
"""What training scripts call these things, in the order in which they are shown."""

_OF_TENSORS = frozenset({*_KEYS, "best_model_score", "best_score"})
_MOST_SCALARS = 32

_SECTIONS = ("trainer_state", "training_state", "progress", "state", "meta", "extra_state", "info")
"""Where some keep them, one level down."""


def progress(checkpoint: Checkpoint) -> Mapping[str, Any]:
    """What is known of the training, by the file's own keys; empty for plain weights.

    Values are numbers and texts. Learning rates come from the optimizers' groups: `lr`, a number
    or, where groups differ, a list.
    """
    found: dict[str, Any] = {}
    metadata = checkpoint.metadata
    for place in (metadata, *(at(metadata, section) for section in _SECTIONS)):
        if isinstance(place, Mapping):
            for key in _KEYS:
                value = _plain(place.get(key))
                if value is not None:
                    found.setdefault(key, value)
    for key, value in (*_callback_scores(metadata).items(), *_kept_as_tensors(checkpoint)):
        found.setdefault(key, value)
    rates = _learning_rates(checkpoint)
    if rates:
        found["lr"] = rates[0] if len(set(rates)) == 1 else rates
    return found


def _plain(value: Any) -> Any:
    """Numbers and short texts as they are, a small map of them as a text; None for all else."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if 0 < len(value) <= 200 else None
    if isinstance(value, Mapping) and 0 < len(value) <= 8 and "__class__" not in value:
        pairs = {str(key): each for key, each in value.items() if isinstance(each, int | float)}
        if len(pairs) == len(value):
            return ", ".join(f"{key} {each:.6g}" for key, each in pairs.items())
    return None


def _callback_scores(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Lightning's ModelCheckpoint and EarlyStopping: best score, monitored metric."""
    callbacks = metadata.get("callbacks")
    found: dict[str, Any] = {}
    for state in callbacks.values() if isinstance(callbacks, Mapping) else ():
        if isinstance(state, Mapping):
            for key in ("monitor", "best_model_score", "best_score", "wait_count", "patience"):
                value = _plain(state.get(key))
                if value is not None:
                    found.setdefault(key, value)
    return found


def _kept_as_tensors(checkpoint: Checkpoint) -> Iterator[tuple[str, int | float]]:
    """Scores that a training script left as tensors of one element."""
    likely = [
        tensor
        for tensor in checkpoint.tensors
        if tensor.elements == 1 and tensor.name.rpartition(".")[2] in _OF_TENSORS
    ]
    for tensor in likely[:_MOST_SCALARS]:
        outside = tensor.name in _OF_TENSORS or tensor.name.startswith("callbacks.")
        value = scalar(checkpoint, tensor) if outside else None
        if value is not None:
            yield tensor.name.rpartition(".")[2], value


def _learning_rates(checkpoint: Checkpoint) -> list[float]:
    rates: list[float] = []
    for part in parts(checkpoint):
        if part.kind != "optimizer":
            continue
        state = at(checkpoint.metadata, part.prefix)
        groups = state.get("param_groups") if isinstance(state, Mapping) else None
        for group in groups if isinstance(groups, list | tuple) else ():
            rate = group.get("lr") if isinstance(group, Mapping) else None
            if isinstance(rate, int | float):
                rates.append(float(rate))
    return rates
