"""Loss functions `loss(outputs, targets) -> scalar`, made from the recipe's `task.loss`.

Class targets are `(N,)` int64 or, mixed by mixup or cutmix, `(N, C)` probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  (the name that torch's own documentation uses)
from torch import Tensor

from dltui.recipe.tasks.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Focal,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
)

Loss = Callable[[Tensor, Tensor], Tensor]


def class_loss(section: CrossEntropy | Focal, weights: Tensor | None) -> Loss:
    """Of logits `(N, C)`; `weights` is `(C,)`, one factor a class."""
    if isinstance(section, Focal):
        gamma = section.gamma
        return lambda logits, targets: focal(logits, targets, gamma, weights)
    smoothing = section.label_smoothing
    return lambda logits, targets: F.cross_entropy(
        logits, targets, weight=weights, label_smoothing=smoothing
    )


def focal(logits: Tensor, targets: Tensor, gamma: float, weights: Tensor | None = None) -> Tensor:
    """−(1 − p)^γ log p of the true class, Lin et al. 2017, https://arxiv.org/abs/1708.02002.

    Weighted like `torch.nn.functional.cross_entropy`, which it equals at γ = 0.
    """
    log_p = F.log_softmax(logits.float(), dim=1)
    if targets.is_floating_point():
        terms = -targets * (1 - log_p.exp()).pow(gamma) * log_p
        return (terms if weights is None else terms * weights).sum(1).mean()
    log_p = log_p.gather(1, targets.unsqueeze(1)).squeeze(1)
    terms = -(1 - log_p.exp()).pow(gamma) * log_p
    if weights is None:
        return terms.mean()
    factors = weights[targets]
    return (terms * factors).sum() / factors.sum()


def label_loss(section: BinaryCrossEntropy | Focal, weights: Tensor | None) -> Loss:
    """Of logits `(N, L)` and 0/1 targets `(N, L)`, averaged over both.

    `weights` is `(L,)`: factors of the positive examples for BCE, of whole labels for focal.
    """
    if isinstance(section, Focal):
        gamma = section.gamma
        return lambda logits, targets: binary_focal(logits, targets.float(), gamma, weights)
    return lambda logits, targets: F.binary_cross_entropy_with_logits(
        logits, targets.float(), pos_weight=weights
    )


def binary_focal(logits: Tensor, targets: Tensor, gamma: float, weights: Tensor | None) -> Tensor:
    """Focal loss of independent yes/no labels (the same paper, equation 4)."""
    terms = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    p_true = torch.sigmoid(logits) * targets + torch.sigmoid(-logits) * (1 - targets)
    terms = terms * (1 - p_true).pow(gamma)
    return (terms if weights is None else terms * weights).mean()


def value_loss(section: MeanSquaredError | MeanAbsoluteError | Huber) -> Loss:
    """Of predictions and targets of the same shape, averaged over all numbers."""
    if isinstance(section, Huber):
        delta = section.delta
        return lambda outputs, targets: F.huber_loss(outputs, targets, delta=delta)
    return F.l1_loss if isinstance(section, MeanAbsoluteError) else F.mse_loss


def pinball(outputs: Tensor, targets: Tensor, levels: Tensor) -> Tensor:
    """Mean of max(q e, (q − 1) e) with e = target − output (Koenker and Bassett 1978).

    `outputs` `(…, Q)`, `targets` `(…)`, `levels` `(Q,)`.
    """
    error = targets.unsqueeze(-1) - outputs
    return torch.maximum(levels * error, (levels - 1) * error).mean()


def penalty(parameters: list[Tensor], l1: float, l2: float) -> Tensor:
    """l1 Σ|w| + l2 Σw² over the weights given; 0-dimensional, with gradient."""
    terms: list[Any] = []
    if l1:
        terms += [l1 * weight.abs().sum() for weight in parameters]
    if l2:
        terms += [l2 * weight.square().sum() for weight in parameters]
    return torch.stack(terms).sum()
