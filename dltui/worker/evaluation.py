"""One pass over a part without learning: loss, metrics, and what the task collects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.worker.device import Precision
from dltui.worker.metrics import values
from dltui.worker.tasks import Collector, Task, only_tensor

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.data import Batches


@torch.no_grad()
def evaluate_part(
    forward: Callable[[Tensor], Any],
    batches: Batches,
    task: Task,
    metrics: dict[str, Metric],
    collector: Collector,
    precision: Precision,
) -> dict[str, float]:
    """`{"loss": mean over the examples, **metrics}`; the model must be in eval mode.

    The sum stays on the device until the end.
    """
    total: Tensor | None = None
    examples = 0
    for metric in metrics.values():
        metric.reset()
    for batch in batches.epoch(0):
        with precision.autocast():
            outputs = only_tensor(forward(batch.inputs))
            loss = task.loss(outputs, batch.targets)
        size = len(batch.targets)
        examples += size
        part = loss.double() * size if loss.device.type != "mps" else loss * size
        total = part if total is None else total + part
        for name, metric in metrics.items():
            metric.update(*task.metric_inputs(name, outputs, batch.targets))
        collector.update(outputs, batch)
    mean = float("nan") if total is None else float(total) / examples
    return {"loss": mean, **values(metrics)}
