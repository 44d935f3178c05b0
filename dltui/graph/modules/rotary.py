"""Rotary positions (Su et al. 2021, https://arxiv.org/abs/2104.09864)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Rotary:
    """Turns the two halves of each head by an angle that grows with the step.

    `factor` stretches a model to longer sequences: `linear` counts steps `factor` times slower
    (Chen et al. 2023, https://arxiv.org/abs/2306.15595), `ntk` raises the base so that the lowest
    frequency alone slows down by `factor` (bloc97 2023), and `none` leaves it be.
    """

    base: float
    scaling: Literal["none", "linear", "ntk"] = "none"
    factor: float = 1.0

    def angles(self, length: int, head_dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Cosines and sines `(T, head_dim)` of the angle of every step and pair."""
        base, step = self.base, 1.0
        if self.scaling == "linear":
            step = 1.0 / self.factor
        elif self.scaling == "ntk" and head_dim > 2:
            base *= self.factor ** (head_dim / (head_dim - 2))
        exponents = torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim
        steps = torch.arange(length, device=device, dtype=torch.float32) * step
        turns = torch.outer(steps, base**-exponents).repeat(1, 2)
        return turns.cos(), turns.sin()


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """`(…, T, head_dim)` turned by the angles of `Rotary.angles`."""
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return x * cosine.to(x.dtype) + turned * sine.to(x.dtype)
