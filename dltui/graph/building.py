"""How a catalogue layer becomes a module: one builder a name, given arguments and input shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from torch import Tensor, nn

from dltui.recipe.data_info import DataInfo

Args = Mapping[str, Any]
Shape = tuple[int, ...]
SEQUENCE: Final = "(N, T, D)"
"""How messages call a sequence of vectors."""


class LayerError(Exception):
    """A layer that cannot be built; `arg` names the argument at fault where there is one."""

    def __init__(self, message: str, arg: str | None = None):
        super().__init__(message)
        self.arg = arg


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a builder may know: input shapes `(N, …)`, the data, modules built before.

    `named` are the shapes behind arguments of the kind `value`; the module gets those inputs
    after the others, in this order.
    """

    shapes: tuple[Shape, ...]
    info: DataInfo
    find: Callable[[str], nn.Module]
    """The module of an earlier layer by its name; LayerError where there is none."""
    named: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def shape(self) -> Shape:
        return self.shapes[0]

    @property
    def width(self) -> int:
        """Size of the last dimension."""
        self.need_rank(2, None, "(N, …, features)")
        return self.shape[-1]

    @property
    def channels(self) -> int:
        """Size of dimension 1."""
        self.need_rank(2, None, "(N, C, …)")
        return self.shape[1]

    def need_rank(self, least: int, most: int | None, form: str) -> int:
        """The number of dimensions; LayerError where it is not from `least` to `most`."""
        rank = len(self.shape)
        if rank < least or (most is not None and rank > most):
            raise LayerError(f"it needs {form}")
        return rank

    def spatial(self) -> int:
        """1, 2 or 3 spatial dimensions of `(N, C, …)`."""
        return self.need_rank(3, 5, "(N, C, L), (N, C, H, W) or (N, C, D, H, W)") - 2


Builder = Callable[[Args, Inputs], nn.Module]
BUILDERS: dict[str, Builder] = {}


def builds(*names: str) -> Callable[[Builder], Builder]:
    """Registers a builder under catalogue names."""

    def register(builder: Builder) -> Builder:
        for name in names:
            BUILDERS[name] = builder
        return builder

    return register


def per_dimension(value: int | tuple[int, ...], dimensions: int, arg: str) -> tuple[int, ...]:
    """One number a spatial dimension; LayerError where the list has another length."""
    sizes = (value,) * dimensions if isinstance(value, int) else tuple(value)
    if len(sizes) != dimensions:
        raise LayerError(
            f"{arg} has {len(sizes)} numbers, but the input has {dimensions} spatial dimensions",
            arg,
        )
    return sizes


def shape_text(value: Tensor | Shape) -> str:
    """`(2,128,16,16)`, as error messages print shapes."""
    shape = tuple(value.shape) if isinstance(value, Tensor) else value
    return f"({','.join(map(str, shape))})"
