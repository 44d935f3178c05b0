"""One attempt at a run: from its folder to a trained model, fold after fold."""

from __future__ import annotations

import json
import math
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from dltui.recipe.schema.data import KFold
from dltui.runs import Inbox, RunFolder
from dltui.runs.atomic import write_atomic
from dltui.worker.control import Control
from dltui.worker.data import open_data
from dltui.worker.device import check_devices, choose_device, device_name, seed_everything
from dltui.worker.environment import environment
from dltui.worker.parts import build_parts
from dltui.worker.progress import Fold, Pace
from dltui.worker.record import Heartbeat, RunRecord
from dltui.worker.resuming import Saved, find_saved, fork, restore
from dltui.worker.system import MACHINE_COLUMNS, SYSTEM_COLUMNS, Machine
from dltui.worker.training import Training

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.worker.team import Team


_COMPILING = "compiling the model; the first step comes after that"


class Session:
    """Trains the run in `folder`; the caller holds its lock and deals with errors."""

    def __init__(self, folder: RunFolder, record: RunRecord, recipe: Recipe, *, resume: bool):
        self.folder = folder
        self.record = record
        self.recipe = recipe
        self.control = Control(Inbox(folder.inbox, record.events), record)
        self.device = choose_device(recipe.trainer.device)
        self.training: Training | None = None
        self._machine = Machine(self.device)
        self._seen = Pace()
        self._saved = find_saved(folder, record.status.parent) if self._goes_on(resume) else None

    def _goes_on(self, resume: bool) -> bool:
        return resume or self.record.status.parent is not None

    def run(self) -> None:
        """Train every fold. Raises what training raises; StopTraining where it was stopped."""
        check_devices(self.recipe)
        self.control.listen()
        heartbeat = Heartbeat(self._beat)
        heartbeat.start()
        try:
            self._train_folds()
        finally:
            heartbeat.stop()
            if self.training is not None:
                self.training.close()

    def _train_folds(self) -> None:
        kfold = self.recipe.data.kfold
        if self._saved is not None and self._saved.is_own:
            self.record.rewind(self._saved.step)
            self.record.event(
                "state", f"resumed at step {self._saved.step}", data={"resumed": True}
            )
        elif self.record.status.step:
            self.record.rewind(0)
            self.record.update(best=None, metrics={}, test={}, checkpoint_step=None)
        if kfold is None or kfold.fold != "all":
            self._train(self.recipe, self._first_fold(1))
            return
        fold = self._first_fold(kfold.folds)
        while fold.index < kfold.folds:
            chosen = KFold(folds=kfold.folds, fold=fold.index)
            data = self.recipe.data.model_copy(update={"kfold": chosen})
            self.record.event("log", f"fold {fold.index + 1} of {kfold.folds}")
            done = self._train(replace(self.recipe, data=data), fold)
            results = (*fold.results, done.watched.last)
            fold = Fold(fold.index + 1, kfold.folds, done.step, results)
        self._cross_validated(fold.results)

    def _first_fold(self, count: int) -> Fold:
        if self._saved is None or not self._saved.is_own:
            return Fold(count=count)
        state = self._saved.training
        results = tuple(dict(result) for result in state["results"])
        return Fold(state["fold"], count, state["first_step"], results)

    def _train(self, recipe: Recipe, fold: Fold) -> Training:
        if self.training is not None:
            self.training.close()
            self.training = None
        saved, self._saved = self._saved, None
        seed_everything(recipe.trainer)
        seed = recipe.trainer.seed
        self._doing("reading the data")
        team = self._team(recipe)
        share = (0, 1) if team is None else team.share
        data = open_data(recipe, seed=seed, device=self.device, say=self._say, share=share)
        for note in data.info.notes if fold.index == 0 else ():
            self.record.event("log", note)
        self._doing("building the model")
        parts = build_parts(recipe, data, self.device, team)
        training = Training(recipe, data, parts, self.device, self.record, self.control, fold, team)
        self.training = training
        self.record.step = training.step
        if saved is not None:
            self._doing(f"loading the checkpoint of step {saved.step:,}")
            restore(training, saved) if saved.is_own else fork(training, saved)
        self._announce(training, saved)
        self._save_beside("tokenizer.json", lambda: data.save(self.folder.path))
        try:
            training.run()
        except RuntimeError as error:
            if team is None:
                raise
            raise team.explain(error) from error
        return training

    def _team(self, recipe: Recipe) -> Team | None:
        if recipe.trainer.devices == 1 and "RANK" not in os.environ:
            return None
        from dltui.worker.team import lead  # torch.distributed is slow to import

        team = lead(recipe, self.folder, self.device)
        self.record.event("log", f"{team.size} processes share this training")
        return team

    def _say(self, line: str) -> None:
        self._doing(line)
        self.record.event("log", line)

    def _doing(self, what: str) -> None:
        """What takes its time before the first step, for whoever waits for it."""
        if self.record.status.state == "starting":
            self.record.update(message=what)

    def _announce(self, training: Training, saved: Saved | None) -> None:
        """What readers need to know before the first step."""
        recipe, parts, trainer = self.recipe, training.parts, self.recipe.trainer
        per_epoch = parts.steps.per_epoch
        total = training.fold.first_step + parts.steps.total * (
            training.fold.count - training.fold.index
        )
        content = environment(recipe, self.device, parts.precision.name)
        content["settable"] = list(training.settable())
        facts = asdict(training.data.info)
        for path, plain in ((self.folder.environment, content), (self.folder.data_info, facts)):
            text = json.dumps(plain, indent=1)
            self._save_beside(path.name, partial(write_atomic, path, text))
        self.record.update(
            device=device_name(self.device),
            task=recipe.task.type,
            parameters=sum(parameter.numel() for parameter in parts.model.parameters()),
            steps_total=total,
            steps_per_epoch=per_epoch,
            epochs_total=total / per_epoch,
            samples_per_step=recipe.data.batch_size * trainer.accumulate,
            metric=training.best_metric,
        )
        self.record.state("running")
        if parts.is_compiled:
            self.record.update(message=_COMPILING)

    def _save_beside(self, name: str, write: Callable[[], None]) -> None:
        """A file that helps whoever looks at the run; the training does without."""
        try:
            write()
        except OSError as error:
            text = f"{name} cannot be written: {error.strerror}"
            self.record.event("alarm", text, level="error")

    def _cross_validated(self, results: tuple[dict[str, float], ...]) -> None:
        """Mean and standard deviation of each validation metric over the folds."""
        found: dict[str, float] = {}
        for name in results[0] if results else ():
            values = [result[name] for result in results]
            found[f"{name}_mean"] = statistics.fmean(values)
            found[f"{name}_std"] = statistics.stdev(values)
        self.record.metrics("cv", found)
        text = ", ".join(
            f"{name} {found[f'{name}_mean']:.4g} ± {found[f'{name}_std']:.2g}"
            for name in results[0]
        )
        named = {f"cv/{name}": value for name, value in found.items()}
        self.record.update(metrics={**self.record.status.metrics, **named})
        message = f"cross-validation over {len(results)} folds: {text}"
        self.record.event("evaluation", message, data={"part": "cv", "metrics": found})

    def _beat(self) -> None:
        """Renew the status and record the machine's figures; runs in the heartbeat's thread."""
        training = self.training
        if training is None:
            self.record.update()
            return
        pace, seen = replace(training.pace), self._seen
        self._seen = pace
        if pace.steps < seen.steps:
            seen = Pace()
        steps, spent_s = pace.steps - seen.steps, pace.spent_s - seen.spent_s
        measured = steps > 0 and spent_s > 0
        rate = (pace.samples - seen.samples) / spent_s if measured else math.nan
        values = {
            **dict(zip(MACHINE_COLUMNS, self._machine.read(), strict=True)),
            "samples_per_s": rate,
            "step_ms": spent_s / steps * 1000 if measured else math.nan,
            "loader_share": (pace.waited_s - seen.waited_s) / spent_s if measured else math.nan,
            "diagnostics_share": training.probes.share,
        }
        log = self.record.metric_log("system", SYSTEM_COLUMNS)
        known = (None if math.isnan(values[name]) else values[name] for name in SYSTEM_COLUMNS)
        log.append(training.step, time.time(), list(known))
        if pace.steps and self.record.status.message == _COMPILING:
            self.record.update(message="")
        self.record.update(
            samples_per_s=rate if measured else None,
            metrics={**self.record.status.metrics, **training.train_values()},
        )
