"""What to try next: optuna's samplers and pruners over a journal in the sweep's folder."""

from __future__ import annotations

import itertools
import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dltui.errors import UsageError
from dltui.recipe import Recipe
from dltui.recipe.direction import best_direction
from dltui.recipe.space import Choice, Dimension, Range, read_space
from dltui.sweep.folder import SweepFolder

try:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import TrialState
except ModuleNotFoundError as error:
    raise UsageError(
        "a sweep needs optuna, which is not installed", remedy="pip install 'dltui[sweep]'"
    ) from error

_TRIALS = 20
_COMPARED_FROM = 4
"""The median of fewer trials is no judge."""


class Search:
    """The trials of one sweep, on the disk as soon as they are asked for."""

    def __init__(self, folder: SweepFolder, recipe: Recipe, trials: int | None = None):
        """`trials` overrules the recipe's number of them."""
        assert recipe.sweep is not None
        section = recipe.sweep
        self.metric = section.metric or recipe.trainer.checkpoint.best or recipe.facts.main_metric
        self.mode = best_direction(self.metric) if section.mode == "auto" else section.mode
        self.space = read_space(section.space)
        combinations = _combinations(self.space) if section.sampler == "grid" else []
        self.wanted = trials or section.trials or len(combinations) or _TRIALS
        if combinations:
            self.wanted = min(self.wanted, len(combinations))
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with _quiet():
            storage = JournalStorage(JournalFileBackend(str(folder.journal)))
            begun = optuna.create_study(
                storage=storage,
                study_name=folder.name,
                direction="minimize" if self.mode == "min" else "maximize",
                load_if_exists=True,
            )
            # Of a sweep that goes on chance does not begin again.
            seed = section.seed + len(begun.trials)
            begun.sampler = (
                optuna.samplers.TPESampler(seed=seed, constant_liar=True)
                if section.sampler == "tpe"
                else optuna.samplers.RandomSampler(seed=seed)
            )
            begun.pruner = _pruner(section.pruner)
            for params in combinations[: self.wanted]:
                begun.enqueue_trial(params, skip_if_exists=True)
        self._study = begun

    @property
    def trials(self) -> list[optuna.trial.FrozenTrial]:
        """All that were begun, in order."""
        return [t for t in self._study.get_trials(deepcopy=False) if t.state != TrialState.WAITING]

    @property
    def left(self) -> int:
        """How many are still to be begun."""
        return max(0, self.wanted - len(self.trials))

    def ask(self) -> optuna.Trial:
        """The next trial, its values chosen."""
        with _quiet():
            trial = self._study.ask()
            for key, dimension in self.space.items():
                _suggest(trial, key, dimension)
        return trial

    def unfinished(self) -> list[optuna.Trial]:
        """Those that were begun by a process that left, with all of their values."""
        found = [
            optuna.Trial(self._study, frozen._trial_id)
            for frozen in self.trials
            if frozen.state == TrialState.RUNNING
        ]
        for trial in found:
            for key, dimension in self.space.items():
                _suggest(trial, key, dimension)
        return found

    def values(self, params: dict[str, Any]) -> dict[str, Any]:
        """A trial's values by key, as the recipe takes them."""
        return {
            key: json.loads(params[key]) if isinstance(dimension, Choice) else params[key]
            for key, dimension in self.space.items()
        }

    def report(self, trial: optuna.Trial, evaluation: int, value: float) -> None:
        """The metric at an evaluation, counted from 1; one that is known is left as it is."""
        known = self._study.get_trials(deepcopy=False)[trial.number].intermediate_values
        if evaluation not in known:
            trial.report(value, evaluation)

    def complete(self, trial: optuna.Trial, value: float) -> None:
        """The trial came to its end, at its best with `value`."""
        self._study.tell(trial, value, skip_if_finished=True)

    def prune(self, trial: optuna.Trial) -> None:
        """The trial was stopped; what it reached until then is known."""
        self._study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)

    def fail(self, trial: optuna.Trial, why: str) -> None:
        """The trial came to nothing."""
        trial.set_user_attr("message", why)
        self._study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)

    def best_of(self, values: list[float]) -> float | None:
        """The best of a trial's values, NaN left out."""
        known = [value for value in values if math.isfinite(value)]
        return (min if self.mode == "min" else max)(known, default=None)


def _pruner(name: str) -> optuna.pruners.BasePruner:
    """Steps are evaluations, counted from 1, the same whatever the batch size."""
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=_COMPARED_FROM, n_warmup_steps=2)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    return optuna.pruners.NopPruner()


def _suggest(trial: optuna.Trial, key: str, dimension: Dimension) -> None:
    if isinstance(dimension, Choice):
        trial.suggest_categorical(key, [json.dumps(value) for value in dimension.values])
    elif dimension.kind == "int":
        # optuna would move an end that no step reaches, and warn of it.
        counted = dimension.grid
        assert counted is not None
        trial.suggest_int(key, counted[0], counted[-1], step=dimension.step)
    else:
        is_log = dimension.kind == "loguniform"
        trial.suggest_float(key, dimension.low, dimension.high, log=is_log)


def _combinations(space: dict[str, Dimension]) -> list[dict[str, Any]]:
    columns = [_grid(dimension) for dimension in space.values()]
    return [dict(zip(space, row, strict=True)) for row in itertools.product(*columns)]


def _grid(dimension: Dimension) -> tuple[Any, ...]:
    if isinstance(dimension, Range):
        return dimension.grid or ()
    return tuple(json.dumps(value) for value in dimension.values)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without optuna's notes that something of it may change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
