"""The inputs of a batch: one tensor, or several by name with the examples along dimension 0.

Of several, the first is what is augmented and normalised; the others go along as they are.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Tensors = Tensor | dict[str, Tensor]


def first(tensors: Tensors) -> Tensor:
    """The one tensor, or the first of several."""
    return tensors if isinstance(tensors, Tensor) else next(iter(tensors.values()))


def with_first(tensors: Tensors, new: Tensor) -> Tensors:
    """`tensors` with another first one."""
    if isinstance(tensors, Tensor):
        return new
    return {**tensors, next(iter(tensors)): new}


def each(tensors: Tensors, change: Callable[[Tensor], Tensor]) -> Tensors:
    """`change` of every tensor."""
    if isinstance(tensors, Tensor):
        return change(tensors)
    return {name: change(tensor) for name, tensor in tensors.items()}


def size_bytes(tensors: Tensors) -> int:
    """Memory that they take."""
    found = [tensors] if isinstance(tensors, Tensor) else list(tensors.values())
    return sum(tensor.nbytes for tensor in found)
