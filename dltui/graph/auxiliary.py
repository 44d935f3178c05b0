"""Losses of a model's own, beside the task's: of a mixture of experts, of a plugin's layer.

A layer that wants one sets its attribute `auxiliary_loss` in every training forward pass, a tensor
without dimensions and with gradient, and None before the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


def with_auxiliary_loss(model: nn.Module) -> list[nn.Module]:
    """The layers that have one; to be looked up once, before the training."""
    return [module for module in model.modules() if hasattr(module, "auxiliary_loss")]


def auxiliary_loss(layers: Sequence[nn.Module]) -> Tensor | None:
    """The sum of what the last forward pass left, which is then forgotten; None where nothing."""
    total: Tensor | None = None
    for layer in layers:
        if layer.auxiliary_loss is not None:
            loss: Tensor = layer.auxiliary_loss  # type: ignore[assignment]
            total = loss if total is None else total + loss
            layer.auxiliary_loss = None  # type: ignore[assignment]
    return total
