"""A validated recipe: what every other room reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.errors import Problem
from dltui.recipe.nodes import KeyPath, Model
from dltui.recipe.tree import Entry, Location, dotted, nearest_entry, override_typed
from dltui.recipe.writer import write_yaml

if TYPE_CHECKING:
    from dltui.recipe.schema.data import DataSection as Data
    from dltui.recipe.schema.sweep import SweepSection
    from dltui.recipe.schema.training import (
        CallbackSection,
        Constant,
        Cosine,
        Cyclical,
        DiagnosticsSection,
        Exponential,
        Linear,
        OneCycle,
        OptimizerSection,
        Plateau,
        StepSchedule,
        TrainerSection,
    )
    from dltui.recipe.tasks.facts import TaskFacts

    Schedule = (
        Constant | StepSchedule | Exponential | Cosine | Linear | OneCycle | Cyclical | Plateau
    )


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe, checked. Equal recipes train the same; where they were read does not count.

    `raw` is the resolved recipe as JSON-able data: `extends` and overrides merged, paths absolute,
    defaults not filled in.
    """

    name: str
    about: str
    raw: dict[str, Any]
    data: Data
    models: Mapping[str, Model]
    """The networks by name, in the order written; `{"model": …}` where there is one `model:`."""
    task: Any
    """The section of the task, of the class that its `TaskFacts` name."""
    optimizers: Mapping[str, OptimizerSection]
    """By the network that each trains; `{"optimizer": …}` where one trains all."""
    scheduler: Schedule
    trainer: TrainerSection
    diagnostics: DiagnosticsSection
    metrics: list[tuple[str, dict[str, Any]]]
    """Names with arguments; the task's defaults where the recipe names none."""
    callbacks: list[CallbackSection]
    sweep: SweepSection | None
    plugins: tuple[Path, ...]
    """Absolute paths."""
    path: Path | None = field(compare=False, default=None)
    source_text: str = field(compare=False, default="", repr=False)
    overrides: tuple[str, ...] = field(compare=False, default=())
    notes: tuple[str, ...] = field(compare=False, default=())
    """What the reader should know: arguments dropped because a `type` changed."""
    root: Entry | None = field(compare=False, default=None, repr=False)
    """The resolved recipe with the place of every key."""

    @property
    def model(self) -> Model:
        """The network, or the first of several."""
        return next(iter(self.models.values()))

    @property
    def optimizer(self) -> OptimizerSection:
        """The optimiser, or the first of several, whose rate the schedule is drawn for."""
        return next(iter(self.optimizers.values()))

    @property
    def facts(self) -> TaskFacts:
        """What is known of the task by its type."""
        from dltui.recipe.tasks import TASKS  # pydantic, which listing recipes does without

        return TASKS[self.task.type]

    def network(self, name: str) -> Recipe:
        """This recipe with the network `name` as its only one."""
        return replace(self, models={name: self.models[name]})

    def where(self, path: KeyPath) -> Location:
        """The place of a key, or of its nearest known ancestor."""
        if self.root is None:
            return Location(str(self.path or self.name), 1, 1)
        entry, _ = nearest_entry(self.root, path)
        return entry.key_or_value

    def problem(self, path: KeyPath, message: str) -> Problem:
        """A problem at a key, for errors that are found later than the recipe is read."""
        place = self.where(path)
        return Problem(*place, dotted(path), message, override_typed(place, self.overrides))

    def resolved_yaml(self) -> str:
        """YAML that `load_recipe` reads to an equal recipe, from any folder."""
        return write_yaml(self.raw)

    def hash(self) -> str:
        """SHA-256 of the resolved recipe; the order of keys counts, as it does for layers."""
        return hashlib.sha256(json.dumps(self.raw).encode()).hexdigest()
