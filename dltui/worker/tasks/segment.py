"""One class out of C for each pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812  (the name that torch's own documentation uses)
from torch import Tensor

from dltui.recipe.tasks.segment import CrossEntropyDice, Dice, PixelCrossEntropy, Segment
from dltui.worker.data.geometry import IGNORED
from dltui.worker.tasks.base import Collector, Nothing, Supervised
from dltui.worker.tasks.classify import chosen_weights
from dltui.worker.tasks.drawing import colors_of, scaled, shown, with_masks

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data

_SHOWN = 6
"""Examples among the pictures."""


class SegmentTask(Supervised):
    """Logits `(N, C, H, W)`, targets uint8 `(N, H, W)` with `IGNORED` where nothing is judged."""

    scalar_names = ("pixel_accuracy",)

    def prepare(self, data: Data, device: torch.device) -> None:
        assert isinstance(self.recipe.task, Segment)
        section = self.recipe.task.loss
        wanted = None if isinstance(section, Dice) else section.class_weights
        weights = chosen_weights(self.recipe, "class_weights", wanted, self.info.classes or 0, data)
        self._weights = None if weights is None else weights.to(device)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        assert isinstance(self.recipe.task, Segment)
        section: PixelCrossEntropy | Dice | CrossEntropyDice = self.recipe.task.loss
        if isinstance(section, Dice):
            return dice_loss(outputs, targets, section.smooth)
        entropy = pixel_cross_entropy(outputs, targets, self._weights, section.label_smoothing)
        if isinstance(section, PixelCrossEntropy):
            return entropy
        return entropy + section.dice_weight * dice_loss(outputs, targets, section.smooth)

    def scalars(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        judged = targets != IGNORED
        hits = (outputs.detach().argmax(1) == targets) & judged
        return (hits.sum() / judged.sum().clamp_min(1),)

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        from torchmetrics import classification as tm  # slow to import: see worker.metrics

        kinds: dict[str, tuple[Callable[..., Metric], str]] = {
            "iou": (tm.MulticlassJaccardIndex, "macro"),
            "pixel_accuracy": (tm.MulticlassAccuracy, "micro"),
            "dice": (tm.MulticlassF1Score, "macro"),
        }
        kind, average = kinds[name]
        arguments = {"average": average, **arguments}
        # Looking for strange values takes longer than counting, and the masks have been checked.
        return kind(
            num_classes=self.info.classes, ignore_index=IGNORED, validate_args=False, **arguments
        )

    def metric_inputs(self, name: str, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return outputs.argmax(1), targets.long()

    def collector(self, part: str) -> Collector:
        return _Masks(part, self.info.class_names) if part == "val" else Nothing()


def pixel_cross_entropy(
    logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """The mean over the judged pixels, weighted as `torch.nn.functional.cross_entropy` does;
    0 where no pixel is judged."""
    targets = targets.long()
    total = F.cross_entropy(
        logits, targets, weights, ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing
    )
    judged = targets != IGNORED
    if weights is None:
        return total / judged.sum().clamp_min(1)
    shares = weights[targets.masked_fill(~judged, 0)] * judged
    return total / shares.sum().clamp_min(torch.finfo(shares.dtype).tiny)


def dice_loss(logits: Tensor, targets: Tensor, smooth: float) -> Tensor:
    """1 − mean over the classes of (2 Σ p g + s) / (Σ p + Σ g + s), summed over the batch's judged
    pixels: p the softmax, g the truth, s `smooth`."""
    judged = (targets != IGNORED).unsqueeze(1)
    chances = logits.float().softmax(1) * judged
    numbers = torch.arange(logits.shape[1], device=targets.device).view(1, -1, 1, 1)
    truth = (targets.unsqueeze(1) == numbers).float()
    over = (0, 2, 3)
    overlap = (chances * truth).sum(over)
    both = chances.sum(over) + truth.sum(over)
    return 1 - ((2 * overlap + smooth) / (both + smooth)).mean()


class _Masks:
    """The first examples of a part with true and predicted masks drawn over them."""

    def __init__(self, part: str, classes: tuple[str, ...]):
        self._part = part
        self._classes = classes
        self._predicted: list[Tensor] = []
        self._truth: list[Tensor] = []
        self._indices: list[Tensor] = []

    def update(self, outputs: Tensor, batch: Batch) -> None:
        missing = _SHOWN - sum(map(len, self._indices))
        if missing > 0:
            self._predicted.append(outputs[:missing].argmax(1))
            self._truth.append(batch.targets[:missing])
            self._indices.append(batch.indices[:missing])

    def publish(self, artefacts: Artefacts) -> None:
        indices = torch.cat(self._indices)
        pictures = shown(artefacts.data, self._part, indices)
        colors = colors_of(self._classes)
        truth = with_masks(pictures, torch.cat(self._truth), colors)
        predicted = with_masks(pictures, torch.cat(self._predicted), colors)
        artefacts.pictures(
            "masks",
            scaled(torch.cat([pictures, truth, predicted]))[0],
            len(indices),
            row_labels=("picture", "truth", "prediction"),
        )


TASK = SegmentTask
