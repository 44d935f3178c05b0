"""Examples beside what a network made of them: pictures, the strangest, a map of the codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.worker.tasks.pixels import Pixels, Row, grid

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.recipe.data_info import DataInfo
    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch

_COLUMNS = 10
_MOST_ON_THE_MAP = 2000
_MOST_NUMBERS = 4096  # of a code, whose covariance is as wide
_SMALL_SIDE = 11  # the window of σ 1.5


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """One batch of an evaluation; examples `(N, *shape)` in the data's own units."""

    truth: Tensor
    seen: Tensor
    """What the network was given: the truth, with noise or without."""
    made: Tensor
    anomaly: Tensor
    """How badly each example fits what was learned, `(N,)`."""
    codes: Tensor | None
    """The codes `(N, …)`, where the network has such."""
    sampled: Tensor | None = None
    """Examples `(N, *shape)` that were made of noise alone."""
    elbo: Tensor | None = None
    """`(N,)`, of variational autoencoders."""


def reconstruction_metric(name: str, arguments: dict[str, Any], pixels: Pixels) -> Metric:
    """Of `mse`, `mae` and `ssim`, in the data's own units; ValueError where it does not fit."""
    import torchmetrics as tm  # slow to import: see worker.metrics
    from torchmetrics.image import StructuralSimilarityIndexMeasure

    if name == "ssim":
        if pixels.picture is None:
            raise ValueError("only pictures have a structural similarity")
        usual = 1.5 if min(pixels.picture[1:]) >= _SMALL_SIDE else 0.5
        sigma = arguments.get("sigma") or usual
        return StructuralSimilarityIndexMeasure(sigma=sigma, data_range=1.0)
    kinds: dict[str, Callable[..., Metric]] = {
        "mae": tm.MeanAbsoluteError,
        "mse": tm.MeanSquaredError,
    }
    return kinds[name](**arguments)


def update_reconstruction_metric(
    name: str, metric: Metric, result: Reconstruction, pixels: Pixels
) -> None:
    """Takes a batch into one of the metrics above."""
    if name.startswith("ssim"):
        metric.update(pixels.pictures(result.made), pixels.pictures(result.truth))
    else:
        metric.update(result.made.contiguous(), result.truth.contiguous())


class ReconstructionCollector:
    """The first examples of a part and their reconstructions, its strangest ones, and its codes."""

    def __init__(self, part: str, pixels: Pixels, info: DataInfo, *, noisy: bool):
        self.part, self.pixels, self.info, self.noisy = part, pixels, info, noisy
        self._first: Reconstruction | None = None
        self._scores: list[Tensor] = []
        self._indices: list[Tensor] = []
        self._labels: list[Tensor] = []
        self._codes: list[Tensor] = []
        self._strange: tuple[Tensor, Tensor, Tensor] | None = None

    def update(self, outputs: Reconstruction, batch: Batch) -> None:
        """Keep what is shown; scores and codes of all."""
        if self._first is None:
            self._first = outputs
        self._scores.append(outputs.anomaly)
        self._indices.append(batch.indices)
        if self.info.target == "class" and not batch.targets.is_floating_point():
            self._labels.append(batch.targets)
        codes = outputs.codes
        kept = sum(len(part) for part in self._codes)
        if codes is not None and codes[0].numel() <= _MOST_NUMBERS and kept < _MOST_ON_THE_MAP:
            self._codes.append(codes.flatten(1).float())
        self._strange = _strangest(self._strange, outputs)

    def publish(self, artefacts: Artefacts) -> None:
        """`pictures.json`, `arrays/anomaly.log` and `arrays/scatter.log`."""
        if self.part != "val" or self._first is None:
            return
        scores, indices = torch.cat(self._scores), torch.cat(self._indices)
        arrays = {"score": scores.float().cpu().numpy(), "index": indices.cpu().numpy()}
        artefacts.arrays("anomaly", arrays, {"part": self.part})
        if self._codes:
            self._publish_map(artefacts)
        if self.pixels.picture is not None:
            pictures, captions, labels = grid(self._rows(), _COLUMNS)
            artefacts.pictures("reconstructions", pictures, _COLUMNS, captions, labels)

    def _rows(self) -> list[Row]:
        shown, strange = self._first, self._strange
        assert shown is not None
        assert strange is not None
        look = self.pixels.pictures
        rows = [Row("input", look(shown.truth))]
        if self.noisy:
            rows.append(Row("as seen", look(shown.seen)))
        rows.append(Row("made of it", look(shown.made)))
        if shown.sampled is not None:
            sampled = look(shown.sampled)
            rows += [Row("sampled", sampled[at : at + _COLUMNS]) for at in (0, _COLUMNS)]
        scores, truth, made = strange
        captions = tuple(f"{score:.3g}" for score in scores.tolist())
        return [*rows, Row("strangest", look(truth), captions), Row("made of it", look(made))]

    def _publish_map(self, artefacts: Artefacts) -> None:
        codes = torch.cat(self._codes)[:_MOST_ON_THE_MAP]
        points, axes = plane(codes)
        labels = torch.zeros(len(codes), dtype=torch.int64)
        names = ["all"]
        if self._labels:
            labels = torch.cat(self._labels)[: len(codes)].cpu()
            names = list(self.info.class_names) or [
                str(number) for number in range(self.info.classes or 0)
            ]
        artefacts.scatter("codes", points.cpu(), labels, names, axes)


def _strangest(
    before: tuple[Tensor, Tensor, Tensor] | None, result: Reconstruction
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, truth and reconstruction of those that fit worst, the worst first."""
    score, truth, made = result.anomaly, result.truth, result.made
    if before is not None:
        score, truth, made = (
            torch.cat(pair) for pair in zip(before, (score, truth, made), strict=True)
        )
    best = score.argsort(descending=True, stable=True)[:_COLUMNS]
    return score[best], truth[best], made[best]


def plane(codes: Tensor) -> tuple[Tensor, tuple[str, str]]:
    """Codes `(N, D)` as points `(N, 2)`, and what the two axes are.

    More than two numbers are seen along the two directions in which they vary most.
    """
    if codes.shape[1] == 1:
        codes = torch.cat((codes, torch.zeros_like(codes)), dim=1)
    if codes.shape[1] == 2:
        return codes, ("code 0", "code 1")
    centred = (codes - codes.mean(0)).double().cpu()
    variances, directions = torch.linalg.eigh(centred.T @ centred)
    chosen = directions[:, -2:].flip(1)
    # An eigenvector's sign is arbitrary: the map should not flip from step to step.
    chosen = chosen * chosen.gather(0, chosen.abs().argmax(0, keepdim=True)).sign()
    shares = (variances.flip(0)[:2] / variances.sum().clamp_min(1e-30)).tolist()
    first, second = (
        f"component {number} ({share:.0%})" for number, share in enumerate(shares, start=1)
    )
    return (centred @ chosen).float(), (first, second)
