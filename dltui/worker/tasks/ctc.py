"""A sequence of symbols heard in a longer one of frames, without alignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812  (the name that torch's own documentation uses)
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.tasks.ctc import Ctc
from dltui.worker.tasks.base import Collector, Nothing, Supervised

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch

PADDING = -100
"""Stands behind the symbols of a target that is shorter than others."""


class CtcTask(Supervised):
    """Scores `(N, frames, V + 1)`, the last of them the blank's; targets `(N, L)` with symbols 0 to
    V − 1, then `PADDING`."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Minus the logarithm of the chance of the truth, divided by its length, averaged."""
        lengths = (targets != PADDING).sum(1)
        self._refuse_longer(outputs.shape[1], targets.shape[1])
        frames = torch.full_like(lengths, outputs.shape[1])
        chances = outputs.float().log_softmax(2).transpose(0, 1)
        symbols = targets.clamp_min(0)
        blank = outputs.shape[2] - 1
        # A truth that the frames cannot hold, such as too many repeats, would count as infinite.
        return F.ctc_loss(chances, symbols, frames, lengths, blank, zero_infinity=True)

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        from torchmetrics import text as tm  # slow to import: see worker.metrics

        kind = tm.CharErrorRate if name == "cer" else tm.WordErrorRate
        metric: Metric = kind(**arguments)
        return metric

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        metric.update(self.heard(outputs), self.written(batch.targets))

    def collector(self, part: str) -> Collector:
        return _Pairs(self, self._section.shown) if part == "val" else Nothing()

    def heard(self, outputs: Tensor) -> list[str]:
        """The likeliest symbol of each frame; repeats are one, then blanks go."""
        blank = outputs.shape[2] - 1
        found = []
        for best in outputs.argmax(2).cpu():
            single = torch.unique_consecutive(best)
            found.append(self._text(single[single != blank].tolist()))
        return found

    def written(self, targets: Tensor) -> list[str]:
        """The truths as text."""
        return [self._text(row[row != PADDING].tolist()) for row in targets.cpu()]

    @property
    def _section(self) -> Ctc:
        assert isinstance(self.recipe.task, Ctc)
        return self.recipe.task

    def _text(self, symbols: list[int]) -> str:
        names = self.info.class_names or tuple(map(str, range(self.info.vocab or 0)))
        return self._section.separator.join(names[symbol] for symbol in symbols)

    def _refuse_longer(self, frames: int, symbols: int) -> None:
        if symbols > frames:
            raise DataError(
                f"{frames} frames cannot hold {symbols} symbols",
                where="model",
                remedy="Let the network keep more frames: smaller hops or strides.",
            )


class _Pairs:
    """The first examples of a part: what is there, and what was heard."""

    def __init__(self, task: CtcTask, most: int):
        self._task = task
        self._most = most
        self._rows: list[tuple[str, str]] = []

    def update(self, outputs: Tensor, batch: Batch) -> None:
        missing = self._most - len(self._rows)
        if missing > 0:
            truth = self._task.written(batch.targets[:missing])
            self._rows += zip(truth, self._task.heard(outputs[:missing]), strict=True)

    def publish(self, artefacts: Artefacts) -> None:
        good = [truth == heard for truth, heard in self._rows]
        artefacts.pairs("what was heard", ("truth", "output"), self._rows, good)


TASK = CtcTask
