"""Measuring a part without learning: loss, metrics, and what the task leaves in the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dltui.worker.artefacts import Artefacts, ExamplePace
from dltui.worker.attention import publish_attention
from dltui.worker.data.seeds import seed_of
from dltui.worker.device import Precision
from dltui.worker.metrics import EarlyImport, build_metrics, values
from dltui.worker.networks import Networks
from dltui.worker.tasks import Collector, Task

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.recipe import Recipe
    from dltui.worker.data import Batches, Data
    from dltui.worker.parts import Parts
    from dltui.worker.record import RunRecord


class Evaluations:
    """The evaluations of one training, which neither change it nor depend on its chance."""

    def __init__(
        self, recipe: Recipe, data: Data, parts: Parts, device: torch.device, record: RunRecord
    ):
        self._recipe = recipe
        self._data = data
        self._parts = parts
        self._device = device
        self._record = record
        self._metrics: dict[str, Metric] | None = None
        self._importing: EarlyImport | None = None
        self._pace = ExamplePace()

    def prepare(self) -> None:
        """Import what evaluations need, beside the training; to be called after its first step."""
        if self._importing is None:
            self._importing = EarlyImport()
            self._importing.start()

    def measure(
        self, part: str, batches: Batches, *, averaged: bool, last: bool
    ) -> dict[str, float]:
        """Loss and metrics of a part, recorded; of the averaged weights, where there are any."""
        if self._importing is not None:
            self._importing.finish()
        task, precision = self._parts.task, self._parts.precision
        if self._metrics is None:
            self._metrics = build_metrics(self._recipe, task, self._device)
        began_s = perf_counter()
        out = Artefacts(self._record, self._data, self._device, self._pace, last=last)
        with self._at_rest(averaged=averaged):
            collector = task.collector(part)
            # The other processes of a team do not evaluate.
            networks = self._parts.networks
            results = evaluate_part(
                self._parts.plain if networks.is_shared else networks,
                batches,
                task,
                self._metrics,
                collector,
                precision,
            )
            collector.publish(out)
            if part == "val":
                with precision.autocast():
                    task.after_evaluation(self._parts.plain, self._data, out)
                    if not out.has_pictures:
                        out.if_time(lambda: publish_attention(self._parts.plain, self._data, out))
        self._record.metrics(part, results)
        shown = ", ".join(f"{part}/{name} {value:.4g}" for name, value in results.items())
        data = {"part": part, "metrics": results, "seconds": perf_counter() - began_s}
        self._record.event("evaluation", shown or f"{part} looked at", data=data)
        return results

    def sample(self) -> None:
        """Only what the task does after an evaluation: texts or pictures made anew."""
        out = Artefacts(self._record, self._data, self._device, self._pace, last=True)
        with self._at_rest(averaged=True), self._parts.precision.autocast():
            self._parts.task.after_evaluation(self._parts.plain, self._data, out)

    @contextmanager
    def _at_rest(self, *, averaged: bool) -> Iterator[None]:
        """The networks in eval mode, without gradients, with a chance of their own."""
        model, ema = self._parts.model, self._parts.ema
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.no_grad(), torch.random.fork_rng(devices):
            torch.manual_seed(seed_of(self._recipe.trainer.seed, "evaluation"))
            model.eval()
            try:
                if ema is not None and averaged:
                    with ema.in_place():
                        yield
                else:
                    yield
            finally:
                model.train()


@torch.no_grad()
def evaluate_part(
    networks: Networks,
    batches: Batches,
    task: Task,
    metrics: dict[str, Metric],
    collector: Collector,
    precision: Precision,
) -> dict[str, float]:
    """`{"loss": mean over the examples, **metrics}`; the networks must be in eval mode.

    Without `loss` where the task has none. The sum stays on the device until the end.
    """
    total: Tensor | None = None
    examples = 0
    for metric in metrics.values():
        metric.reset()
    for batch in batches.epoch(0):
        with precision.autocast():
            loss, outputs = task.evaluate(networks, batch)
        examples += len(batch)
        if loss is not None:
            part = (loss.double() if loss.device.type != "mps" else loss) * len(batch)
            total = part if total is None else total + part
        for name, metric in metrics.items():
            task.update_metric(name, metric, outputs, batch)
        collector.update(outputs, batch)
    if not examples:
        return {"loss": float("nan"), **values(metrics)}
    mean = {} if total is None else {"loss": float(total) / examples}
    return {**mean, **values(metrics)}
