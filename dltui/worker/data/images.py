"""Image files as uint8 tensors of one size, whatever format, mode and orientation they have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.utils.data
from PIL import Image, ImageOps
from torch import Tensor

from dltui.worker.data.examples import Raw

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
"""What Pillow raises for truncated, broken and oversized files."""

_ORIENTATION = 0x0112
_ON_SIDE = (5, 6, 7, 8)
"""EXIF orientations in which height and width are exchanged."""

THREADS = min(8, os.cpu_count() or 1)


class ImageFiles:
    """Images that are read each time they are asked for; `targets` `(N,)` are class numbers."""

    def __init__(
        self, files: Sequence[Path], targets: Tensor, size: tuple[int, int], channels: int
    ) -> None:
        self.files = list(files)
        self.targets = targets
        self.size = size
        self._channels = channels

    def __len__(self) -> int:
        return len(self.files)

    def take(self, indices: Tensor) -> ImageFiles:
        files = [self.files[place] for place in indices.tolist()]
        return ImageFiles(files, self.targets[indices], self.size, self._channels)

    def fetch(self, indices: Tensor, epoch_seed: int | None) -> Raw:
        """Images uint8 `(N, C, H, W)`; black where a file is broken, which `kept` says."""
        files = [self.files[place] for place in indices.tolist()]
        if torch.utils.data.get_worker_info() is None and len(files) > 1:
            with ThreadPoolExecutor(THREADS) as pool:
                decoded = list(pool.map(self._pixels, files))
        else:
            decoded = [self._pixels(file) for file in files]
        blank = torch.zeros(self._channels, *self.size, dtype=torch.uint8)
        inputs = torch.stack([blank if pixels is None else pixels for pixels in decoded])
        broken = tuple(
            str(file) for file, pixels in zip(files, decoded, strict=True) if pixels is None
        )
        if not broken:
            return Raw(inputs, self.targets[indices])
        kept = torch.tensor([pixels is not None for pixels in decoded])
        return Raw(inputs, self.targets[indices], kept, broken)

    def to(self, device: torch.device) -> None:
        """Files are not kept in a device's memory."""

    @property
    def size_bytes(self) -> int:
        return len(self) * self._channels * self.size[0] * self.size[1]

    def _pixels(self, path: Path) -> Tensor | None:
        try:
            return read_image(path, self.size, self._channels)
        except UNREADABLE:
            return None


def checked(images: ImageFiles) -> tuple[ImageFiles, list[str]]:
    """The images whose headers can be read, and the files whose headers cannot.

    A file cut off further on is found when it is decoded.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        good = list(pool.map(opens, images.files))
    broken = [str(file) for file, opens in zip(images.files, good, strict=True) if not opens]
    return images.take(torch.tensor(good, dtype=torch.bool).nonzero().flatten()), broken


def read_image(path: Path, size: tuple[int, int], channels: int) -> Tensor:
    """A picture as uint8 `(channels, height, width)`: turned as its EXIF says, transparency on
    white, the first frame of an animation, scaled without keeping the aspect. Raises one of
    `UNREADABLE`."""
    height, width = size
    with Image.open(path) as opened:
        opened.draft("RGB" if channels == 3 else "L", (width, height))
        picture = _flat(ImageOps.exif_transpose(opened))
        picture = picture.convert("RGB" if channels == 3 else "L")
        picture = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
        pixels = torch.from_numpy(np.array(picture))
    return pixels.permute(2, 0, 1).contiguous() if channels == 3 else pixels.unsqueeze(0)


def _flat(picture: Image.Image) -> Image.Image:
    """8 bits a channel, nothing transparent."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return _eight_bits(picture)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture)
    return picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture).astype(np.float64)
    # 16-bit greys stand in Pillow's modes I and I;16; floats are taken to lie in 0 to 1.
    scale = 255.0 if picture.mode == "F" else 1 / 257 if values.max(initial=0) > 255 else 1.0
    return Image.fromarray((values * scale).clip(0, 255).round().astype(np.uint8))


def seen_size(path: Path) -> tuple[int, int] | None:
    """Height and width as a viewer shows the picture; None where the header cannot be read."""
    try:
        with Image.open(path) as opened:
            width, height = opened.size
            return (
                (width, height)
                if opened.getexif().get(_ORIENTATION) in _ON_SIDE
                else (height, width)
            )
    except UNREADABLE:
        return None


def seen_sizes(paths: Sequence[Path]) -> list[tuple[int, int] | None]:
    """`seen_size` of each."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(seen_size, paths))


def opens(path: Path) -> bool:
    """Whether the file's header is that of an image."""
    try:
        with Image.open(path):
            return True
    except UNREADABLE:
        return False
