"""dltui: train, watch and understand deep networks in the terminal.

A plugin file registers what it adds with `dltui.layer`, `dltui.data_source`, `dltui.task` and
`dltui.callback`; a task of one's own derives from `dltui.Task` or `dltui.Supervised`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltui.graph.plugins import callback, data_source, layer, task
    from dltui.recipe.tasks.facts import Interface
    from dltui.worker.tasks.base import Phase, Supervised, Task

__version__ = "0.1.0"
__all__ = [
    "Interface",
    "Phase",
    "Supervised",
    "Task",
    "__version__",
    "callback",
    "data_source",
    "layer",
    "task",
]


def __getattr__(name: str) -> Any:
    # Lazily: these need torch, which no command but the worker may load.
    if name in ("layer", "data_source", "task", "callback"):
        from dltui.graph import plugins

        return getattr(plugins, name)
    if name == "Interface":
        from dltui.recipe.tasks.facts import Interface

        return Interface
    if name in ("Task", "Supervised", "Phase"):
        from dltui.worker.tasks import base

        return getattr(base, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
