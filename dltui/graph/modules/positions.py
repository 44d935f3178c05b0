"""What tells a step its place: learned vectors, sines, relative biases."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LearnedPositions(nn.Module):
    """Adds a learned vector per step; `(N, T, D)` with T up to `max_length`."""

    def __init__(self, max_length: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(max_length, width))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight[: x.shape[1]]

    def extra_repr(self) -> str:
        return f"max_length={self.weight.shape[0]}"


class SinusoidalPositions(nn.Module):
    """Adds sines and cosines of falling frequency (Vaswani et al. 2017, section 3.5)."""

    table: Tensor

    def __init__(self, max_length: int, width: int):
        super().__init__()
        steps = torch.arange(max_length, dtype=torch.float32).unsqueeze(1)
        pairs = torch.arange(0, width, 2, dtype=torch.float32)
        angles = steps * torch.exp(pairs * (-math.log(10000.0) / width))
        table = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)[:, :width]
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table[: x.shape[1]].to(x.dtype)


class RelativeBias(nn.Module):
    """A learned number per head and distance, for the scores of attention: `(1, heads, T, S)`.

    Distances share buckets that widen logarithmically up to `max_distance`; where it is
    bidirectional, half of the buckets are for keys ahead (Raffel et al. 2020, section 2.1,
    https://arxiv.org/abs/1910.10683). Only the lengths of its inputs matter: of the queries, and
    of the keys where there is a second one.
    """

    def __init__(self, heads: int, buckets: int, max_distance: int, bidirectional: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(buckets, heads))
        nn.init.normal_(self.weight, std=0.02)
        self.max_distance, self.bidirectional = max_distance, bidirectional

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        keys = x if memory is None else memory
        ahead = torch.arange(keys.shape[1], device=x.device)
        ahead = ahead - torch.arange(x.shape[1], device=x.device)[:, None]
        return self.weight[self._bucket(ahead)].permute(2, 0, 1).unsqueeze(0)

    def _bucket(self, ahead: Tensor) -> Tensor:
        buckets, first = self.weight.shape[0], torch.zeros_like(ahead)
        if self.bidirectional:
            buckets //= 2
            first, distance = (ahead > 0) * buckets, ahead.abs()
        else:
            distance = (-ahead).clamp(min=0)
        single = buckets // 2
        share = (distance.clamp(min=1).float() / single).log() / math.log(
            self.max_distance / single
        )
        wide = (single + (share * (buckets - single)).long()).clamp(max=buckets - 1)
        return first + torch.where(distance < single, distance, wide)

    def extra_repr(self) -> str:
        buckets, heads = self.weight.shape
        return f"heads={heads}, buckets={buckets}, bidirectional={self.bidirectional}"
