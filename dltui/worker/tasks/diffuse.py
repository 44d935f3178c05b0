"""Noise taken away step by step until an example is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dltui.errors import RecipeError
from dltui.graph.modules.embeddings import ClassEmbedding
from dltui.recipe.tasks.diffuse import Diffuse
from dltui.worker.data.seeds import seed_of
from dltui.worker.data.tensors import first
from dltui.worker.tasks.base import Phase, Task, only_tensor
from dltui.worker.tasks.judging import Judgement
from dltui.worker.tasks.noising import Levels
from dltui.worker.tasks.pixels import Pixels

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks

Forward = Callable[[dict[str, Tensor]], Any]

_STRONGEST_GUIDANCE = 20.0


@dataclass(frozen=True, slots=True)
class Made:
    """Real pictures `(N, C, H, W)` from 0 to 1 beside made ones, and the classes asked for."""

    real: Tensor
    made: Tensor
    labels: Tensor | None


class DiffuseTask(Task):
    """Inputs `x` `(N, *shape)`, `time` `(N,)` and, conditional, `label` `(N,)`; output as `x`.

    Chance (levels, noise) is torch's own; the grid of samples always starts from the same noise.
    """

    section: Diffuse

    def prepare(self, data: Data, device: torch.device) -> None:
        self.section = self.recipe.task
        section = self.section
        self.guidance = section.sample.guidance
        self.pixels = Pixels.of(data, device)
        self.judgement = Judgement.of(self.recipe, section.fid, self.pixels, device)
        self.levels = Levels.of(section.steps, section.schedule, section.prediction, device)
        self._can_guide: bool | None = None

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        if self._can_guide is None:
            self._look_at(networks.module)
        return [self._loss(networks.main, batch)]

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        loss = self._loss(networks.main, batch)
        if self.judgement.judge is None:
            return loss, None
        clean = first(batch.inputs)
        labels = batch.targets if self.section.conditional else None
        made = self.sampled(networks.main, torch.randn_like(clean), labels)
        real = self.pixels.pictures(self.pixels.restored(clean))
        return loss, Made(real, self.pixels.pictures(self.pixels.restored(made)), labels)

    def _loss(self, forward: Forward, batch: Batch) -> Tensor:
        clean = first(batch.inputs)
        times = torch.randint(self.section.steps, (len(clean),), device=clean.device)
        noise = torch.randn_like(clean)
        inputs = {"x": self.levels.noised(clean, noise, times), "time": times.float()}
        if self.section.conditional:
            inputs["label"] = batch.targets
        told = only_tensor(forward(inputs))
        return functional.mse_loss(told.float(), self.levels.target(clean, noise, times))

    def _look_at(self, module: nn.Module) -> None:
        found = [layer for layer in module.modules() if isinstance(layer, ClassEmbedding)]
        self._can_guide = bool(found) and all(layer.dropout > 0 for layer in found)
        if self.guidance != 1 and not self._can_guide:
            text = (
                "guidance needs a network that has learned without classes too: "
                "`class_embedding: {dim: …, dropout: 0.1}`"
            )
            raise RecipeError([self.recipe.problem(("task", "sample", "guidance"), text)])

    def sampled(
        self,
        forward: Forward,
        start: Tensor,
        labels: Tensor | None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Examples `(N, *shape)` made of noise `start`, of the classes `labels` `(N,)`.

        Guided without a classifier (Ho & Salimans 2022, https://arxiv.org/abs/2207.12598): what
        the class changes in the prediction counts `guidance` times.
        """

        def told(x: Tensor, time: int, classes: Tensor | None) -> Tensor:
            inputs = {"x": x, "time": torch.full((len(x),), float(time), device=x.device)}
            if classes is not None:
                inputs["label"] = classes
            return only_tensor(forward(inputs)).float()

        def denoise(x: Tensor, time: int) -> Tensor:
            if labels is None or self.guidance == 1:
                return told(x, time, labels)
            of_any = torch.full_like(labels, self.info.classes or 0)
            both = told(torch.cat((x, x)), time, torch.cat((labels, of_any)))
            of_class, of_all = both.chunk(2)
            return of_all + self.guidance * (of_class - of_all)

        sample = self.section.sample
        return self.levels.denoised(
            start,
            denoise,
            sample.steps,
            eta=sample.eta,
            bounds=self._bounds() if sample.clip else None,
            generator=generator,
        )

    def _bounds(self) -> tuple[Tensor, Tensor] | None:
        """What black and white are to the network; None where the data are no pictures."""
        if self.pixels.picture is None:
            return None
        black = self.pixels.normalised(torch.zeros_like(self.pixels.mean))
        return black, self.pixels.normalised(torch.ones_like(self.pixels.mean))

    def wanted_metrics(self) -> list[tuple[str, dict[str, Any]]]:
        return self.judgement.wanted(super().wanted_metrics())

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        if name == "conditional_accuracy" and not self.section.conditional:
            raise ValueError("it needs task.conditional: true")
        return self.judgement.metric(name, arguments)

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        self.judgement.update(name, metric, outputs.real, outputs.made, outputs.labels)

    def settable(self) -> Mapping[str, Any]:
        return {"guidance": self.guidance} if self.section.conditional else {}

    def set(self, name: str, value: object) -> None:
        """The guidance of the pictures sampled from now on."""
        if name != "guidance" or not self.section.conditional:
            super().set(name, value)
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"guidance must be a number, not {value!r}")
        if not 0 <= value <= _STRONGEST_GUIDANCE:
            raise ValueError(f"guidance must be from 0 to {_STRONGEST_GUIDANCE:g}, not {value!r}")
        if value != 1 and self._can_guide is False:
            raise ValueError("guidance needs a class_embedding with dropout")
        self.guidance = float(value)

    def state(self) -> dict[str, Any]:
        return dict(self.settable())

    def load_state(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            self.set(name, value)

    def after_evaluation(self, networks: Networks, data: Data, out: Artefacts) -> None:
        """Pictures from the same noise each time: a row a class, or as many rows without."""
        if self.pixels.picture is None:
            return
        section, classes = self.section, self.info.classes or 0
        columns = section.sample.columns
        rows = min(classes, 20) if section.conditional else columns
        seed = seed_of(self.recipe.trainer.seed, "samples")
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(rows * columns, *self.info.shape, generator=generator).to(out.device)
        labels: Tensor | None = None
        names: tuple[str, ...] = ()
        if section.conditional:
            labels = torch.arange(rows, device=out.device).repeat_interleave(columns)
            names = self.info.class_names[:rows]
        made = self.sampled(networks.main, start, labels, generator)
        title = f"samples of {section.sample.steps} steps"
        if self.guidance != 1:
            title += f", guidance {self.guidance:g}"
        pictures = self.pixels.pictures(self.pixels.restored(made))
        out.pictures(title, pictures, columns, row_labels=names)


TASK = DiffuseTask
