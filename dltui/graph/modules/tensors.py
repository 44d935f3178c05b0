"""Joining, cutting and rearranging tensors, as modules so that they have a name and a place."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Combine(nn.Module):
    """Folds two or more inputs of equal (or broadcastable) shapes with `operation`."""

    def __init__(self, operation: Callable[[Tensor, Tensor], Tensor]):
        super().__init__()
        self.operation = operation

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        result = first
        for other in others:
            result = self.operation(result, other)
        return result

    def extra_repr(self) -> str:
        return self.operation.__name__


class Cat(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=self.dim)


class Scale(nn.Module):
    """Multiplies by a number, or by one a channel (LayerScale, Touvron et al. 2021)."""

    weight: Tensor

    def __init__(self, shape: tuple[int, ...], init: float, learned: bool):
        super().__init__()
        weight = torch.full(shape, init)
        if learned:
            self.weight = nn.Parameter(weight)
        else:
            self.register_buffer("weight", weight)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class FullLike(nn.Module):
    """One number everywhere, in the shape and type of the input."""

    def __init__(self, value: float):
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return torch.full_like(x, self.value)


class Reshape(nn.Module):
    """New sizes for all dimensions but the first."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], *self.shape)


class Permute(nn.Module):
    def __init__(self, dims: tuple[int, ...]):
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.dims)


class Transpose(nn.Module):
    def __init__(self, first: int, second: int):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(self.first, self.second)


class Index(nn.Module):
    """One entry along a dimension, which goes away."""

    def __init__(self, index: int, dim: int):
        super().__init__()
        self.index, self.dim = index, dim

    def forward(self, x: Tensor) -> Tensor:
        return x.select(self.dim, self.index)


class Slice(nn.Module):
    """Entries `start` to `stop` of a dimension, as Python slices count them."""

    def __init__(self, start: int, stop: int | None, dim: int):
        super().__init__()
        self.start, self.stop, self.dim = start, stop, dim

    def forward(self, x: Tensor) -> Tensor:
        start, stop, _ = slice(self.start, self.stop).indices(x.shape[self.dim])
        return x.narrow(self.dim, start, max(0, stop - start))


class Reduce(nn.Module):
    """Mean, sum or largest value over dimensions."""

    def __init__(self, operation: Callable[..., Tensor], dims: tuple[int, ...], keep: bool):
        super().__init__()
        self.operation, self.dims, self.keep = operation, dims, keep

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x, dim=self.dims, keepdim=self.keep)


class GlobalPool(nn.Module):
    """`(N, C, …)` to `(N, C)` by the mean or the largest value."""

    def __init__(self, operation: Callable[..., Tensor]):
        super().__init__()
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x.flatten(2), dim=2)


class Squeeze(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return x.squeeze(self.dim)


class Unsqueeze(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(self.dim)


class Normalize(nn.Module):
    """Divides by the Euclidean norm along `dim`."""

    def __init__(self, dim: int, eps: float):
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(x, dim=self.dim, eps=self.eps)


class Pad(nn.Module):
    """Adds a border to the last dimensions; `widths` as `torch.nn.functional.pad` takes them."""

    def __init__(self, widths: tuple[int, ...], mode: str, value: float):
        super().__init__()
        self.widths, self.mode, self.value = widths, mode, value

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(
            x, self.widths, self.mode, self.value if self.mode == "constant" else None
        )


class LowRankUpdate(nn.Module):
    """A frozen linear layer plus `alpha / rank · B A x` (LoRA, Hu et al. 2021).

    B starts at 0, so that the layer starts out unchanged. https://arxiv.org/abs/2106.09685
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, dropout: float):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(base.weight.new_empty(rank, base.in_features))
        self.up = nn.Parameter(base.weight.new_zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        self.factor = alpha / rank
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        update = functional.linear(functional.linear(self.dropout(x), self.down), self.up)
        result: Tensor = self.base(x) + self.factor * update
        return result
