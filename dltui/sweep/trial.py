"""One trial: its run, what it has reached, and whether it is worth going on with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dltui import launch
from dltui.errors import UsageError
from dltui.recipe import load_recipe
from dltui.recipe.space import override
from dltui.runs.layout import RunFolder, open_run
from dltui.runs.reader import RunReader
from dltui.runs.status import ENDED_STATES, KILLED
from dltui.sweep.folder import SweepFolder

if TYPE_CHECKING:
    import optuna

    from dltui.sweep.search import Search


@dataclass(slots=True)
class Trial:
    """A trial whose run is going on."""

    asked: optuna.Trial
    values: dict[str, Any]
    reader: RunReader
    reached: list[float] = field(default_factory=list)
    """The metric at each evaluation."""
    is_pruned: bool = False

    @property
    def number(self) -> int:
        """Counted from 0."""
        return self.asked.number

    @property
    def run(self) -> RunFolder:
        return self.reader.folder


def start_trial(
    search: Search, asked: optuna.Trial, folder: SweepFolder, device: str | None
) -> Trial:
    """Starts the run of a trial, or goes on with the one that it has had.

    Raises DltuiError where the recipe cannot be trained with these values.
    """
    values = search.values(asked.params)
    known = asked.user_attrs.get("run")
    if known is not None:
        return _gone_on_with(asked, values, open_run(folder.runs / known))
    recipe = load_recipe(folder.recipe, [override(*item) for item in values.items()])
    run = launch.start_run(
        recipe,
        runs=folder.runs,
        name=f"{folder.name}.t{asked.number}",
        device=device,
        shown_recipe=folder.typed[0],
    )
    asked.set_user_attr("run", run.id)
    return Trial(asked, values, RunReader(run))


def _gone_on_with(asked: optuna.Trial, values: dict[str, Any], run: RunFolder) -> Trial:
    is_pruned = bool(asked.user_attrs.get("pruned"))
    reader = RunReader(run)
    reader.poll()
    if reader.state in ("stopped", "died") and not is_pruned:
        launch.resume_run(run)
        reader = RunReader(run)
    return Trial(asked, values, reader, is_pruned=is_pruned)


def follow(trial: Trial, search: Search) -> bool:
    """Reads what is new, and stops a trial that is not worth it; True once its run has ended."""
    trial.reader.poll()
    has_ended = trial.reader.state in ENDED_STATES
    if has_ended:
        trial.reader.poll()
    points = trial.reader.metric(search.metric).values.tolist()
    is_weak = False
    for value in points[len(trial.reached) :]:
        trial.reached.append(value)
        search.report(trial.asked, len(trial.reached), value)
        # Successive halving remembers what it was asked about: each evaluation is, also the last.
        is_weak = trial.asked.should_prune()
    if is_weak and not has_ended and not trial.is_pruned:
        trial.is_pruned = True
        trial.asked.set_user_attr("pruned", True)
        stop(trial)
    return has_ended


def stop(trial: Trial) -> None:
    """Asks the run for its end at the next step; one that has ended by itself is left alone."""
    try:
        launch.send_command(trial.run, "stop")
    except UsageError:
        trial.reader.poll()


def conclude(trial: Trial, search: Search) -> None:
    """Tells the search what became of a trial whose run has ended.

    One that a person has stopped counts as pruned.
    """
    state, message = trial.reader.state, trial.reader.status.message
    value = search.best_of(trial.reached)
    if trial.is_pruned or (state == "stopped" and not message.startswith(KILLED)):
        search.prune(trial.asked)
    elif state != "finished":
        search.fail(trial.asked, message or f"its worker {state}")
    elif value is None:
        search.fail(trial.asked, f"no evaluation gave a number for {search.metric}")
    else:
        search.complete(trial.asked, value)
