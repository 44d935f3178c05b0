"""The networks of a training by name, as a task calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

Forward = Callable[..., Any]


class Networks:
    """`networks.main(inputs)` runs the first network, `networks["decoder"](z)` another.

    `module` holds all of them: the one network itself, or an `nn.ModuleDict`. What is called may
    be a compiled or distributed form of the modules; `is_shared` says that other processes train
    the same weights, so that all have to run it alike.
    """

    def __init__(
        self, module: nn.Module, forwards: Mapping[str, Forward], *, is_shared: bool = False
    ):
        self.module = module
        self.is_shared = is_shared
        self.forwards = dict(forwards)
        self.main: Forward = next(iter(self.forwards.values()))

    def __getitem__(self, name: str) -> Forward:
        return self.forwards[name]

    def __contains__(self, name: str) -> bool:
        return name in self.forwards

    def modules(self) -> dict[str, nn.Module]:
        """The plain modules by the networks' names."""
        if isinstance(self.module, nn.ModuleDict) and set(self.module) == set(self.forwards):
            return dict(self.module.items())
        return dict.fromkeys(self.forwards, self.module)


def plain_networks(module: nn.Module, names: tuple[str, ...]) -> Networks:
    """The modules themselves: `module` is the one network, or an `nn.ModuleDict` of all `names`."""
    if names == ("model",):
        return Networks(module, {"model": module})
    assert isinstance(module, nn.ModuleDict)
    return Networks(module, {name: module[name] for name in names})
