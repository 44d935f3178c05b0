"""Between what networks see and what people look at: normalisation undone, tables left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dltui.worker.data.tensors import first

if TYPE_CHECKING:
    from dltui.worker.data import Data


@dataclass(frozen=True, slots=True)
class Pixels:
    """The scale of a data set's examples. `mean` and `std` broadcast over `(N, *shape)`."""

    mean: Tensor
    std: Tensor
    shape: tuple[int, ...]
    """Of one example as the networks see it."""
    picture: tuple[int, int, int] | None
    """`(C, H, W)` of one example as a picture; None where it is none."""

    @classmethod
    def of(cls, data: Data, device: torch.device) -> Pixels:
        """The scale that `data` prepares its examples to."""
        preparation, shape = data.preparation, data.info.shape
        mean = torch.zeros(1) if preparation.mean is None else preparation.mean
        std = torch.ones(1) if preparation.std is None else preparation.std
        picture = None
        if data.loaded.kind == "images":
            stored = first(data.parts["train"].fetch(torch.tensor([0]), None).inputs)
            channels, height, width = stored.shape[1:]
            picture = (channels, height, width)
            if len(shape) == 1:
                mean, std = (
                    values.reshape(-1, 1, 1).expand(picture).flatten() for values in (mean, std)
                )
        return cls(mean.float().to(device), std.float().to(device), shape, picture)

    def restored(self, inputs: Tensor) -> Tensor:
        """`(N, *shape)` in the data's own units: pixels from 0 to 1, columns of a table."""
        return inputs.float() * self.std + self.mean

    def normalised(self, values: Tensor) -> Tensor:
        """What a network would see of `values` in the data's own units."""
        return (values - self.mean) / self.std

    def pictures(self, values: Tensor) -> Tensor:
        """Values in the data's own units as pictures `(N, C, H, W)` from 0 to 1."""
        assert self.picture is not None
        return values.reshape(-1, *self.picture).clamp(0, 1)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a grid: pictures `(columns, C, H, W)` from 0 to 1, under a name."""

    label: str
    pictures: Tensor
    captions: tuple[str, ...] = ()


def grid(rows: Sequence[Row], columns: int) -> tuple[Tensor, list[str], list[str]]:
    """Pictures in reading order, their captions, and the rows' names.

    A row with fewer pictures than `columns` is filled up with black ones.
    """
    found, captions = [], []
    for row in rows:
        pictures = row.pictures[:columns].cpu()
        missing = columns - len(pictures)
        found.append(torch.cat((pictures, pictures.new_zeros(missing, *pictures.shape[1:]))))
        texts = list(row.captions[:columns])
        captions += texts + [""] * (columns - len(texts))
    return torch.cat(found), captions, [row.label for row in rows]
