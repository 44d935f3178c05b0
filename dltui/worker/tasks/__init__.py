"""What is learned: one file a task behind one interface (`base.Task`).

The module `dltui.worker.tasks.<type>` has the class as `TASK`; `dltui.recipe.tasks.<type>` has
what a recipe may say about it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dltui.recipe.data_info import DataInfo
from dltui.worker.tasks.base import Collector, Phase, Supervised, Task, only_tensor

if TYPE_CHECKING:
    from dltui.recipe import Recipe

__all__ = ["Collector", "Phase", "Supervised", "Task", "build_task", "only_tensor"]


def build_task(recipe: Recipe, info: DataInfo) -> Task:
    """The recipe's task; call `prepare` before the first loss.

    Raises PluginError, at the plugin's own line, where a task of the user's cannot be made.
    """
    kind: type[Task] = import_module(f"{__name__}.{recipe.task.type}").TASK
    return kind(recipe, info)
