"""A generator against a discriminator, each with an optimiser of its own."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from dltui.recipe.tasks.gan import (
    Gan,
    Hinge,
    LeastSquares,
    NonSaturating,
    WassersteinGradientPenalty,
)
from dltui.worker.data.seeds import seed_of
from dltui.worker.data.tensors import first
from dltui.worker.tasks.base import Phase, Task, only_tensor
from dltui.worker.tasks.judging import Judgement
from dltui.worker.tasks.pixels import Pixels

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.recipe.tasks.gan import GanLoss
    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Forward, Networks

_SCORES = ("discriminator_loss", "real_score", "fake_score")


@dataclass(frozen=True, slots=True)
class Generated:
    """One batch of an evaluation: real and made pictures `(N, C, H, W)` from 0 to 1."""

    real: Tensor
    made: Tensor
    labels: Tensor | None


class GanTask(Task):
    """Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, with the losses that came after.

    The generator turns noise `(N, latent)`, and with `conditional` a class `(N,)`, into examples as
    the networks see them; the discriminator gives each example one score `(N, 1)`, high for real.
    """

    section: Gan

    @property
    def phases(self) -> tuple[Phase, ...]:
        section: Gan = self.recipe.task
        is_penalised = isinstance(section.loss, WassersteinGradientPenalty)
        scalars = (*_SCORES, "gradient_penalty") if is_penalised else _SCORES
        return (
            Phase("discriminator", scalars=scalars),
            Phase("generator", every=section.critic_steps),
        )

    def prepare(self, data: Data, device: torch.device) -> None:
        self.section = self.recipe.task
        self.pixels = Pixels.of(data, device)
        self.judgement = Judgement.of(self.recipe, self.section.fid, self.pixels, device)

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        real = first(batch.inputs)
        labels = batch.targets if self.section.conditional else None
        noise = torch.randn(len(real), self.section.latent, device=real.device)
        fake = self._made(networks["generator"], noise, labels)
        judge = networks["discriminator"]
        if phase.network == "generator":
            return [generator_loss(self.section.loss, self._scores(judge, fake, labels))]
        fake = fake.detach()
        on_real, on_fake = self._scores(judge, real, labels), self._scores(judge, fake, labels)
        loss = discriminator_loss(self.section.loss, on_real, on_fake)
        told = [loss.detach(), on_real.detach().mean(), on_fake.detach().mean()]
        if isinstance(self.section.loss, WassersteinGradientPenalty):
            penalty = self._gradient_penalty(networks, real, fake, labels)
            loss = loss + self.section.loss.penalty * penalty
            told = [loss.detach(), *told[1:], penalty.detach()]
        return [loss, *told]

    def _made(self, generator: Forward, noise: Tensor, labels: Tensor | None) -> Tensor:
        if labels is None:
            return only_tensor(generator(noise))
        return only_tensor(generator({"noise": noise, "label": labels}))

    def _scores(self, discriminator: Forward, images: Tensor, labels: Tensor | None) -> Tensor:
        """Of each example, `(N,)` in float32."""
        given = images if labels is None else {"image": images, "label": labels}
        return only_tensor(discriminator(given)).float().flatten()

    def _gradient_penalty(
        self, networks: Networks, real: Tensor, fake: Tensor, labels: Tensor | None
    ) -> Tensor:
        """(‖∇D‖ − 1)² between real and made examples, the mean over the batch (equation 3)."""
        # Compiled networks have no second derivative, and half precision loses small ones.
        discriminator = networks.modules()["discriminator"]
        with torch.autocast(real.device.type, enabled=False):
            share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
            between = torch.lerp(real.float(), fake.float(), share).requires_grad_()
            scores = self._scores(discriminator, between, labels)
            (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
            length: Tensor = gradient.flatten(1).norm(dim=1)
            return (length - 1).square().mean()

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        if self.judgement.judge is None:
            return None, None
        real = first(batch.inputs)
        labels = batch.targets if self.section.conditional else None
        noise = torch.randn(len(real), self.section.latent, device=real.device)
        made = self._made(networks["generator"], noise, labels)
        look = self._pictures
        return None, Generated(look(real), look(made), labels)

    def _pictures(self, images: Tensor) -> Tensor:
        return self.pixels.pictures(self.pixels.restored(images))

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        if name == "conditional_accuracy" and not self.section.conditional:
            raise ValueError("nothing was asked for: it needs task.conditional=true")
        return self.judgement.metric(name, arguments)

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        self.judgement.update(name, metric, outputs.real, outputs.made, outputs.labels)

    def wanted_metrics(self) -> list[tuple[str, dict[str, Any]]]:
        return self.judgement.wanted(super().wanted_metrics())

    def after_evaluation(self, networks: Networks, data: Data, out: Artefacts) -> None:
        """Write `pictures.json`: the same noise at every step, a column for each class."""
        if self.pixels.picture is None:
            return
        count, classes = self.section.samples, self.info.classes or 0
        generator = torch.Generator().manual_seed(seed_of(self.recipe.trainer.seed, "samples"))
        noise = torch.randn(count, self.section.latent, generator=generator).to(out.device)
        if not self.section.conditional:
            made = self._made(networks["generator"], noise, None)
            out.pictures("samples", self._pictures(made), columns=ceil(sqrt(count)))
            return
        columns = min(classes, count)
        labels = torch.arange(count, device=out.device) % columns
        made = self._made(networks["generator"], noise, labels)
        names = list(self.info.class_names) or [str(number) for number in range(classes)]
        out.pictures("samples by class", self._pictures(made), columns, names[:columns])


def discriminator_loss(loss: GanLoss, real: Tensor, fake: Tensor) -> Tensor:
    """Of scores `(N,)` of real and of made examples; without a gradient penalty."""
    match loss:
        case NonSaturating():
            right = torch.full_like(real, 1 - loss.smoothing)
            of_real = functional.binary_cross_entropy_with_logits(real, right)
            return of_real + functional.softplus(fake).mean()
        case Hinge():
            return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()
        case LeastSquares():
            return 0.5 * ((real - 1).square().mean() + fake.square().mean())
        case WassersteinGradientPenalty():
            return fake.mean() - real.mean()


def generator_loss(loss: GanLoss, fake: Tensor) -> Tensor:
    """Of the scores `(N,)` of made examples."""
    match loss:
        case NonSaturating():
            return functional.softplus(-fake).mean()
        case LeastSquares():
            return 0.5 * (fake - 1).square().mean()
        case _:
            return -fake.mean()


TASK = GanTask
