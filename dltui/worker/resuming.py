"""Going on from a checkpoint: of the same run, exactly; of another run, as far as it fits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.errors import StoreError, TrainingError
from dltui.runs import Best, RunFolder, checkpoint_at, pointed
from dltui.worker.checkpoints import (
    load_what_fits,
    optimizer_fits,
    random_state,
    read_checkpoint,
    set_random_state,
)

if TYPE_CHECKING:
    from dltui.worker.training import Training


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint that has been read. `is_own` tells a resumed run from a fork of another."""

    folder: Path
    model: dict[str, Any]
    training: dict[str, Any]
    is_own: bool

    @property
    def step(self) -> int:
        return int(self.training["step"])


def find_saved(folder: RunFolder, parent: str | None) -> Saved | None:
    """The run's newest checkpoint, else the one that it was forked from, else None.

    `parent` is `RUN@STEP`, a run beside this one. Raises StoreError where that is gone.
    """
    own = pointed(folder.checkpoints, "latest")
    if own is not None:
        return Saved(own, *read_checkpoint(own), is_own=True)
    if parent is None:
        return None
    run, _, step = parent.rpartition("@")
    origin = RunFolder(folder.path.parent / run)
    if not origin.path.is_dir():
        raise StoreError(
            f"the run {run} that this one was forked from is gone", where=str(origin.path)
        )
    found = checkpoint_at(origin.checkpoints, int(step))
    return Saved(found, *read_checkpoint(found), is_own=False)


def training_state(training: Training) -> dict[str, Any]:
    """Everything beside the weights that going on exactly needs."""
    parts, watched, stepper = training.parts, training.watched, training.stepper
    return {
        "step": training.step,
        "steps_per_epoch": parts.steps.per_epoch,
        "fold": training.fold.index,
        "first_step": training.fold.first_step,
        "results": [dict(result) for result in training.fold.results],
        "optimizers": {name: each.state_dict() for name, each in parts.optimizers.items()},
        "task": parts.task.state(),
        "scaler": stepper.scaler.state_dict() if stepper.scaler else None,
        "ema": parts.ema.state() if parts.ema else None,
        "rate": parts.rate.state(),
        "best": watched.best.state(),
        "best_step": watched.best_step,
        "early": watched.early.state() if watched.early else None,
        "evaluated_at": watched.evaluated_at,
        "last": dict(watched.last),
        "splits": stepper.splits,
        "random": random_state(),
        "recipe_hash": training.recipe.hash(),
    }


def restore(training: Training, saved: Saved) -> None:
    """Put the training at the checkpoint, random generators included: bitwise the same goes on.

    Raises StoreError where weights and recipe do not belong together.
    """
    parts, state = training.parts, saved.training
    try:
        parts.model.load_state_dict(saved.model)
    except RuntimeError as error:
        raise StoreError(
            f"the checkpoint does not fit the recipe: {error}",
            where=str(saved.folder),
            remedy="start the recipe anew, or fork the run: what fits is taken over then",
        ) from error
    _restore_optimizers(training, state)
    parts.task.load_state(state["task"])
    if parts.ema is not None and state["ema"] is not None:
        parts.ema.load(state["ema"])
    parts.rate.load(state["rate"])
    training.watched.best.load(state["best"])
    if training.watched.early is not None and state["early"] is not None:
        training.watched.early.load(state["early"])
    training.watched.evaluated_at = state["evaluated_at"]
    training.watched.last = dict(state["last"])
    training.watched.saved_at = saved.step
    # What came after the checkpoint is superseded, the best value that it may have had as well.
    step, value = state.get("best_step"), training.watched.best.best
    training.watched.best_step = step
    best = None if step is None or value is None else Best(training.best_metric, value, step)
    training.record.update(best=best)
    training.stepper.splits = state["splits"]
    training.step = training.record.step = saved.step
    set_random_state(state["random"])


def fork(training: Training, saved: Saved) -> None:
    """Take over weights, optimiser state and place of another run where they fit this recipe.

    The new recipe's settings hold. Raises TrainingError where no step is left to do.
    """
    parts, state = training.parts, saved.training
    left_out = load_what_fits(parts.model, saved.model)
    say = training.record.event
    if left_out:
        names = ", ".join(left_out[:8]) + (", …" if len(left_out) > 8 else "")
        say("log", f"not taken over from {saved.folder.name}: {names}", level="warning")
    fits = all(
        name in state["optimizers"] and optimizer_fits(optimizer, state["optimizers"][name])
        for name, optimizer in parts.optimizers.items()
    )
    if not left_out and fits:
        _restore_optimizers(training, state)
    else:
        say("log", "the optimiser starts afresh: its state does not fit", level="warning")
    if parts.ema is not None:
        parts.ema.restart()
    epochs = (saved.step - state["first_step"]) / state["steps_per_epoch"]
    step = round(epochs * parts.steps.per_epoch)
    if step >= parts.steps.total:
        raise TrainingError(
            f"the checkpoint is at step {step} and the recipe ends at {parts.steps.total}",
            where=str(saved.folder),
            remedy="raise trainer.epochs, or fork an earlier step",
        )
    training.step = training.record.step = step


def _restore_optimizers(training: Training, state: dict[str, Any]) -> None:
    """The optimisers' state, with the settings of the present recipe."""
    for name, optimizer in training.parts.optimizers.items():
        settings = [
            {key: value for key, value in group.items() if key != "params"}
            for group in optimizer.param_groups
        ]
        optimizer.load_state_dict(state["optimizers"][name])
        for group, own in zip(optimizer.param_groups, settings, strict=True):
            group.update(own)
    if training.stepper.scaler is not None and state["scaler"]:
        training.stepper.scaler.load_state_dict(state["scaler"])
