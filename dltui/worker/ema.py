"""An exponential moving average of the weights, used for validation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dltui.recipe.schema.training import Ema


class AverageWeights:
    """θ̄ ← d θ̄ + (1 − d) θ after each step; buffers such as running means are copied.

    Early on d is min(decay, (1 + n)/(10 + n)) after n updates, so that the first random weights
    are soon forgotten (as `tf.train.ExponentialMovingAverage` does with `num_updates`).
    """

    def __init__(self, model: nn.Module, section: Ema):
        self.section = section
        self.updates = 0
        self._live: dict[str, Tensor] = dict(model.state_dict(keep_vars=True))
        self._live = {name: tensor.detach() for name, tensor in self._live.items()}
        self.average = {name: tensor.clone() for name, tensor in self._live.items()}
        parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
        floats = [n for n in self._live if n in parameters and self._live[n].is_floating_point()]
        self._averaged = [self.average[name] for name in floats]
        self._sources = [self._live[name] for name in floats]
        self._copied = [(self.average[n], self._live[n]) for n in self._live if n not in floats]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after optimiser step `step`."""
        if step <= self.section.start_step:
            torch._foreach_copy_(self._averaged, self._sources)
        else:
            self.updates += 1
            decay = min(self.section.decay, (1 + self.updates) / (10 + self.updates))
            torch._foreach_lerp_(self._averaged, self._sources, 1 - decay)
        for target, source in self._copied:
            target.copy_(source)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model holds the averaged weights inside the block, its own again after it."""
        own = {name: tensor.clone() for name, tensor in self._live.items()}
        self._fill(self.average)
        try:
            yield
        finally:
            self._fill(own)

    @torch.no_grad()
    def _fill(self, source: dict[str, Tensor]) -> None:
        for name, tensor in self._live.items():
            tensor.copy_(source[name])

    def restart(self) -> None:
        """The average of the weights as they are now."""
        self.updates = 0
        with torch.no_grad():
            for name, tensor in self._live.items():
                self.average[name].copy_(tensor)

    def state(self) -> dict[str, Any]:
        return {"updates": self.updates, "average": self.average}

    @torch.no_grad()
    def load(self, state: dict[str, Any]) -> None:
        self.updates = state["updates"]
        for name, tensor in state["average"].items():
            self.average[name].copy_(tensor)
