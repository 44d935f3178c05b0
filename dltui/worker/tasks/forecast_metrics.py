"""Errors of forecasts beside those of another forecast."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class ErrorRatio(Metric):
    """Mean absolute error over that of a simpler forecast of the same values (relative MAE,
    Hyndman and Koehler 2006)."""

    full_state_update = False
    error: Tensor
    simple_error: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("error", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("simple_error", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, said: Tensor, truth: Tensor, simple: Tensor) -> None:
        """Forecasts and truth of one shape."""
        self.error += (said - truth).abs().sum()
        self.simple_error += (simple - truth).abs().sum()

    def compute(self) -> Tensor:
        """Below 1 where the forecast is better than the simple one."""
        return self.error / self.simple_error
