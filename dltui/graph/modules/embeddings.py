"""Vectors for tokens, classes and times, and the weights that they share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class ClassToken(nn.Module):
    """Puts one learned vector before the sequence: `(N, T, D)` to `(N, T + 1, D)`."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.weight.expand(x.shape[0], 1, -1).to(x.dtype), x), dim=1)


class ClassEmbedding(nn.Module):
    """A learned vector per class: `(N,)` to `(N, D)`.

    With `dropout` there is one class more, number `classes`, which stands for "any": while
    training it replaces that share of the labels, for guidance without a classifier
    (Ho & Salimans 2022, https://arxiv.org/abs/2207.12598).
    """

    def __init__(self, classes: int, width: int, dropout: float):
        super().__init__()
        self.classes, self.dropout = classes, dropout
        self.weight = nn.Parameter(torch.empty(classes + (dropout > 0), width))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, labels: Tensor) -> Tensor:
        if self.training and self.dropout > 0:
            dropped = torch.rand(labels.shape, device=labels.device) < self.dropout
            labels = labels.masked_fill(dropped, self.classes)
        return functional.embedding(labels, self.weight)


class TimeEmbedding(nn.Module):
    """Sines and cosines of a time, then two linear layers: `(N,)` or `(N, 1)` to `(N, D)`.

    As diffusion models tell a network the noise level (Ho et al. 2020, appendix B,
    https://arxiv.org/abs/2006.11239); the time is in steps, or in `1 / scale` of them.
    """

    def __init__(self, width: int, frequencies: int, hidden: int, max_period: float, scale: float):
        super().__init__()
        self.frequencies, self.max_period, self.scale = frequencies, max_period, scale
        self.up = nn.Linear(frequencies, hidden)
        self.activation = nn.SiLU()
        self.down = nn.Linear(hidden, width)

    def forward(self, time: Tensor) -> Tensor:
        half = self.frequencies // 2
        exponents = torch.arange(half, device=time.device, dtype=torch.float32) / half
        speeds = torch.exp(-math.log(self.max_period) * exponents)
        angles = time.reshape(-1, 1).float() * self.scale * speeds
        waves = torch.cat((angles.sin(), angles.cos()), dim=-1).to(self.up.weight.dtype)
        result: Tensor = self.down(self.activation(self.up(waves)))
        return result


class TiedLinear(nn.Module):
    """A linear layer with the weight `(V, D)` of an earlier embedding or linear layer."""

    def __init__(self, source: nn.Module, bias: bool):
        super().__init__()
        # In a list, so that the weight belongs to one module only and is saved once.
        self._source = [source]
        self.bias = nn.Parameter(torch.zeros(self.weight.shape[0])) if bias else None

    @property
    def source(self) -> nn.Module:
        return self._source[0]

    @property
    def weight(self) -> Tensor:
        """The shared weight `(V, D)`."""
        weight: Tensor = self._source[0].weight  # type: ignore[assignment]
        return weight

    def tie(self, source: nn.Module) -> None:
        """Uses the weight of another module from now on."""
        self._source[0] = source

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)
