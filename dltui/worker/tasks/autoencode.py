"""An example through a bottleneck, or cleaned of noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from dltui.errors import RecipeError
from dltui.graph.modules.codebook import VectorQuantize
from dltui.recipe.tasks.autoencode import Autoencode, PixelCrossEntropy
from dltui.worker.data.tensors import first
from dltui.worker.losses import value_loss
from dltui.worker.tasks.base import Collector, Phase, Task, only_tensor
from dltui.worker.tasks.pixels import Pixels
from dltui.worker.tasks.reconstruction import (
    Reconstruction,
    ReconstructionCollector,
    reconstruction_metric,
    update_reconstruction_metric,
)

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.recipe import Recipe
    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks


class AutoencodeTask(Task):
    """Inputs `(N, *shape)` and outputs of the same shape: one network, or encoder and decoder."""

    section: Autoencode

    def prepare(self, data: Data, device: torch.device) -> None:
        self.section = self.recipe.task
        self.pixels = Pixels.of(data, device)
        need_pictures(self.recipe, self.pixels, isinstance(self.section.loss, PixelCrossEntropy))
        self._books: list[VectorQuantize] | None = None

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        clean = first(batch.inputs)
        outputs, _ = self._through(networks, self._seen(clean))
        return [self._loss(outputs, clean)]

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        clean = first(batch.inputs)
        seen = self._seen(clean)
        outputs, codes = self._through(networks, seen)
        errors = (self._made(outputs) - self.pixels.restored(clean)).square().flatten(1).mean(1)
        result = Reconstruction(
            self.pixels.restored(clean),
            self.pixels.restored(seen),
            self._made(outputs),
            errors,
            codes,
        )
        self._remember_books(networks)
        return self._loss(outputs, clean), result

    def _through(self, networks: Networks, seen: Tensor) -> tuple[Tensor, Tensor | None]:
        """What comes out, and the code on the way."""
        if "encoder" not in networks:
            return only_tensor(networks.main(seen)), None
        code = only_tensor(networks["encoder"](seen))
        return only_tensor(networks["decoder"](code)), code

    def _seen(self, clean: Tensor) -> Tensor:
        noise = self.section.noise
        if noise is None:
            return clean
        seen = clean + noise.std * torch.randn_like(clean)
        return seen * (torch.rand_like(seen) >= noise.mask)

    def _loss(self, outputs: Tensor, clean: Tensor) -> Tensor:
        section = self.section.loss
        if isinstance(section, PixelCrossEntropy):
            truth = self.pixels.restored(clean).clamp(0, 1)
            return functional.binary_cross_entropy_with_logits(outputs.float(), truth)
        return value_loss(section)(outputs.float(), clean)

    def _made(self, outputs: Tensor) -> Tensor:
        """Outputs in the data's own units."""
        if isinstance(self.section.loss, PixelCrossEntropy):
            return outputs.float().sigmoid()
        return self.pixels.restored(outputs)

    def _remember_books(self, networks: Networks) -> None:
        if self._books is None:
            modules = networks.module.modules()
            self._books = [module for module in modules if isinstance(module, VectorQuantize)]

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        if name == "codebook_perplexity":
            return codebook_perplexity()
        return reconstruction_metric(name, arguments, self.pixels)

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        if not name.startswith("codebook_perplexity"):
            update_reconstruction_metric(name, metric, outputs, self.pixels)
            return
        for book in self._books or []:
            assert book.chosen is not None
            metric.update(book.chosen, len(book.weight))

    def collector(self, part: str) -> Collector:
        noisy = self.section.noise is not None
        return ReconstructionCollector(part, self.pixels, self.info, noisy=noisy)


def need_pictures(recipe: Recipe, pixels: Pixels, is_bce: bool) -> None:
    """Raises RecipeError where cross-entropy should compare numbers that are no pixels."""
    if is_bce and pixels.picture is None:
        text = "bce compares with pixels from 0 to 1, and this data has none; take `mse`"
        raise RecipeError([recipe.problem(("task", "loss"), text)])


def codebook_perplexity() -> Metric:
    """exp of the entropy of the codes chosen: how many are in use, as if all alike.

    `update(chosen, codes)` takes code numbers of any shape. NaN without any.
    """
    from torchmetrics import Metric  # slow to import: see worker.metrics

    class CodebookPerplexity(Metric):
        counts: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.add_state("counts", torch.zeros(0), dist_reduce_fx="sum")

        def update(self, chosen: Tensor, codes: int) -> None:
            found = torch.bincount(chosen.flatten(), minlength=codes).float()
            self.counts = found if not len(self.counts) else self.counts + found

        def compute(self) -> Tensor:
            total = self.counts.sum()
            if not total:
                return torch.tensor(torch.nan)
            entropy: Tensor = torch.special.entr(self.counts / total).sum()
            return entropy.exp()

    return CodebookPerplexity()


TASK = AutoencodeTask
