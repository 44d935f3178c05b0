"""Pictures with a class for each pixel, read from files each time they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.utils.data
from PIL import Image
from torch import Tensor

from dltui.worker.data.examples import Raw
from dltui.worker.data.geometry import IGNORED
from dltui.worker.data.images import THREADS, UNREADABLE, ImageFiles

Pixels = np.ndarray


class Mask(Protocol):
    """Where the classes of a picture's pixels are written."""

    def read(self) -> Pixels:
        """Class numbers uint8 `(H, W)`, `IGNORED` where nothing is judged. Raises one of
        `UNREADABLE` with the reason."""


@dataclass(frozen=True, slots=True)
class MaskFile:
    """A picture file with one number a pixel: of a palette or a grey value."""

    path: Path
    classes: int
    ignore: int | None = IGNORED
    """The value that is not judged."""
    values: tuple[int, ...] | None = None
    """The value of each class; None where it is the class's number."""

    def read(self) -> Pixels:
        with Image.open(self.path) as opened:
            if opened.mode not in ("P", "L", "1", "I", "I;16"):
                raise ValueError(
                    f"a mask has one number a pixel, {self.path.name} has {len(opened.getbands())}"
                )
            numbers = np.asarray(opened).astype(np.int64)
        values = range(self.classes) if self.values is None else self.values
        found = np.full(numbers.shape, -1)
        if self.ignore is not None:
            found[numbers == self.ignore] = IGNORED
        for number, value in enumerate(values):
            found[numbers == value] = number
        if (found < 0).any():
            odd = int(numbers[found < 0].flat[0])
            raise ValueError(f"the value {odd} in {self.path.name} is no class")
        return found.astype(np.uint8)


class MaskedImages:
    """Pictures and their masks, both scaled to one size; targets are uint8 `(N, H, W)`."""

    def __init__(self, images: ImageFiles, masks: Sequence[Mask]) -> None:
        self.images = images
        self.masks = list(masks)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def targets(self) -> Tensor | None:
        return None

    def take(self, indices: Tensor) -> MaskedImages:
        masks = [self.masks[place] for place in indices.tolist()]
        return MaskedImages(self.images.take(indices), masks)

    def fetch(self, indices: Tensor, epoch_seed: int | None) -> Raw:
        """Pictures uint8 `(N, C, H, W)` and masks; the reason stands beside what is broken."""
        places = indices.tolist()
        raw = self.images.fetch(indices, epoch_seed)
        if torch.utils.data.get_worker_info() is None and len(places) > 1:
            with ThreadPoolExecutor(THREADS) as pool:
                read = list(pool.map(self._read, places))
        else:
            read = [self._read(place) for place in places]
        blank = torch.full(self.images.size, IGNORED, dtype=torch.uint8)
        targets = torch.stack([blank if isinstance(mask, str) else mask for mask in read])
        kept = torch.tensor([not isinstance(mask, str) for mask in read], dtype=torch.bool)
        if raw.kept is not None:
            kept &= raw.kept
        if bool(kept.all()):
            return Raw(raw.inputs, targets)
        reasons = [
            f"{self.images.files[p]} ({m})"
            for p, m in zip(places, read, strict=True)
            if isinstance(m, str)
        ]
        return Raw(raw.inputs, targets, kept, (*raw.broken, *reasons))

    def to(self, device: torch.device) -> None:
        """Files are not kept in a device's memory."""

    @property
    def size_bytes(self) -> int:
        height, width = self.images.size
        return self.images.size_bytes + len(self) * height * width

    def _read(self, place: int) -> Tensor | str:
        """The mask, or why it cannot be read."""
        height, width = self.images.size
        try:
            numbers = self.masks[place].read()
        except UNREADABLE as error:
            return str(error)
        # The nearest pixel: there is no class between two classes.
        picture = Image.fromarray(numbers).resize((width, height), Image.Resampling.NEAREST)
        return torch.from_numpy(np.array(picture))
