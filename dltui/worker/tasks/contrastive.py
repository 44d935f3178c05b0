"""Pictures and texts that belong together lie together, and others apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from dltui.errors import RecipeError
from dltui.recipe.tasks.contrastive import Contrastive
from dltui.worker.data.sources.captions import padded_tokens
from dltui.worker.tasks.base import Collector, Phase, Task

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Matched:
    """What a batch was taken for: logits `(N, N)` of its pairs, classes `(N,)` by prompts."""

    logits: Tensor
    classes: Tensor | None


class ContrastiveTask(Task):
    """Inputs `image` and `text`, outputs `image_features` and `text_features` `(N, D)` of length 1
    and `logits` `(N, N)`, their scaled cosines."""

    scalar_names = ("retrieval_accuracy",)
    section: Contrastive

    def prepare(self, data: Data, device: torch.device) -> None:
        self.section = self.recipe.task
        self.names = [entry.name for entry in self.info.inputs]
        self.prompts = self._tokens_of_prompts(data, device)
        self._classes: Tensor | None = None

    def _tokens_of_prompts(self, data: Data, device: torch.device) -> Tensor | None:
        """`(prompts · classes, context)`, None where the data has no classes."""
        if data.info.target != "class":
            return None
        text, tokenizer = self.info.inputs[1], data.tokenizer
        for number, prompt in enumerate(self.section.prompts):
            if "{}" not in prompt:
                message = "a prompt needs {} where the class's name belongs"
                raise RecipeError([self.recipe.problem(("task", "prompts", number), message)])
        if tokenizer is None:
            return None
        words = [
            prompt.replace("{}", name)
            for prompt in self.section.prompts
            for name in data.info.class_names
        ]
        return padded_tokens(words, tokenizer, text.shape[0]).to(device)

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        logits = networks.main(batch.inputs)["logits"]
        hits = logits.detach().argmax(1) == torch.arange(len(logits), device=logits.device)
        return [symmetric_cross_entropy(logits), hits.float().mean()]

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        outputs = networks.main(batch.inputs)
        logits, classes = outputs["logits"], None
        if self.prompts is not None:
            if self._classes is None:
                self._classes = self._vectors_of_classes(networks.main, batch)
            features = outputs[f"{self.names[0]}_features"].float()
            classes = (features @ self._classes.T).argmax(1)
        return symmetric_cross_entropy(logits), Matched(logits, classes)

    def _vectors_of_classes(self, forward: Callable[..., Any], batch: Batch) -> Tensor:
        """`(classes, D)`: the mean direction of each class's prompts, of length 1."""
        assert self.prompts is not None
        one, other = self.names
        # The text goes its own way; the picture is there because the network takes a pair.
        picture = batch.inputs[one][:1].expand(len(self.prompts), *batch.inputs[one].shape[1:])  # type: ignore[index]
        features = forward({one: picture, other: self.prompts})[f"{other}_features"].float()
        means = features.view(len(self.section.prompts), -1, features.shape[-1]).mean(0)
        return functional.normalize(means, dim=-1)

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        from torchmetrics import MeanMetric  # slow to import: see worker.metrics

        if name == "zero_shot_accuracy" and self.prompts is None:
            raise ValueError("it needs data with classes and their names")
        return MeanMetric()

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        if name.startswith("zero_shot_accuracy"):
            metric.update((outputs.classes == batch.targets).float())
            return
        own = torch.arange(len(outputs.logits), device=outputs.logits.device)
        metric.update((outputs.logits.argmax(1) == own).float())

    def wanted_metrics(self) -> list[tuple[str, dict[str, Any]]]:
        asked = super().wanted_metrics()
        if self.prompts is not None:
            return asked
        return [entry for entry in asked if entry[0] != "zero_shot_accuracy"]

    def collector(self, part: str) -> Collector:
        self._classes = None  # of the weights as they are now
        return _Answers([*self.info.class_names])


class _Answers:
    """The first examples of the part, with what they were taken for."""

    def __init__(self, names: list[str]):
        self._names = names
        self._rows: list[tuple[str, str, str]] = []
        self._good: list[bool] = []

    def update(self, outputs: Matched, batch: Batch) -> None:
        """Keep the first few."""
        if outputs.classes is None:
            return
        missing = _SHOWN - len(self._rows)
        numbers, truths = batch.indices[:missing].tolist(), batch.targets[:missing].tolist()
        taken = outputs.classes[:missing].tolist()
        for number, truth, found in zip(numbers, truths, taken, strict=True):
            self._rows.append((f"picture {number}", self._names[truth], self._names[found]))
            self._good.append(truth == found)

    def publish(self, artefacts: Artefacts) -> None:
        """Write `pairs.json`."""
        if self._rows:
            columns = ("picture", "truth", "nearest prompt")
            artefacts.pairs("zero-shot answers", columns, self._rows, self._good)


def symmetric_cross_entropy(logits: Tensor) -> Tensor:
    """Of logits `(N, N)` whose pairs stand on the diagonal: rows and columns alike."""
    own = torch.arange(len(logits), device=logits.device)
    logits = logits.float()
    rows, columns = functional.cross_entropy(logits, own), functional.cross_entropy(logits.T, own)
    return (rows + columns) / 2


TASK = ContrastiveTask
