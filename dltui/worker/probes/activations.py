"""What activation modules put out, seen by hooks that are there on sampled steps only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from dltui.worker.probes.bucketing import sample
from dltui.worker.probes.layers import (
    RECTIFIERS,
    ROOT,
    SQUASHERS,
    layers_with_parameters,
    observed_modules,
)

SATURATION_MARGIN = 0.01
"""An output within this share of the range from a limit counts as saturated."""
CHANNELS_FIRST = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.GroupNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
)
"""After these the units of an output `(N, C, …)` are its channels; else its last dimension."""
STATISTICS = ("mean", "std", "dead_share", "saturated_share")


@dataclass(frozen=True, slots=True)
class Observed:
    """One activation module's output on a sampled step."""

    name: str
    after: str
    statistics: Tensor
    """float32 (4,), in the order of STATISTICS; NaN where the notion does not fit."""
    values: Tensor
    """float32 (n,), evenly spaced values of the output."""


class ActivationProbe:
    """Hooks on the activation modules of `model`, at most `limit` of them, evenly spread.

    The first call of a module after `attach` is measured: with gradient accumulation the first
    micro-batch, for a module used at several places the first of them. Activations that are
    called as functions are not seen.
    """

    def __init__(self, model: nn.Module, limit: int):
        modules = observed_modules(model)
        step = max(1, -(-len(modules) // limit))
        self._modules = modules[::step]
        self._layers = layers_with_parameters(model)
        self._handles: list[RemovableHandle] = []
        self._seen: dict[str, Observed] = {}
        self._after: dict[str, tuple[str, bool]] = {}
        self._newest: tuple[str, bool] = (ROOT, False)
        self._own_s = 0.0

    def __bool__(self) -> bool:
        return bool(self._modules)

    def attach(self) -> None:
        self.detach()
        self._seen.clear()
        self._own_s = 0.0
        if len(self._after) < len(self._modules):
            self._newest = (ROOT, False)
            for layer in self._layers:
                channels_first = isinstance(layer.module, CHANNELS_FIRST)
                self._handles.append(
                    layer.module.register_forward_hook(self._note(layer.name, channels_first))
                )
        for name, module in self._modules:
            self._handles.append(module.register_forward_hook(self._observe(name)))

    def detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def take(self) -> tuple[list[Observed], float]:
        """What was seen, in the order of execution, and the seconds that seeing it took."""
        seen = list(self._seen.values())
        self._seen.clear()
        return seen, self._own_s

    def _note(self, name: str, channels_first: bool) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            self._newest = (name, channels_first)

        return hook

    def _observe(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            if name in self._seen or not isinstance(output, Tensor) or output.numel() == 0:
                return
            if not output.is_floating_point():
                return
            began_s = perf_counter()
            after, channels_first = self._after.setdefault(name, self._newest)
            with torch.no_grad(), torch.autocast(output.device.type, enabled=False):
                self._seen[name] = observe(module, output.detach(), name, after, channels_first)
            self._own_s += perf_counter() - began_s

        return hook


def observe(
    module: nn.Module, output: Tensor, name: str, after: str, channels_first: bool
) -> Observed:
    """Statistics of one output.

    A unit is dead where it is ≤ 0 for every example (and place) of the batch; only rectifiers
    have dead units. Saturation is the share of values next to a limit of tanh or sigmoid.
    """
    values = sample(output).clone()
    nan = torch.full((), torch.nan, device=output.device)
    mean = values.mean()
    std = (values - mean).square_().mean().sqrt_()  # six times as fast as torch.std_mean on a CPU
    dead = saturated = nan
    if isinstance(module, RECTIFIERS) and output.dim() > 1:
        unit = 1 if channels_first else output.dim() - 1
        highest = output.amax([d for d in range(output.dim()) if d != unit])
        dead = (highest <= 0).float().mean()
    limits = SQUASHERS.get(type(module))
    if limits is not None:
        low, high = limits
        margin = SATURATION_MARGIN * (high - low)
        saturated = ((values < low + margin) | (values > high - margin)).float().mean()
    return Observed(name, after, torch.stack([mean, std, dead, saturated]), values)
