"""What a training is made of, built from the recipe in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim import Optimizer

from dltui.graph import compile_model
from dltui.worker.device import (
    Precision,
    choose_precision,
    wants_channels_last,
    wants_compile,
)
from dltui.worker.ema import AverageWeights
from dltui.worker.networks import Networks, plain_networks
from dltui.worker.optimizers import build_optimizers
from dltui.worker.schedules import LearningRate, Steps
from dltui.worker.tasks import Task, build_task

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.worker.data import Data
    from dltui.worker.team import Team


@dataclass(frozen=True, slots=True)
class Parts:
    """Networks, task and optimisers of one training.

    `networks` are those that are trained, perhaps compiled; `plain` the modules themselves.
    """

    model: nn.Module
    networks: Networks
    plain: Networks
    is_compiled: bool
    task: Task
    optimizers: Mapping[str, Optimizer]
    group_factors: Mapping[str, tuple[float, ...]]
    """By optimiser: the learning rate of each of its parameter groups over the first one's."""
    rate: LearningRate
    ema: AverageWeights | None
    precision: Precision
    steps: Steps

    def set_learning_rate(self, lr: float) -> None:
        """`lr` in the first optimiser's first group, in proportion in all others."""
        for name, factors in self.group_factors.items():
            groups = self.optimizers[name].param_groups
            for group, factor in zip(groups, factors, strict=True):
                group["lr"] = lr * factor


def build_parts(
    recipe: Recipe, data: Data, device: torch.device, team: Team | None = None
) -> Parts:
    """Everything on `device`, its gradients averaged over the team where there is one.

    Raises RecipeError where the recipe does not fit together."""
    trainer = recipe.trainer
    steps = count_steps(recipe, len(data.train))
    precision = choose_precision(recipe, device)
    model = compile_model(recipe, data.info)
    if wants_channels_last(trainer.channels_last, device, data.info.shape):
        model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    else:
        model = model.to(device)
    task = build_task(recipe, data.info)
    task.prepare(data, device)
    optimizers = build_optimizers(recipe, model, device)
    base_lr = recipe.optimizer.lr
    is_compiled = wants_compile(trainer.compile, device, model, steps.total)
    plain = plain_networks(model, tuple(recipe.models))
    shared = plain if team is None else team.wrapped(plain)
    return Parts(
        model=model,
        networks=_compiled(shared, trainer.compile) if is_compiled else shared,
        plain=plain,
        is_compiled=is_compiled,
        task=task,
        optimizers=optimizers,
        group_factors={
            name: tuple(group["lr"] / base_lr for group in optimizer.param_groups)
            for name, optimizer in optimizers.items()
        },
        rate=LearningRate(recipe.scheduler, base_lr, steps),
        ema=AverageWeights(model, trainer.ema) if trainer.ema else None,
        precision=precision,
        steps=steps,
    )


def count_steps(recipe: Recipe, micro_batches: int) -> Steps:
    """Optimiser steps in all and per epoch; the last step of an epoch may have fewer batches."""
    trainer = recipe.trainer
    per_epoch = max(-(-micro_batches // trainer.accumulate), 1)
    if trainer.steps is not None:
        return Steps(trainer.steps, per_epoch)
    return Steps(max(round((trainer.epochs or 1) * per_epoch), 1), per_epoch)


def _compiled(networks: Networks, setting: bool | str) -> Networks:
    if setting == "auto":
        # Asked for by nobody: what cannot be compiled runs as it is, with a note in worker.log.
        import torch._dynamo  # slow to import, and only needed here

        torch._dynamo.config.suppress_errors = True
    compiled = {name: torch.compile(forward) for name, forward in networks.forwards.items()}
    return Networks(networks.module, compiled, is_shared=networks.is_shared)
