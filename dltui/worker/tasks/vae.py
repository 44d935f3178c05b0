"""Examples to distributions over codes, and codes to examples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from dltui.recipe.tasks.numbers import latent_shape
from dltui.recipe.tasks.vae import Bernoulli, Gaussian, Vae
from dltui.worker.data.tensors import first
from dltui.worker.tasks.autoencode import need_pictures
from dltui.worker.tasks.base import Collector, Phase, Task, only_tensor
from dltui.worker.tasks.judging import Judgement
from dltui.worker.tasks.pixels import Pixels
from dltui.worker.tasks.reconstruction import (
    Reconstruction,
    ReconstructionCollector,
    reconstruction_metric,
    update_reconstruction_metric,
)

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks


class VaeTask(Task):
    """Kingma & Welling 2013, https://arxiv.org/abs/1312.6114, with β of Higgins et al. 2017.

    The encoder gives `(N, 2 · latent, …)`: means, then log variances. The loss is the negative
    log likelihood of an example plus β times the divergence from the standard normal, in nats.
    """

    scalar_names = ("reconstruction", "divergence")
    section: Vae

    def prepare(self, data: Data, device: torch.device) -> None:
        self.section = self.recipe.task
        self.pixels = Pixels.of(data, device)
        need_pictures(self.recipe, self.pixels, isinstance(self.section.loss, Bernoulli))
        self.judgement = Judgement.of(self.recipe, self.section.fid, self.pixels, device)

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        inputs = first(batch.inputs)
        mean, log_variance = self._encoded(networks, inputs)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        outputs = only_tensor(networks["decoder"](code))
        reconstruction = self.surprise(outputs, inputs).mean()
        divergence = divergence_from_normal(mean, log_variance).mean()
        loss = reconstruction + self.section.beta * divergence
        return [loss, reconstruction.detach(), divergence.detach()]

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        inputs = first(batch.inputs)
        mean, log_variance = self._encoded(networks, inputs)
        decode = networks["decoder"]
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        surprise = self.surprise(only_tensor(decode(code)), inputs)
        divergence = divergence_from_normal(mean, log_variance)
        noise = torch.randn(len(inputs), *latent_shape(self.section.latent), device=inputs.device)
        elbo = -(surprise + divergence)
        result = Reconstruction(
            truth=self.pixels.restored(inputs),
            seen=self.pixels.restored(inputs),
            made=self._made(only_tensor(decode(mean))),
            anomaly=-elbo,
            codes=mean,
            sampled=self._made(only_tensor(decode(noise))),
            elbo=elbo,
        )
        return (surprise + self.section.beta * divergence).mean(), result

    def _encoded(self, networks: Networks, inputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = only_tensor(networks["encoder"](inputs)).float().chunk(2, dim=1)
        return mean, log_variance

    def surprise(self, outputs: Tensor, inputs: Tensor) -> Tensor:
        """−log p(example | code) of each example, `(N,)`, in nats."""
        if isinstance(self.section.loss, Gaussian):
            std = self.section.loss.std
            terms = 0.5 * ((outputs.float() - inputs) / std).square()
            terms = terms + math.log(std) + 0.5 * math.log(2 * math.pi)
        else:
            truth = self.pixels.restored(inputs).clamp(0, 1)
            terms = functional.binary_cross_entropy_with_logits(
                outputs.float(), truth, reduction="none"
            )
        return terms.flatten(1).sum(1)

    def _made(self, outputs: Tensor) -> Tensor:
        """Outputs in the data's own units."""
        if isinstance(self.section.loss, Bernoulli):
            return outputs.float().sigmoid()
        return self.pixels.restored(outputs)

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        if name == "elbo":
            from torchmetrics import MeanMetric  # slow to import: see worker.metrics

            return MeanMetric()
        if name in ("fid", "recognised"):
            return self.judgement.metric(name, arguments)
        return reconstruction_metric(name, arguments, self.pixels)

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        if name.startswith("elbo"):
            metric.update(outputs.elbo)
        elif name.startswith(("fid", "recognised")):
            real, made = (self.pixels.pictures(side) for side in (outputs.truth, outputs.sampled))
            self.judgement.update(name, metric, real, made, None)
        else:
            update_reconstruction_metric(name, metric, outputs, self.pixels)

    def wanted_metrics(self) -> list[tuple[str, dict[str, Any]]]:
        return self.judgement.wanted(super().wanted_metrics())

    def collector(self, part: str) -> Collector:
        return ReconstructionCollector(part, self.pixels, self.info, noisy=False)


def divergence_from_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) ‖ N(0, 1)) of each example, `(N,)`, in nats (appendix B)."""
    terms = mean.square() + log_variance.exp() - 1 - log_variance
    return 0.5 * terms.flatten(1).sum(1)


TASK = VaeTask
