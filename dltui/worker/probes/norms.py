"""Norms of many tensors in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

UPDATE_ELEMENTS = 1 << 20
"""Of a larger tensor, an evenly spaced part of this size stands for its update."""


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """The 2-norm of each tensor as float32 `(len(tensors),)` on their device; never synchronises.

    16-bit tensors are summed in float32, which they would overflow.
    """
    kinds = {(tensor.device, tensor.dtype) for tensor in tensors}
    if len(kinds) == 1:
        return _same_kind(tensors)
    found: list[Tensor | None] = [None] * len(tensors)
    for kind in kinds:
        at = [i for i, tensor in enumerate(tensors) if (tensor.device, tensor.dtype) == kind]
        for i, norm in zip(at, _same_kind([tensors[i] for i in at]), strict=True):
            found[i] = norm.to(tensors[0].device)
    return torch.stack([norm for norm in found if norm is not None])


def _same_kind(tensors: Sequence[Tensor]) -> Tensor:
    wide = torch.float32 if tensors[0].dtype in (torch.float16, torch.bfloat16) else None
    return torch.stack(torch._foreach_norm(list(tensors), 2, dtype=wide)).float()


def dense(gradient: Tensor) -> Tensor:
    """The values of a gradient; of a sparse one (embeddings) those that are there."""
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def flat_memory(tensor: Tensor) -> Tensor:
    """A tensor's values as `(n,)` in memory order; no copy where memory is dense."""
    if not tensor.is_contiguous():
        strides = tensor.stride()
        tensor = tensor.permute(sorted(range(tensor.dim()), key=lambda d: -strides[d]))
    return tensor.reshape(-1)


def spaced(tensor: Tensor, limit: int) -> Tensor:
    """At most about `limit` values of `tensor` as `(n,)`, evenly spaced in memory.

    The spacing is odd, so that it does not fall in step with power-of-two shapes.
    """
    flat = flat_memory(tensor)
    if flat.numel() <= limit:
        return flat
    return flat[:: -(-flat.numel() // limit) | 1]
