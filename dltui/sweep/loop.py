"""Trials one after another, a few at once, until all that are wanted have ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dltui.errors import DltuiError, TrainingError
from dltui.runs.status import ENDED_STATES
from dltui.sweep.folder import SweepFolder
from dltui.sweep.trial import Trial, conclude, follow, start_trial, stop

if TYPE_CHECKING:
    import optuna

    from dltui.sweep.search import Search

_POLL_S = 0.25
_MOST_FAILED = 3
"""So many failures before a first success: it is not the values that are wrong."""

Say = Callable[[str], None]


class Loop:
    """Goes on with a sweep. Its trials are processes of their own and do not end with it."""

    def __init__(
        self, search: Search, folder: SweepFolder, *, jobs: int, device: str | None, say: Say
    ):
        """`say` gets a line for every trial that starts, is pruned or ends."""
        self._search = search
        self._folder = folder
        self._jobs = jobs
        self._device = device
        self._say = say
        self.running: list[Trial] = []

    def run(self) -> None:
        """Returns when all trials have ended. Raises TrainingError where none can be trained."""
        waiting = self._search.unfinished()
        while True:
            while len(self.running) < self._jobs and (waiting or self._search.left):
                self._start(waiting.pop(0) if waiting else self._search.ask())
            if not self.running:
                return
            time.sleep(_POLL_S)
            for trial in list(self.running):
                was_pruned = trial.is_pruned
                has_ended = follow(trial, self._search)
                if trial.is_pruned and not was_pruned:
                    self._say(f"{self._named(trial)} is stopped: {self._reached(trial)}")
                if has_ended:
                    self.running.remove(trial)
                    self._end(trial)

    def interrupt(self) -> None:
        """Stops the running trials, with a checkpoint, and waits for their end.

        They are told nothing: the sweep goes on with them when it is resumed.
        """
        for trial in self.running:
            stop(trial)
        while any(trial.reader.state not in ENDED_STATES for trial in self.running):
            time.sleep(_POLL_S)
            for trial in self.running:
                trial.reader.poll()

    def _start(self, asked: optuna.Trial) -> None:
        try:
            trial = start_trial(self._search, asked, self._folder, self._device)
        except DltuiError as error:
            self._search.fail(asked, str(error))
            self._say(f"trial {asked.number} could not be started: {error}")
            self._give_up_on(error)
            return
        self.running.append(trial)
        shown = "  ".join(f"{key} {_short(value)}" for key, value in trial.values.items())
        self._say(f"{self._named(trial)} of {self._search.wanted}: {shown}  {trial.run.name}")

    def _end(self, trial: Trial) -> None:
        conclude(trial, self._search)
        status = trial.reader.status
        why = f": {status.message}" if trial.reader.state in ("failed", "died") else ""
        word = "pruned" if trial.is_pruned else trial.reader.state
        self._say(f"{self._named(trial)} {word}: {self._reached(trial)}{why}")
        if why:
            self._give_up_on(TrainingError(status.message, where=trial.run.name))

    def _give_up_on(self, error: DltuiError) -> None:
        states = [frozen.state.name for frozen in self._search.trials]
        if states.count("FAIL") >= _MOST_FAILED and not {"COMPLETE", "PRUNED"} & set(states):
            self.interrupt()
            raise TrainingError(
                f"the first {states.count('FAIL')} trials failed, the last one with: "
                f"{error.message}",
                where=self._folder.name,
                remedy=error.remedy or "train the recipe by itself first: dltui train RECIPE",
            )

    def _named(self, trial: Trial) -> str:
        return f"trial {trial.number}"

    def _reached(self, trial: Trial) -> str:
        best = self._search.best_of(trial.reached)
        if best is None:
            return f"no {self._search.metric} yet"
        return f"{self._search.metric} {best:.4g} in {len(trial.reached)} evaluations"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
