"""From stored examples to what the network sees: scale, augment, normalise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dltui.worker.data.seeds import Dice
from dltui.worker.data.tensors import Tensors, first, with_first

_ENOUGH_IMAGES = 20_000
"""Images from which mean and std are measured; more change the third decimal at most."""


class Augmentation(Protocol):
    """One augmentation of a batch: inputs `(N, …)` float, targets `(N,)` or `(N, …)`."""

    def __call__(self, inputs: Tensor, targets: Tensor, dice: Dice) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done to every batch. Pixels (uint8) become 0 to 1 before augmentation.

    `mean` and `std` have the shape of one example, broadcast: `(C, 1, 1)` or `(features,)`.
    """

    mean: Tensor | None = None
    std: Tensor | None = None
    fill: Tensor | None = None
    """Numbers `(features,)` that take the place of missing ones (NaN)."""
    augment: tuple[Augmentation, ...] = ()
    augment_after: bool = False
    """True for tables, whose augmentations are in standard deviations."""
    flatten: bool = False

    def augmented(self, inputs: Tensors, targets: Tensor, dice: Dice) -> tuple[Tensors, Tensor]:
        """Scaled and augmented, not normalised yet (tables: normalised before)."""
        main = self._scaled(first(inputs))
        if self.augment_after:
            main = self._normalised(main)
        for step in self.augment:
            main, targets = step(main, targets, dice)
        return with_first(inputs, main), targets

    def finished(self, inputs: Tensors, *, augmented: bool) -> Tensors:
        """What the network gets, of stored inputs or of the result of `augmented`."""
        main = first(inputs)
        if not augmented:
            main = self._scaled(main)
        if not (augmented and self.augment_after):
            main = self._normalised(main)
        return with_first(inputs, main.flatten(1) if self.flatten else main)

    def to(self, device: torch.device) -> Preparation:
        def moved(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device)

        return Preparation(
            moved(self.mean),
            moved(self.std),
            moved(self.fill),
            self.augment,
            self.augment_after,
            self.flatten,
        )

    def without_augmentation(self) -> Preparation:
        """As validation and test examples are prepared."""
        return Preparation(self.mean, self.std, self.fill, (), self.augment_after, self.flatten)

    @staticmethod
    def _scaled(inputs: Tensor) -> Tensor:
        return inputs.float().div_(255) if inputs.dtype == torch.uint8 else inputs

    def _normalised(self, inputs: Tensor) -> Tensor:
        if self.fill is not None:
            inputs = torch.where(inputs.isnan(), self.fill, inputs)
        if self.mean is None or self.std is None:
            return inputs
        return (inputs - self.mean) / self.std


def pixel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and std per channel of uint8 images `(N, C, H, W)` scaled to 0 to 1, each `(C, 1, 1)`.

    A channel that is the same everywhere gets std 1.
    """
    stride = max(1, len(images) // _ENOUGH_IMAGES)
    counts = torch.stack(
        [
            torch.bincount(images[::stride, channel].flatten(), minlength=256)
            for channel in range(images.shape[1])
        ]
    ).double()
    levels = torch.arange(256, dtype=torch.float64) / 255
    share = counts / counts.sum(1, keepdim=True)
    mean = (share * levels).sum(1)
    std = ((share * levels.square()).sum(1) - mean.square()).clamp_min(0).sqrt()
    return _column(mean), _column(_without_zeros(std))


def column_statistics(table: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and std `(features,)` of a float table `(N, features)`, NaN left out; std 0 becomes 1.

    A column without any number has mean 0.
    """
    numbers = table.double()
    mean = numbers.nanmean(0).nan_to_num(0.0)
    std = (numbers - mean).square().nanmean(0).nan_to_num(0.0).sqrt()
    return mean.float(), _without_zeros(std).float()


def given_statistics(mean: Sequence[float], std: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Mean and std per channel from a recipe, each `(C, 1, 1)`."""
    return _column(torch.tensor(mean)), _column(torch.tensor(std))


def _column(values: Tensor) -> Tensor:
    return values.float().reshape(-1, 1, 1)


def _without_zeros(std: Tensor) -> Tensor:
    # Rounding leaves a constant column with a std of about 1e-9 rather than 0.
    return torch.where(std < 1e-7, torch.ones_like(std), std)
