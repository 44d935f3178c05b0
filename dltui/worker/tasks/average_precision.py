"""Mean average precision of boxes as COCO defines it, https://cocodataset.org/#detection-eval.

In plain numpy, since the packages that torchmetrics wants for it are compiled ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

Array = np.ndarray[Any, Any]

EVERY_IOU = tuple(0.5 + 0.05 * step for step in range(10))
"""The overlaps over which COCO's own figure is averaged."""

_RECALLS = np.linspace(0, 1, 101)


class AveragePrecision(Metric):
    """Averaged over the classes that are there and over `thresholds` of the overlap.

    `update(detections, truths)` takes rows `(D, 7)` of picture, class, score, x1, y1, x2, y2 and
    rows `(T, 6)` of picture, class, x1, y1, x2, y2.
    """

    full_state_update = False
    detections: list[Tensor]
    truths: list[Tensor]

    def __init__(self, thresholds: Sequence[float] = EVERY_IOU) -> None:
        super().__init__()
        self.thresholds = tuple(thresholds)
        self.add_state("detections", [], dist_reduce_fx="cat")
        self.add_state("truths", [], dist_reduce_fx="cat")

    def update(self, detections: Tensor, truths: Tensor) -> None:
        """Take in the boxes of some pictures."""
        self.detections.append(detections.double())
        self.truths.append(truths.double())

    def compute(self) -> Tensor:
        """0 to 1; NaN where no box is to be found."""
        detections, truths = _rows(self.detections, 7), _rows(self.truths, 6)
        return torch.tensor(mean_average_precision(detections, truths, self.thresholds))


def _rows(parts: list[Tensor] | Tensor, width: int) -> Array:
    # torchmetrics joins the parts itself where several processes measure.
    if not isinstance(parts, Tensor):
        parts = torch.cat(parts) if parts else torch.zeros(0, width)
    found: Array = parts.cpu().numpy()
    return found


def mean_average_precision(
    detections: Array, truths: Array, thresholds: Sequence[float] = EVERY_IOU
) -> float:
    """Of rows as `AveragePrecision` takes them; NaN where there are no truths."""
    found = []
    for label in np.unique(truths[:, 1]):
        of_class = detections[detections[:, 1] == label]
        wanted = truths[truths[:, 1] == label]
        right = _right(of_class, wanted, np.array(thresholds))
        order = np.argsort(-of_class[:, 2], kind="stable")
        found.append([_area(hits, len(wanted)) for hits in right[:, order]])
    return float(np.mean(found)) if found else float("nan")


def _right(detections: Array, truths: Array, thresholds: Array) -> Array:
    """bool `(thresholds, D)`: whether a detection is the surest one of a box not yet found."""
    right = np.zeros((len(thresholds), len(detections)), bool)
    places: dict[float, list[int]] = defaultdict(list)
    for place in np.argsort(-detections[:, 2], kind="stable"):
        places[float(detections[place, 0])].append(int(place))
    every = np.arange(len(thresholds))
    for picture, ranked in places.items():
        boxes = truths[truths[:, 0] == picture][:, 2:]
        if not len(boxes):
            continue
        overlaps = box_overlaps(detections[ranked][:, 3:], boxes)
        free = np.ones((len(thresholds), len(boxes)), bool)
        for place, overlap in zip(ranked, overlaps, strict=True):
            fitting = np.where(free & (overlap >= thresholds[:, None] - 1e-10), overlap, -1.0)
            best = fitting.argmax(1)
            hit = fitting[every, best] >= 0
            free[every[hit], best[hit]] = False
            right[hit, place] = True
    return right


def box_overlaps(some: Array, others: Array) -> Array:
    """Intersection over union `(A, B)` of boxes `(A, 4)` and `(B, 4)`."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clip(min=0).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (some, others)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0.0)


def _area(hits: Array, wanted: int) -> float:
    """The mean over 101 recalls of the highest precision at that recall or a higher one."""
    true = hits.cumsum()
    recall = true / wanted
    precision = true / np.arange(1, len(hits) + 1)
    # From the right: precision may be had at any lower recall as well.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.append(envelope, 0.0)[places].mean())
