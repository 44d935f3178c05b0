"""The tasks of this version: every module of this package that has a `TASK`.

A new one is a module here for what a recipe may say about it, and one of the same name under
`dltui.worker.tasks` for what it does; nothing else needs to know of it.
"""

from __future__ import annotations

import pkgutil
from functools import reduce
from importlib import import_module
from operator import or_
from typing import Annotated, Any, Final

from pydantic import Field

from dltui.recipe.tasks.facts import TaskFacts


def _found() -> dict[str, TaskFacts]:
    modules = (
        import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    )
    every = [module.TASK for module in modules if hasattr(module, "TASK")]
    return {facts.name: facts for facts in every}


TASKS: Final[dict[str, TaskFacts]] = _found()

TaskSection: Any = Annotated[
    reduce(or_, [facts.section for facts in TASKS.values()]), Field(discriminator="type")
]
"""The `task:` section, whichever it is."""

METRICS: Final[dict[str, tuple[str, ...]]] = {
    metric: tuple(name for name, facts in TASKS.items() if metric in facts.fitting_metrics)
    for metric in dict.fromkeys(m for facts in TASKS.values() for m in facts.fitting_metrics)
}
"""Metric names and the tasks that they fit."""
