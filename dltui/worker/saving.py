"""Checkpoints of a training as it goes: written, announced, or told that they cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dltui.errors import StoreError
from dltui.runs import publish_checkpoint
from dltui.runs.checkpoints import write_place
from dltui.worker.checkpoints import write_checkpoint
from dltui.worker.resuming import training_state

if TYPE_CHECKING:
    from dltui.worker.training import Training


class Saver:
    """A disk that does not take a checkpoint is an alarm, told once, and not the end.

    The former checkpoint stays and the next one is tried again.
    """

    def save(self, training: Training, reason: str, *, best: bool) -> bool:
        """The state after the present step; False where it could not be written."""
        record, step = training.record, training.step

        def write(folder: Path) -> None:
            state = training_state(training)
            write_checkpoint(folder, training.parts.model.state_dict(), state)
            write_place(folder, {key: state[key] for key in ("first_step", "steps_per_epoch")})

        try:
            publish_checkpoint(
                record.folder.checkpoints,
                step,
                write,
                best=best,
                keep=training.recipe.trainer.checkpoint.keep,
            )
        except StoreError as error:
            record.trouble("checkpoint", str(error))
            return False
        record.trouble("checkpoint", None)
        training.watched.saved_at = step
        record.update(checkpoint_step=step)
        why = reason or ("best so far" if best else "")
        text = f"checkpoint at step {step}" + (f", {why}" if why else "")
        record.event("checkpoint", text, data={"step": step, "best": best})
        return True
