"""What a sweep has come to: its trials as records, the best among them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dltui.recipe.space import override
from dltui.runs.clean import printable

if TYPE_CHECKING:
    from dltui.sweep.folder import SweepFolder
    from dltui.sweep.search import Search

_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial. `value` is the best that its metric reached, also of one that was pruned."""

    number: int
    state: str
    """running, complete, pruned or failed."""
    value: float | None
    evaluations: int
    values: dict[str, Any]
    run: str | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sweep as it stands."""

    name: str
    path: str
    recipe: str
    overrides: tuple[str, ...]
    """Those of the command line, which every trial has."""
    metric: str
    mode: str
    wanted: int
    trials: tuple[TrialRecord, ...]

    @property
    def best(self) -> TrialRecord | None:
        """The best of the complete trials."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        return min(complete, key=self.rank, default=None)

    def rank(self, trial: TrialRecord) -> float:
        """Smaller for a better trial."""
        if trial.value is None:
            return math.inf
        return trial.value if self.mode == "min" else -trial.value

    def command(self, trial: TrialRecord) -> list[str]:
        """The command that trains once more what the trial trained."""
        values = [override(key, value) for key, value in trial.values.items()]
        return ["dltui", "train", self.recipe, *self.overrides, *values]

    def as_json(self) -> dict[str, Any]:
        """The object of `dltui sweep --json`; trials count from 0."""
        return {**asdict(self), "best": self.best and asdict(self.best)}


def outcome(folder: SweepFolder, search: Search) -> Outcome:
    """Reads the sweep's journal."""
    trials = [
        TrialRecord(
            number=frozen.number,
            state=_STATES.get(frozen.state.name, "running"),
            value=search.best_of(list(frozen.intermediate_values.values())),
            evaluations=len(frozen.intermediate_values),
            values=search.values(frozen.params),
            run=frozen.user_attrs.get("run"),
            message=printable(str(frozen.user_attrs.get("message", ""))),
        )
        for frozen in search.trials
        if frozen.params.keys() == search.space.keys()
    ]
    recipe, *overrides = folder.typed
    return Outcome(
        name=folder.name,
        path=str(folder.path.absolute()),
        recipe=recipe,
        overrides=tuple(overrides),
        metric=search.metric,
        mode=search.mode,
        wanted=search.wanted,
        trials=tuple(trials),
    )
