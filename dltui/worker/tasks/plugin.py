"""A task of the user's own Python: `@dltui.task("mine")` over a class derived from `dltui.Task`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.errors import PluginError
from dltui.graph.plugins import load_plugins, plugin_failure, task_named
from dltui.recipe.data_info import DataInfo
from dltui.worker.tasks.base import Task

if TYPE_CHECKING:
    from dltui.recipe import Recipe


def TASK(recipe: Recipe, info: DataInfo) -> Task:  # noqa: N802  (stands for a class, see above)
    """The registered class, made with the recipe, the data's facts and `task.args`.

    Raises PluginError, at the plugin's own line, where it fails or is no task.
    """
    load_plugins(recipe)
    plugin = task_named(recipe.task.name)
    try:
        made = plugin.make(recipe, info, **recipe.task.args)
    except Exception as error:
        what = f"the task {recipe.task.name} cannot be made"
        raise plugin_failure(error, what, plugin.where) from error
    if not isinstance(made, Task):
        text = f"the task {recipe.task.name} does not derive from dltui.Task"
        raise PluginError(text, where=plugin.where)
    return made
