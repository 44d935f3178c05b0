"""Metrics by name, computed by torchmetrics over a whole part of the data.

torchmetrics is imported inside functions: with the torchvision that it brings along it takes
seconds, and the first training steps shall not wait for them (`EarlyImport`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from dltui.errors import RecipeError

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.recipe import Recipe
    from dltui.recipe.data_info import DataInfo
    from dltui.worker.tasks import Task

_NO_COLUMN = "confusion_matrix"


class EarlyImport(threading.Thread):
    """Imports torchmetrics beside the first training steps; `finish` before the first evaluation.

    To be started after the first optimiser step: by then torch has made its own late imports.
    """

    def __init__(self) -> None:
        super().__init__(name="import torchmetrics", daemon=True)
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            import torchmetrics  # noqa: F401  (see the module's docstring)
        except Exception as error:  # noqa: BLE001  raised by `finish`, where it can be reported
            self._error = error

    def finish(self) -> None:
        """Waits for the import and raises what it raised."""
        self.join()
        if self._error is not None:
            raise self._error


def metric_columns(wanted: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """The columns that the metrics of a recipe fill; one asked for twice gets a number."""
    columns: list[str] = []
    for name, _ in wanted:
        if name == _NO_COLUMN:
            continue
        again = sum(column.split(":")[0] == name for column in columns)
        columns.append(f"{name}:{again + 1}" if again else name)
    return columns


def check_guesses(recipe: Recipe, info: DataInfo) -> None:
    """Raises RecipeError where `top_k` looks at more guesses than there are classes."""
    for number, (name, arguments) in enumerate(recipe.metrics):
        guesses = arguments.get("k", 5)
        if name == "top_k" and info.classes is not None and guesses > info.classes:
            message = (
                f"this data has {info.classes} classes: the right one is always among "
                f"{guesses} guesses; take a smaller k, or metrics=[accuracy]"
            )
            raise RecipeError([recipe.problem(("metrics", number), message)])


def build_metrics(recipe: Recipe, task: Task, device: Any) -> dict[str, Metric]:
    """Column → metric on `device`. The confusion matrix is not among them: it has no column.

    Raises RecipeError where torchmetrics refuses an argument.
    """
    found: dict[str, Metric] = {}
    wanted = task.wanted_metrics()
    columns = iter(metric_columns(wanted))
    for number, (name, arguments) in enumerate(wanted):
        if name == _NO_COLUMN:
            continue
        try:
            metric = task.metric(name, dict(arguments))
        except (ValueError, TypeError) as error:
            problem = recipe.problem(("metrics", number), f"{name}: {error}")
            raise RecipeError([problem]) from error
        # One process evaluates, however many share the training.
        metric.distributed_available_fn = lambda: False
        found[next(columns)] = metric.to(device)
    return found


def values(metrics: dict[str, Metric]) -> dict[str, float]:
    """What the metrics say now; a metric that gives several numbers gives their mean."""
    return {
        name: float(torch.as_tensor(metric.compute()).float().mean())
        for name, metric in metrics.items()
    }
