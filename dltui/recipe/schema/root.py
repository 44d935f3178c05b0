"""The sections of a recipe and the types behind them."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter

from dltui.recipe.schema.data import DataSection
from dltui.recipe.schema.sweep import SweepSection
from dltui.recipe.schema.training import (
    CallbackSection,
    DiagnosticsSection,
    OptimizerSection,
    SchedulerSection,
    TrainerSection,
)
from dltui.recipe.tasks import TaskSection

SECTIONS: Final = (
    "dltui",
    "name",
    "about",
    "extends",
    "plugins",
    "data",
    "model",
    "models",
    "task",
    "optimizer",
    "optimizers",
    "scheduler",
    "trainer",
    "metrics",
    "diagnostics",
    "callbacks",
    "sweep",
)
"""The top-level keys, in the order in which they are written."""

REQUIRED: Final = ("data", "model", "task")

ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {
    "data": TypeAdapter(DataSection),
    "task": TypeAdapter(TaskSection),
    "optimizer": TypeAdapter(OptimizerSection),
    "scheduler": TypeAdapter(SchedulerSection),
    "trainer": TypeAdapter(TrainerSection),
    "diagnostics": TypeAdapter(DiagnosticsSection),
    "sweep": TypeAdapter(SweepSection),
    "callbacks": TypeAdapter(list[CallbackSection]),
}
"""Sections that pydantic checks; `model`, `metrics` and the texts have readers of their own."""

DEFAULTS: Final[dict[str, Any]] = {
    "optimizer": {"type": "adamw"},
    "scheduler": {"type": "constant"},
    "trainer": {},
    "diagnostics": {},
    "callbacks": [],
}
"""What a section that the recipe leaves out stands for."""
