"""Layers over tokens: masks, pooling to one vector, similarity of two sets of vectors."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class AttentionMask(nn.Module):
    """True where a token stands, false where padding does: `(N, T)` to `(N, T)`."""

    def __init__(self, padding: int):
        super().__init__()
        self.padding = padding

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens != self.padding


class SequencePool(nn.Module):
    """One vector a sequence: `(N, T, D)` to `(N, D)`.

    A mask `(N, T)` leaves out the padding: of the mean, of the largest value, and `last` is then
    the last step that it lets through. `cls` is always the first step.
    """

    def __init__(self, kind: Literal["mean", "max", "cls", "last"]):
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if self.kind == "cls":
            return x[:, 0]
        kept = torch.ones_like(x[:, :, 0], dtype=torch.bool) if mask is None else mask.bool()
        if self.kind == "last":
            steps = torch.arange(x.shape[1], device=x.device)
            place = (steps * kept).amax(dim=1)
            return x[torch.arange(x.shape[0], device=x.device), place]
        if self.kind == "max":
            return x.masked_fill(~kept[:, :, None], torch.finfo(x.dtype).min).amax(dim=1)
        weight = kept.to(x.dtype)[:, :, None]
        return (x * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


class Similarity(nn.Module):
    """Cosine of every x with every y, times a learned scale: `(N, D)`, `(M, D)` to `(N, M)`.

    The scale is kept as its logarithm and never above 100 (Radford et al. 2021, section 2.5,
    https://arxiv.org/abs/2103.00020).
    """

    def __init__(self, temperature: float, learned: bool):
        super().__init__()
        first = torch.tensor(math.log(1 / temperature))
        self.logit_scale = nn.Parameter(first, requires_grad=learned)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x, y = functional.normalize(x, dim=-1), functional.normalize(y, dim=-1)
        return self.logit_scale.clamp(max=math.log(100.0)).exp() * (x @ y.T)
