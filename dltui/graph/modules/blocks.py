"""Small networks that the field treats as one layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Gated(nn.Module):
    """`f(a) · b` for the halves a, b of a dimension (Shazeer 2020, https://arxiv.org/abs/2002.05202)."""

    def __init__(self, activation: nn.Module, dim: int = -1):
        super().__init__()
        self.activation = activation
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        gate, value = x.chunk(2, dim=self.dim)
        gated: Tensor = self.activation(gate) * value
        return gated


class GeGlu(nn.Module):
    """`a · gelu(b)` for the halves a, b of a dimension (Shazeer 2020)."""

    def __init__(self, dim: int = -1):
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        value, gate = x.chunk(2, dim=self.dim)
        return value * functional.gelu(gate)


class SqueezeExcite(nn.Module):
    """Channel gates from channel means (Hu et al. 2018, https://arxiv.org/abs/1709.01507)."""

    def __init__(self, channels: int, hidden: int, activation: nn.Module, gate: nn.Module):
        super().__init__()
        self.down = nn.Linear(channels, hidden)
        self.activation = activation
        self.up = nn.Linear(hidden, channels)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        means = x.flatten(2).mean(dim=2)
        gates: Tensor = self.gate(self.up(self.activation(self.down(means))))
        return x * gates.reshape(*gates.shape, *(1,) * (x.dim() - 2))


class SeparableConv(nn.Module):
    """A depthwise and a 1×1 convolution (Chollet 2017, https://arxiv.org/abs/1610.02357).

    `(N, C, …)` to `(N, out, …)`: the first looks at the neighbours, the second mixes channels.
    """

    def __init__(self, depthwise: nn.Module, pointwise: nn.Module):
        super().__init__()
        self.depthwise = depthwise
        self.pointwise = pointwise

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.pointwise(self.depthwise(x))
        return result


class ChannelLayerNorm(nn.LayerNorm):
    """Layer norm over the channels of `(N, C, …)` at every place (Liu et al. 2022, ConvNeXt)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class PatchEmbed(nn.Module):
    """Patches as tokens: `(N, C, H, W)` to `(N, H/p · W/p, D)` (Dosovitskiy et al. 2020)."""

    def __init__(self, channels: int, width: int, patch: int | tuple[int, ...], bias: bool):
        super().__init__()
        self.projection = nn.Conv2d(channels, width, patch, stride=patch, bias=bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        patches: Tensor = self.projection(x)
        return patches.flatten(2).transpose(1, 2)


class Maxout(nn.Module):
    """Largest of each `pieces` neighbouring channels: `(N, C, …)` to `(N, C / pieces, …)`."""

    def __init__(self, pieces: int):
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1] // self.pieces
        return x.reshape(x.shape[0], channels, self.pieces, *x.shape[2:]).amax(dim=2)


class DropPath(nn.Module):
    """Sets whole examples to 0 while training (Huang et al. 2016, https://arxiv.org/abs/1603.09382)."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        if self.p == 1.0:
            return torch.zeros_like(x)
        kept = torch.empty(x.shape[0], *(1,) * (x.dim() - 1), dtype=x.dtype, device=x.device)
        return x * kept.bernoulli_(1 - self.p).div_(1 - self.p)
