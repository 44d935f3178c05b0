"""What is learned: one file a task behind one interface (`base.Task`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.recipe.data_info import DataInfo
from dltui.worker.tasks.base import Collector, Task, only_tensor
from dltui.worker.tasks.classify import ClassifyTask
from dltui.worker.tasks.multilabel import MultilabelTask
from dltui.worker.tasks.next_token import NextTokenTask
from dltui.worker.tasks.regress import RegressTask

if TYPE_CHECKING:
    from dltui.recipe import Recipe

__all__ = ["TASKS", "Collector", "Task", "build_task", "only_tensor"]

TASKS: dict[str, type[Task]] = {
    "classify": ClassifyTask,
    "multilabel": MultilabelTask,
    "regress": RegressTask,
    "next_token": NextTokenTask,
}


def build_task(recipe: Recipe, info: DataInfo) -> Task:
    """The recipe's task; call `prepare` before the first loss."""
    return TASKS[recipe.task.type](recipe, info)
