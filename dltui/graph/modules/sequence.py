"""Positions, class tokens, recurrent networks and tied weights over sequences `(N, T, D)`."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


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


class ClassToken(nn.Module):
    """Puts one learned vector before the sequence: `(N, T, D)` to `(N, T + 1, D)`."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.weight.expand(x.shape[0], 1, -1).to(x.dtype), x), dim=1)


class Recurrent(nn.Module):
    """`nn.RNN`, `nn.LSTM` or `nn.GRU` without its state: `(N, T, D)` to `(N, T, H)`.

    With `last` it gives the final state `(N, H)`; H doubles where the network is bidirectional,
    and the backward half is then the state after its own last step, at t = 0.
    """

    def __init__(self, network: nn.RNNBase, last: bool):
        super().__init__()
        self.network = network
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        sequence: Tensor = self.network(x)[0]
        if not self.last:
            return sequence
        if not self.network.bidirectional:
            return sequence[:, -1]
        forward, backward = sequence.chunk(2, dim=-1)
        return torch.cat((forward[:, -1], backward[:, 0]), dim=-1)


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
