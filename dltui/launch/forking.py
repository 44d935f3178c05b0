"""Where a fork begins, and whether anything is left to train from there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.errors import RecipeError, UsageError
from dltui.runs.checkpoints import checkpoint_at, read_place, step_of
from dltui.runs.layout import RunFolder
from dltui.runs.status import read_status

if TYPE_CHECKING:
    from dltui.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Origin:
    """A checkpoint of another run. `local_step` counts from the beginning of its fold."""

    run: RunFolder
    step: int
    local_step: int
    steps_per_epoch: int
    """0 where the run does not know."""

    @classmethod
    def of(cls, run: RunFolder, step: int | None) -> Origin:
        """The checkpoint of that step, the latest for None. Raises StoreError without one."""
        folder = checkpoint_at(run.checkpoints, step)
        found = step_of(folder)
        assert found is not None  # a checkpoint that was found has its step in its name
        place = read_place(folder)
        per_epoch = place.get("steps_per_epoch", read_status(run.path).steps_per_epoch)
        return cls(run, found, found - place.get("first_step", 0), per_epoch)

    def named(self, runs: Path) -> str:
        """`RUN@STEP` for a fork in `runs`; a run of another folder by its whole path."""
        beside = self.run.path.resolve().parent == runs.resolve()
        return f"{self.run.id if beside else self.run.path.resolve()}@{self.step}"

    def check_steps_left(self, recipe: Recipe, described: Mapping[str, Any] | None = None) -> None:
        """Raises UsageError where the fork would surely begin at its end.

        `described` is the recipe's description, which knows how long its epochs are.
        """
        if not self.steps_per_epoch:
            return
        epochs = self.local_step / self.steps_per_epoch
        if recipe.trainer.steps is None:
            wanted = recipe.trainer.epochs or 1
            ends = epochs >= wanted and self.local_step >= round(wanted * self.steps_per_epoch)
            self._refuse(ends, f"{epochs:.3g} epochs on", f"{wanted:g}", "epochs")
            return
        begins = round(epochs * self._least_steps_per_epoch(recipe, described))
        ends = begins >= recipe.trainer.steps
        self._refuse(ends, f"{begins:,} steps on", f"{recipe.trainer.steps:,}", "steps")

    def _refuse(self, ends: bool, reached: str, wanted: str, key: str) -> None:
        if ends:
            raise UsageError(
                f"its checkpoint of step {self.step:,} is {reached}, and the recipe ends after "
                f"{wanted}: there is nothing left to train",
                where=self.run.name,
                remedy=f"raise trainer.{key}, or fork an earlier step: --fork {self.run.name}@STEP",
            )

    def _least_steps_per_epoch(self, recipe: Recipe, described: Mapping[str, Any] | None) -> int:
        """Of the recipe: those of its parent where both read alike, else what is sure."""
        if self._reads_alike(recipe):
            return self.steps_per_epoch
        size = ((described or {}).get("data") or {}).get("train_size") or 0
        whole = size // recipe.data.batch_size
        return math.ceil(whole / recipe.trainer.accumulate)

    def _reads_alike(self, recipe: Recipe) -> bool:
        from dltui.recipe import load_recipe  # pydantic, which listing runs does without

        try:
            parent = load_recipe(self.run.resolved)
        except RecipeError:  # an older dltui's; the worker will see how far it has come
            return False
        return (parent.data, parent.trainer.accumulate) == (
            recipe.data,
            recipe.trainer.accumulate,
        )
