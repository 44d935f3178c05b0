"""`task: {type: plugin, name: mine}`: a task of the user's own Python, `@dltui.task("mine")`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dltui.recipe.schema.base import Section
from dltui.recipe.tasks.facts import TaskFacts, one_network


class PluginTask(Section):
    type: Literal["plugin"]
    name: str
    args: dict[str, Any] = {}
    main_metric: str = Field(default="val/loss", description="decides which checkpoint is best")


TASK = TaskFacts(
    section=PluginTask,
    learns=(),
    default_metrics=(),
    main_metric="val/loss",
    interfaces=one_network(lambda section, info: None),
)
