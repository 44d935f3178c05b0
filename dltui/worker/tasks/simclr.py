"""Features without labels: two views of a picture lie together, those of others apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from dltui.errors import DataError
from dltui.recipe.tasks.simclr import Simclr
from dltui.worker.data.augment import build
from dltui.worker.data.seeds import Dice
from dltui.worker.data.tensors import first
from dltui.worker.tasks.base import Collector, Nothing, Phase, Task
from dltui.worker.tasks.pixels import Pixels, Row, grid
from dltui.worker.tasks.probing import Probes

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks

_MOST_IN_BANK = 20_000
"""Training examples whose features the probes learn from."""

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Guessed:
    """Classes `(N,)` that the two probes give."""

    nearest: Tensor
    linear: Tensor


class SimclrTask(Task):
    """Input: pictures. Outputs: `projection` `(N, P)`, which the loss compares, and `features`
    `(N, D)`, which are kept. Labels are read by the probes of an evaluation alone.

    Chance: the views are seeded by torch's own generator.
    """

    scalar_names = ("match_accuracy",)
    section: Simclr

    def prepare(self, data: Data, device: torch.device) -> None:
        self.section = self.recipe.task
        self.pixels = Pixels.of(data, device)
        self.data = data
        try:
            self.views = build(self.section.views, images=True, classes=None)
        except DataError as error:
            error.where = str(error.where).replace("data.augment", "task.views")
            raise
        self._probes: Probes | None = None

    def view(self, inputs: Tensor) -> Tensor:
        """Another view of pictures `(N, C, H, W)` as the network sees them."""
        dice = Dice(int(torch.randint(2**62, ())), inputs.device)
        pictures = self.pixels.restored(inputs)
        nobody = torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)
        for step in self.views:
            pictures, _ = step(pictures, nobody, dice)
        return self.pixels.normalised(pictures)

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        loss, matched = self._loss(networks.main, batch)
        return [loss, matched]

    def _loss(self, forward: Callable[..., Any], batch: Batch) -> tuple[Tensor, Tensor]:
        inputs = first(batch.inputs)
        views = torch.cat((self.view(inputs), self.view(inputs)))
        return nt_xent(forward(views)["projection"], self.section.temperature)

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        if self._probes is None:
            self._probes = self._learned_probes(networks.main)
        features = networks.main(batch.inputs)["features"].float()
        loss, _ = self._loss(networks.main, batch)
        return loss, Guessed(self._probes.nearest(features), self._probes.linear(features))

    def _learned_probes(self, forward: Callable[..., Any]) -> Probes:
        found, classes, count = [], [], 0
        for batch in self.data.train.epoch(0):
            found.append(forward(batch.inputs)["features"].float())
            classes.append(batch.targets)
            count += len(batch)
            if count >= _MOST_IN_BANK:
                break
        number = self.info.classes or 0
        return Probes(torch.cat(found), torch.cat(classes), number, self.section.neighbours)

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        from torchmetrics import MeanMetric  # slow to import: see worker.metrics

        return MeanMetric()

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        said = outputs.nearest if name.startswith("knn") else outputs.linear
        metric.update((said == batch.targets).float())

    def collector(self, part: str) -> Collector:
        self._probes = None  # of the weights as they are now
        return Nothing()

    def after_evaluation(self, networks: Networks, data: Data, out: Artefacts) -> None:
        """Pictures with two views each."""
        batch = next(iter((data.val or data.train).epoch(0)))
        inputs = first(batch.inputs)[:_SHOWN]
        rows = [
            Row(label, self.pixels.pictures(self.pixels.restored(seen)))
            for label, seen in (
                ("picture", inputs),
                ("one view", self.view(inputs)),
                ("another", self.view(inputs)),
            )
        ]
        pictures, captions, labels = grid(rows, len(inputs))
        out.pictures("views", pictures, len(inputs), captions, labels)


def nt_xent(projections: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Loss and share of right matches of projections `(2N, P)`, view i beside view i + N.

    Normalised temperature-scaled cross-entropy, equation 1 of Chen et al. 2020.
    """
    vectors = functional.normalize(projections.float(), dim=1)
    logits = vectors @ vectors.T / temperature
    logits = logits.masked_fill(
        torch.eye(len(logits), dtype=torch.bool, device=logits.device), -torch.inf
    )
    half = len(logits) // 2
    other = torch.arange(len(logits), device=logits.device).roll(half)
    matched = (logits.detach().argmax(1) == other).float().mean()
    return functional.cross_entropy(logits, other), matched


TASK = SimclrTask
