"""The training loop, one for every task."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.errors import DataError, RecipeError
from dltui.recipe.direction import best_direction
from dltui.runs import Best
from dltui.worker.best import best_weights
from dltui.worker.callbacks import Callbacks, Moment, view_of
from dltui.worker.control import Control
from dltui.worker.evaluation import Evaluations
from dltui.worker.improvement import Improvement
from dltui.worker.late import LateValues
from dltui.worker.nonfinite import DivergedError, NonFinite
from dltui.worker.parts import Parts
from dltui.worker.probes import Probes
from dltui.worker.progress import Fold, Pace, Watched
from dltui.worker.rollback import Rollbacks
from dltui.worker.saving import Saver
from dltui.worker.schedules import preview
from dltui.worker.stepper import Stepper
from dltui.worker.tasks import Phase

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.worker.data import Batch, Data
    from dltui.worker.record import RunRecord
    from dltui.worker.team import Team


class Training:
    """One model learning from one split. `step` counts the optimiser steps of the whole run."""

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        parts: Parts,
        device: torch.device,
        record: RunRecord,
        control: Control,
        fold: Fold | None = None,
        team: Team | None = None,
    ):
        self.recipe = recipe
        self.data = data
        self.parts = parts
        self.device = device
        self.record = record
        self.control = control
        self.fold = fold or Fold()
        self.team = team
        self.step = self.fold.first_step
        self.pace = Pace()
        self.last_row: tuple[float, ...] = ()
        trainer = recipe.trainer
        main = getattr(recipe.task, "main_metric", recipe.facts.main_metric)
        self.best_metric = trainer.checkpoint.best or main
        early = trainer.early_stopping
        if team is not None and len(parts.task.phases) > 1:
            text = "a task of several phases trains on one device; write devices: 1"
            raise RecipeError([recipe.problem(("trainer", "devices"), text)])
        self.watched = Watched(
            Improvement(best_direction(self.best_metric)),
            Improvement(_direction(early), early.min_delta) if early else None,
        )
        self.stepper = Stepper(
            parts.networks,
            parts.task,
            parts.optimizers,
            trainer,
            parts.precision,
            device,
            lambda text: record.event("log", text, level="warning"),
        )
        self.probes = Probes(
            parts.model, recipe.diagnostics, record.arrays, device, compiled=parts.is_compiled
        )
        penalized = ("penalty",) if trainer.l1 or trainer.l2 else ()
        scalars = [name for phase in parts.task.phases for name in phase.scalars]
        self.columns = ("loss", "lr", "grad_norm", *scalars, *penalized)
        self.log = record.metric_log("train", self.columns)
        self._width = 1 + len(scalars) + len(penalized)
        self._turns: dict[Phase, list[Tensor]] = {}
        self.late = LateValues(device, self._width + 1, self._row)
        self._lr = math.nan
        self._reads_at_once = device.type != "cuda"
        self._recent: deque[tuple[int, Sequence[Batch]]] = deque(maxlen=8)
        on_nan = recipe.diagnostics.on_nan
        self._nonfinite = NonFinite(parts, record, goes_on=on_nan == "continue")
        self._rollbacks = Rollbacks() if on_nan == "rollback" else None
        if team is not None and self._rollbacks is not None:
            text = "a rollback needs a training on one device; write devices: 1"
            raise RecipeError([recipe.problem(("diagnostics", "on_nan"), text)])
        self._saver = Saver()
        self.holds_best = False
        """Whether the model holds the best checkpoint's weights, averaged where they were."""
        self.callbacks = Callbacks(recipe)
        self.evaluations = Evaluations(recipe, data, parts, device, record)

    def run(self) -> None:
        """Train until the last step or early stopping. Raises StopTraining and TrainingError."""
        self.record_schedule()
        if self.team is not None:
            self._gather_team(self.team)
        self.parts.model.train()
        self.tell("on_start")
        while not self.is_over:
            try:
                self._train_on()
                self.late.flush()
            except DivergedError as error:
                if self._rollbacks is None:
                    raise
                self._roll_back(self._rollbacks, error)
        self.finish()

    def _roll_back(self, rollbacks: Rollbacks, error: DivergedError) -> None:
        self.late.forget()
        self._turns.clear()
        rollbacks.roll_back(self, error)
        self._nonfinite.is_on = False
        self._rate_changed("after the rollback")

    def _train_on(self) -> None:
        while not self.is_over:
            epoch, offset = divmod(self.local_step, self.parts.steps.per_epoch)
            before, clock_s = self.step, perf_counter()
            for group in self.groups(epoch, offset):
                now_s = perf_counter()
                self.pace.waited_s += now_s - clock_s
                self.control.obey(self, now_s)
                began_s = perf_counter()
                self.train_step(group)
                self.tell("on_step_end")
                self.pace.spent_s += perf_counter() - began_s + now_s - clock_s
                if self.is_due(self.evaluation_every):
                    self.evaluate()
                if self.is_due(self.checkpoint_every):
                    self.save_checkpoint()
                if self.is_over:
                    break
                clock_s = perf_counter()
            if self.step == before:
                raise DataError("not one training batch could be read", where="data")

    def _gather_team(self, team: Team) -> None:
        optimizers = {name: each.state_dict() for name, each in self.parts.optimizers.items()}
        model = self.parts.model.state_dict()
        team.hand_out({"step": self.local_step, "model": model, "optimizers": optimizers})

    def train_step(self, group: Sequence[Batch]) -> None:
        """One optimiser step on a group of micro-batches."""
        number = self.step + 1
        lr = self.apply_learning_rate()
        if self.team is not None:
            self.team.order_step(lr)
        self.probes.begin(number, last=self.local_step + 1 >= self.parts.steps.total)
        turns = self.stepper.turns(number)
        for phase in turns:
            values = self.stepper.gradients(group, phase)
            if self.team is not None:
                values = self.team.averaged(values)
            self._turns[phase] = values
            is_sound = not self._reads_at_once or math.isfinite(values[0].item())
            if not is_sound:
                self._nonfinite.found(number, values[0].item(), group, phase)
            self.stepper.unscale(phase)
            if phase is turns[-1]:
                self.probes.gradients_ready(number)
            else:
                self.probes.turn_ready(number)
            checks = self._reads_at_once and self.team is None
            if is_sound and not self.stepper.update(group, phase, checks=checks):
                norm = self.stepper.grad_norm
                broken = math.nan if norm is None else norm.item()
                self._nonfinite.found(number, broken, group, phase, "gradient norm")
        self.probes.updated(number)
        values = self._step_values()
        self.step = self.record.step = number
        if self.parts.ema is not None:
            self.parts.ema.update(self.local_step)
        if self.stepper.penalty is not None:
            values.append(self.stepper.penalty)
        norm = self.stepper.grad_norm
        if norm is None:
            norm = self.probes.last_gradient_norm
        if norm is not None:
            values.append(norm)
        if not self._reads_at_once:
            self._recent.append((number, group))
        self.late.push(number, time.time(), lr, values)
        self.pace.steps += 1
        self.pace.samples += sum(map(len, group)) * (self.team.size if self.team else 1)
        self.evaluations.prepare()

    def _step_values(self) -> list[Tensor]:
        """`[loss, *scalars of every phase]`; a phase that did not come keeps its last values."""
        phases = self.stepper.phases
        if len(phases) == 1:
            return list(self._turns[phases[0]])
        nothing = torch.tensor(math.nan, device=self.device)
        loss = self._turns[phases[-1]][0] if phases[-1] in self._turns else nothing
        values = [loss.detach()]
        for phase in phases:
            known = self._turns.get(phase)
            values += known[1:] if known else [nothing] * len(phase.scalars)
        return values

    def groups(self, epoch: int, offset: int) -> Iterator[list[Batch]]:
        """The micro-batches of each optimiser step of an epoch, from step `offset` of it on."""
        count = self.recipe.trainer.accumulate
        batches = iter(self.data.train.epoch(epoch, offset * count))
        while group := list(islice(batches, count)):
            yield group

    def apply_learning_rate(self) -> float:
        """The rate of the coming step, set in every parameter group by its factor."""
        lr = self.parts.rate(self.local_step)
        if lr != self._lr:
            self._lr = lr
            self.parts.set_learning_rate(lr)
        return lr

    def _row(self, step: int, at: float, lr: float, values: Sequence[float]) -> None:
        loss, *rest = values[: self._width]
        norm = values[self._width] if len(values) > self._width else None
        self.log.append(step, at, [loss, lr, norm, *rest])
        self.last_row = (loss, lr, *rest)
        if math.isfinite(loss):
            self._nonfinite.is_on &= norm is not None and not math.isfinite(norm)
        elif not self._reads_at_once:
            groups = dict(self._recent)
            group = groups.get(step) or self._recent[-1][1]
            self._nonfinite.found(step, loss, group, self.stepper.phases[-1])

    @property
    def local_step(self) -> int:
        """Steps done of this fold's training."""
        return self.step - self.fold.first_step

    @property
    def is_over(self) -> bool:
        """All steps done, or nothing better for too long."""
        early = self.recipe.trainer.early_stopping
        waited = self.watched.early.stale if self.watched.early else 0
        return self.local_step >= self.parts.steps.total or (
            early is not None and waited > early.patience
        )

    @property
    def evaluation_every(self) -> float | None:
        """Optimiser steps between evaluations."""
        trainer = self.recipe.trainer
        return self._interval(trainer.evaluate_every_steps, trainer.evaluate_every_epochs)

    @property
    def checkpoint_every(self) -> float | None:
        """Optimiser steps between checkpoints."""
        section = self.recipe.trainer.checkpoint
        return self._interval(section.every_steps, section.every_epochs)

    def _interval(self, steps: int | None, epochs: float | None) -> float | None:
        if steps is not None:
            return float(steps)
        return None if epochs is None else max(epochs * self.parts.steps.per_epoch, 1.0)

    def is_due(self, every: float | None) -> bool:
        """Whether the step just done completes another `every` steps."""
        step = self.local_step
        return every is not None and int(step / every) > int((step - 1) / every)

    def evaluate(self, *, last: bool = False) -> None:
        """Measure the validation part; decides about best, early stopping and plateau."""
        self.late.flush()
        self.watched.evaluated_at = self.step
        if self.data.val is None:
            return
        last = last or self.local_step >= self.parts.steps.total
        averaged = not self.holds_best
        results = self.evaluations.measure("val", self.data.val, averaged=averaged, last=last)
        named = {f"val/{name}": value for name, value in results.items()}
        self.watched.last = results
        known = {**self.train_values(), **named}
        is_best = self.best_metric in known and self.watched.best.update(known[self.best_metric])
        self._decide(known)
        changes: dict[str, Any] = {"metrics": {**self.record.status.metrics, **known}}
        if is_best:
            self.watched.best_step = self.step
            changes["best"] = Best(self.best_metric, known[self.best_metric], self.step)
        self.record.update(**changes)
        if is_best:
            self.save_checkpoint(best=True)
        self.tell("on_evaluation")

    def tell(self, moment: Moment) -> None:
        """Call the recipe's callbacks. Raises PluginError at the line that failed."""
        if self.callbacks.wants(moment):
            self.callbacks.call(moment, view_of(self))

    def _decide(self, known: dict[str, float]) -> None:
        early = self.recipe.trainer.early_stopping
        if early is not None and self.watched.early is not None and early.metric in known:
            self.watched.early.update(known[early.metric])
            if self.watched.early.stale > early.patience:
                text = f"early stopping: {early.metric} has not improved for "
                self.record.event("log", f"{text}{self.watched.early.stale} evaluations")
        if self.parts.rate.evaluated(known):
            self._rate_changed("plateau")

    def train_values(self) -> dict[str, float]:
        """The newest step's values by full name, `train/loss`, as far as they have been read."""
        names = (self.columns[0], self.columns[1], *self.columns[3:])
        return {f"train/{n}": v for n, v in zip(names, self.last_row, strict=False)}

    def set_learning_rate(self, lr: float) -> None:
        """The user's own rate from the coming step on; the schedule's shape is kept."""
        self.parts.rate.set(lr, self.local_step)
        self._rate_changed("set by hand")

    def settable(self) -> Mapping[str, Any]:
        """What the user may change beside the learning rate."""
        return self.parts.task.settable()

    def set_option(self, name: str, value: object) -> None:
        """Change what the task lets be changed, and sample anew with it.

        Raises ValueError, in words for the user, where it cannot be.
        """
        self.parts.task.set(name, value)
        self.record.event("log", f"{name} {value}: set by hand", data={"set": {name: value}})
        self.evaluations.sample()

    def _rate_changed(self, why: str) -> None:
        lr = self.parts.rate(self.local_step)
        data = {"lr": lr, "why": why}
        self.record.event("learning_rate", f"lr {lr:.4g}: {why}", data=data)
        self.record_schedule()

    def record_schedule(self) -> None:
        """The rates to come, as far as they are known now."""
        import numpy as np

        first = self.fold.first_step
        steps, rates = preview(self.parts.rate, self.local_step, self.parts.steps.total)
        arrays = {
            "step": np.array(steps, dtype=np.int64) + first + 1,
            "lr": np.array(rates, dtype=np.float64),
        }
        self.record.arrays("schedule", self.step, arrays, {})

    def save_checkpoint(self, reason: str = "", *, best: bool = False) -> bool:
        """The state after the present step; False where the disk does not take it."""
        if self.watched.saved_at == self.step and not best and not reason:
            return True
        self.late.flush()
        return self._saver.save(self, reason, best=best)

    def finish(self) -> None:
        """The last evaluation, the test and the last checkpoint."""
        self.late.flush()
        self.probes.flush()
        if self.watched.evaluated_at != self.step:
            self.evaluate(last=True)
        self.save_checkpoint()
        if self.data.test is not None:
            with best_weights(self) as step:
                averaged = not self.holds_best
                results = self.evaluations.measure(
                    "test", self.data.test, averaged=averaged, last=True
                )
            if step is not None:
                self.record.event("log", f"tested with the best weights, of step {step:,}")
            metrics = {f"test/{name}": value for name, value in results.items()}
            self.record.update(test=results, metrics={**self.record.status.metrics, **metrics})
        self.tell("on_end")

    def close(self) -> None:
        """Remove hooks, hand on what is still on its way, end the loader processes."""
        self.probes.close()
        for note in self.probes.notes:
            self.record.event("log", note)
        if self.team is not None:
            self.team.dismiss()
        self.data.close()


def _direction(early: Any) -> Any:
    return best_direction(early.metric) if early.mode == "auto" else early.mode
