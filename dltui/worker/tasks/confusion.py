"""The confusion matrix and the examples behind its cells."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch

_MOST_EXAMPLES = 200
_MOST_IN_A_CELL = 8


class ConfusionCollector:
    """Counts (truth, prediction) pairs on the device; nothing is read back before `publish`."""

    def __init__(self, part: str, classes: list[str]):
        self.part = part
        self.classes = classes
        self._cells: list[Tensor] = []
        self._confidence: list[Tensor] = []
        self._indices: list[Tensor] = []

    def update(self, outputs: Tensor, batch: Batch) -> None:
        """`outputs` are logits `(N, C)`, `batch.targets` class numbers `(N,)`."""
        confidence, prediction = outputs.float().softmax(1).max(1)
        self._cells.append(batch.targets * len(self.classes) + prediction)
        self._confidence.append(confidence)
        self._indices.append(batch.indices)

    def matrix(self) -> Tensor:
        """Counts `(C, C)` int64; rows are the truth."""
        size = len(self.classes)
        counts = torch.bincount(torch.cat(self._cells), minlength=size * size)
        return counts.reshape(size, size).cpu()

    def publish(self, artefacts: Artefacts) -> None:
        """The matrix as an array; the examples where there is time for them."""
        meta = {"classes": self.classes, "part": self.part}
        artefacts.arrays("confusion", {"matrix": self.matrix().numpy()}, meta)
        if self.part == "val":
            artefacts.if_time(lambda: artefacts.examples(self.part, self.classes, self.chosen()))

    def chosen(self) -> list[tuple[int, int, int, float]]:
        """(example number, truth, prediction, confidence): the surest mistakes come first.

        At most 200 in all and 8 of a cell.
        """
        cells = torch.cat(self._cells).cpu()
        sure = torch.cat(self._confidence).cpu()
        numbers = torch.cat([indices.cpu() for indices in self._indices])
        truth, prediction = cells // len(self.classes), cells % len(self.classes)
        order = torch.argsort(sure + (truth != prediction) * 2, descending=True, stable=True)
        taken: Counter[int] = Counter()
        found: list[tuple[int, int, int, float]] = []
        for place in order.tolist():
            cell = int(cells[place])
            if taken[cell] == _MOST_IN_A_CELL:
                continue
            taken[cell] += 1
            row = int(truth[place]), int(prediction[place])
            found.append((int(numbers[place]), *row, float(sure[place])))
            if len(found) == _MOST_EXAMPLES:
                break
        return found
