"""Boxes and their classes, found as points on one map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812  (the name that torch's own documentation uses)
from torch import Tensor

from dltui.recipe.tasks.detect import BOX_CHANNELS, Detect
from dltui.worker.tasks.base import Collector, Nothing, Phase, Task, only_tensor
from dltui.worker.tasks.drawing import Drawn, colors_of, shown, with_boxes
from dltui.worker.tasks.points import PRIOR, at_centers, boxes_of, heat_loss, points_of

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch
    from dltui.worker.networks import Networks

_SHOWN = 6
"""Examples among the pictures."""

Found = list[tuple[Tensor, Tensor, Tensor]]
"""Of each picture boxes `(K, 4)`, scores `(K,)` and classes `(K,)`."""


class DetectTask(Task):
    """A map `(N, C + 4, h, w)` as in `points`, targets `(N, M, 5)`: x1, y1, x2, y2, class."""

    scalar_names = ("heat", "offset", "size")

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        heat, offset, size = self._losses(self._map(networks, batch), batch)
        section = self._section
        total = heat + section.offset_weight * offset + section.size_weight * size
        return [total, heat, offset, size]

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        output = self._map(networks, batch)
        heat, offset, size = self._losses(output, batch)
        section = self._section
        total = heat + section.offset_weight * offset + section.size_weight * size
        return total, boxes_of(output, self._size, section.most, section.nms_iou)

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        # slow to import: see worker.metrics
        from dltui.worker.tasks.average_precision import EVERY_IOU, AveragePrecision

        return AveragePrecision((0.5,) if name == "map50" else EVERY_IOU, **arguments)

    def update_metric(self, name: str, metric: Metric, outputs: Found, batch: Batch) -> None:
        metric.update(*as_rows(outputs, batch))

    def collector(self, part: str) -> Collector:
        if part != "val":
            return Nothing()
        return _Boxes(part, self.info.class_names, self._section.least_score)

    @property
    def _section(self) -> Detect:
        assert isinstance(self.recipe.task, Detect)
        return self.recipe.task

    @property
    def _size(self) -> tuple[int, int]:
        return self.info.shape[1], self.info.shape[2]

    def _map(self, networks: Networks, batch: Batch) -> Tensor:
        return only_tensor(networks.main(batch.inputs))

    def _losses(self, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Of the heat, the centres' places and the sizes: the latter as mean absolute errors."""
        output = output.float()
        classes = output.shape[1] - BOX_CHANNELS
        grid = output.shape[2], output.shape[3]
        wanted = points_of(batch.targets, classes, grid, self._size)
        heat = heat_loss(output[:, :classes] + PRIOR, wanted.heat)
        told = at_centers(output[:, classes:], wanted.cell)
        objects = max(1, len(told))
        offset = F.l1_loss(told[:, :2], wanted.place, reduction="sum") / objects
        size = F.l1_loss(told[:, 2:], wanted.size, reduction="sum") / objects
        return heat, offset, size


def as_rows(found: Found, batch: Batch) -> tuple[Tensor, Tensor]:
    """Detections `(D, 7)` and truths `(T, 6)` as `AveragePrecision` takes them."""
    detections = [
        torch.cat(
            [
                torch.stack(
                    [number.expand_as(scores).double(), labels.double(), scores.double()], 1
                ),
                boxes.double(),
            ],
            1,
        )
        for number, (boxes, scores, labels) in zip(batch.indices, found, strict=True)
    ]
    picture, place = (batch.targets[..., 4] >= 0).nonzero().unbind(1)
    truth = batch.targets[picture, place].double()
    numbers = batch.indices[picture].double().unsqueeze(1)
    return torch.cat(detections), torch.cat([numbers, truth[:, 4:], truth[:, :4]], 1)


class _Boxes:
    """The first examples of a part with true and predicted boxes drawn on them."""

    def __init__(self, part: str, classes: tuple[str, ...], least_score: float):
        self._part = part
        self._classes = classes
        self._least = least_score
        self._found: list[Drawn] = []
        self._truth: list[Drawn] = []
        self._indices: list[Tensor] = []

    def update(self, outputs: Found, batch: Batch) -> None:
        missing = _SHOWN - len(self._found)
        if missing <= 0:
            return
        for boxes, scores, labels in outputs[:missing]:
            sure = scores >= self._least
            self._found.append(Drawn(boxes[sure], labels[sure], scores[sure]))
        for target in batch.targets[:missing]:
            there = target[target[:, 4] >= 0]
            self._truth.append(Drawn(there[:, :4], there[:, 4].long()))
        self._indices.append(batch.indices[:missing])

    def publish(self, artefacts: Artefacts) -> None:
        pictures = shown(artefacts.data, self._part, torch.cat(self._indices))
        colors = colors_of(self._classes)
        rows = [with_boxes(pictures, drawn, colors) for drawn in (self._truth, self._found)]
        captions = [drawn.told(self._classes) for drawn in (*self._truth, *self._found)]
        artefacts.pictures(
            "boxes",
            torch.cat(rows),
            len(pictures),
            captions=captions,
            row_labels=("truth", "prediction"),
        )


TASK = DetectTask
