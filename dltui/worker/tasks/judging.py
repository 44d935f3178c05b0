"""Pictures that a task has made, as a trained classifier of ours sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.errors import RecipeError
from dltui.graph.pretrained import network_of_run
from dltui.recipe.nodes import Pretrained
from dltui.recipe.schema.data import Normalize
from dltui.worker.data import open_data
from dltui.worker.data.prepare import given_statistics
from dltui.worker.tasks.base import only_tensor
from dltui.worker.tasks.pixels import Pixels

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.recipe import Recipe
    from dltui.recipe.tasks.judging import FeatureNetwork

_AT = ("task", "fid")
_NAMES = ("fid", "recognised", "conditional_accuracy")


class Judge(nn.Module):
    """A classifier for pictures `(N, C, H, W)` from 0 to 1; gives features `(N, D)`.

    The features are what reaches `layer`, flattened.
    """

    num_features = 0
    """D, as torchmetrics wants to know it."""

    def __init__(self, network: nn.Module, layer: nn.Module, mean: Tensor, std: Tensor):
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self._reached: Tensor | None = None
        layer.register_forward_pre_hook(self._keep)

    mean: Tensor
    std: Tensor

    def _keep(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._reached = inputs[0]

    def probabilities(self, pictures: Tensor) -> Tensor:
        """Of each class, `(N, classes)`."""
        # The metrics that own a judge may have put it into training mode with themselves.
        self.network.eval()
        logits = only_tensor(self.network((pictures.float() - self.mean) / self.std))
        return logits.float().softmax(1)

    def forward(self, pictures: Tensor) -> Tensor:
        self.probabilities(pictures)
        assert self._reached is not None
        return self._reached.float().flatten(1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The metrics of a task with `fid:`; without it those that need it are refused."""

    judge: Judge | None

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        section: FeatureNetwork | None,
        pixels: Pixels,
        device: torch.device,
    ) -> Judgement:
        """The network of `task.fid` on `device`, if there is one.

        Raises RecipeError at `task.fid` where there is no such network, or none for these pictures.
        """
        if section is None:
            _refuse_metrics(recipe)
            return cls(None)
        if pixels.picture is None:
            raise RecipeError([recipe.problem(_AT, "only pictures can be judged by a network")])
        # The training's own chance stays as it is without a judge.
        with torch.random.fork_rng([]):
            judge = _trained_judge(recipe, section, pixels)
        judge = judge.to(device)
        with torch.no_grad():
            features = judge(torch.zeros(2, *pixels.picture, device=device))
        judge.num_features = features.shape[1]
        return cls(judge)

    def wanted(self, asked: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
        """The metrics asked for, and `fid` first where there is a network for it."""
        if self.judge is None or "fid" in [name for name, _ in asked]:
            return asked
        return [("fid", {}), *asked]

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        """The metric `fid`, `recognised` or `conditional_accuracy`."""
        from torchmetrics import MeanMetric  # slow to import: see worker.metrics
        from torchmetrics.image.fid import FrechetInceptionDistance

        assert self.judge is not None
        if name == "fid":
            return FrechetInceptionDistance(self.judge, normalize=True)
        if name == "recognised":
            return share_recognised(arguments.get("confidence", 0.9))
        return MeanMetric()

    def update(
        self, name: str, metric: Metric, real: Tensor, made: Tensor, labels: Tensor | None
    ) -> None:
        """Takes in pictures `(N, C, H, W)` from 0 to 1, and the classes asked for, `(N,)`."""
        assert self.judge is not None
        if name.startswith("fid"):
            metric.update(real, real=True)
            metric.update(made, real=False)
            return
        probabilities = self.judge.probabilities(made)
        if name.startswith("recognised"):
            metric.update(probabilities)
        else:
            assert labels is not None
            metric.update((probabilities.argmax(1) == labels).float())


def share_recognised(least: float) -> Metric:
    """Of class probabilities `(N, C)`, the share whose largest is at least `least`."""
    from torchmetrics import Metric  # slow to import: see worker.metrics

    class Recognised(Metric):
        sure: Tensor
        seen: Tensor

        def __init__(self) -> None:
            super().__init__()
            for name in ("sure", "seen"):
                self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

        def update(self, probabilities: Tensor) -> None:
            self.sure += (probabilities.max(1).values >= least).sum()
            self.seen += len(probabilities)

        def compute(self) -> Tensor:
            return self.sure / self.seen

    return Recognised()


def _refuse_metrics(recipe: Recipe) -> None:
    for number, (name, _) in enumerate(recipe.metrics):
        if name in _NAMES:
            text = f"{name} needs a trained network: task.fid.features=run/<id>"
            raise RecipeError([recipe.problem(("metrics", number), text)])


def _trained_judge(recipe: Recipe, section: FeatureNetwork, pixels: Pixels) -> Judge:
    source = Pretrained(section.features, _AT)
    network, trained, info = network_of_run(recipe, source, meta=False, key="features")
    if trained.task.type != "classify" or info.shape != pixels.picture:
        seen = "×".join(map(str, info.shape))
        wanted = "×".join(map(str, pixels.picture or ()))
        text = f"the run learns {trained.task.type} of {seen}; a classifier of {wanted} is needed"
        raise RecipeError([recipe.problem((*_AT, "features"), text)])
    mean, std = _statistics(trained)
    return Judge(network, _layer(recipe, section, network), mean, std)


def _layer(recipe: Recipe, section: FeatureNetwork, network: nn.Module) -> nn.Module:
    modules: dict[str, nn.Module] = dict(network.named_modules())
    if section.layer is not None:
        if section.layer not in modules:
            known = ", ".join(
                name for name, module in modules.items() if not list(module.children())
            )
            text = f"the network has no layer {section.layer!r}; it has {known}"
            raise RecipeError([recipe.problem((*_AT, "layer"), text)])
        return modules[section.layer]
    linear = [module for module in modules.values() if isinstance(module, nn.Linear)]
    if not linear:
        text = "the network has no linear layer: name another with task.fid.layer"
        raise RecipeError([recipe.problem(_AT, text)])
    return linear[-1]


def _statistics(trained: Recipe) -> tuple[Tensor, Tensor]:
    """Mean and std `(C, 1, 1)` with which the network was trained.

    Raises DataError where they were measured on data that is no longer there.
    """
    wanted = getattr(trained.data, "normalize", True)
    if isinstance(wanted, Normalize):
        return given_statistics(wanted.mean, wanted.std)
    if wanted is False:
        return torch.zeros(1), torch.ones(1)
    data = open_data(trained, seed=0, device="cpu")
    mean, std = data.preparation.mean, data.preparation.std
    data.close()
    return (torch.zeros(1) if mean is None else mean), (torch.ones(1) if std is None else std)
