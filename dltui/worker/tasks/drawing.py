"""Masks and boxes drawn over pictures, for the pictures pane."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from dltui.worker.data.geometry import IGNORED
from dltui.worker.data.tensors import first

if TYPE_CHECKING:
    from dltui.worker.data import Data

Color = tuple[int, int, int]

_GOLDEN = 0.61803398875
"""Hues this far apart stay distinct, however many there are."""
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)
_SIDES = (128, 256)
"""Pictures are shown with a longer side between these, in pixels."""


def colors_of(classes: Sequence[str]) -> list[Color | None]:
    """A colour for each class; None for one that is called background."""
    found: list[Color | None] = []
    for number, name in enumerate(classes):
        red, green, blue = colorsys.hsv_to_rgb(0.97 + number * _GOLDEN, 0.85, 1.0)
        color = round(255 * red), round(255 * green), round(255 * blue)
        found.append(None if name == "background" else color)
    return found


def shown(data: Data, part: str, indices: Tensor) -> Tensor:
    """Examples of a part as they are stored, uint8 `(N, 3, H, W)`."""
    pictures = first(data.parts[part].fetch(indices.cpu(), None).inputs)
    if pictures.dtype != torch.uint8:
        low, high = pictures.amin(), pictures.amax()
        pictures = ((pictures - low) / (high - low).clamp_min(1e-9) * 255).round().to(torch.uint8)
    return pictures.expand(-1, 3, -1, -1) if pictures.shape[1] == 1 else pictures[:, :3]


def scaled(pictures: Tensor) -> tuple[Tensor, float]:
    """Pictures `(N, C, H, W)` in a size to be looked at, and by how much they grew."""
    longest = max(pictures.shape[-2:])
    side = min(max(longest, _SIDES[0]), _SIDES[1])
    if side == longest:
        return pictures, 1.0
    factor = side / longest
    size = [max(1, round(length * factor)) for length in pictures.shape[-2:]]
    mode = "nearest" if factor > 1 else "area"
    grown = interpolate(pictures.float(), size, mode=mode).round().to(pictures.dtype)
    return grown, factor


def with_masks(pictures: Tensor, masks: Tensor, colors: Sequence[Color | None]) -> Tensor:
    """uint8 `(N, 3, H, W)` with the classes of `masks` `(N, H, W)` laid over in their colours."""
    from torchvision.utils import draw_segmentation_masks  # 3 s that other tasks do not need

    drawn = [number for number, color in enumerate(colors) if color is not None]
    chosen = [color for color in colors if color is not None]
    found = []
    for picture, mask in zip(pictures, masks.cpu(), strict=True):
        layers = torch.stack([mask == number for number in drawn])
        layers &= mask != IGNORED
        found.append(draw_segmentation_masks(picture, layers, alpha=0.7, colors=chosen))
    return torch.stack(found)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Boxes of a picture: `boxes` `(K, 4)`, `labels` `(K,)`, `scores` `(K,)` of predicted ones."""

    boxes: Tensor
    labels: Tensor
    scores: Tensor | None = None

    def told(self, classes: Sequence[str]) -> str:
        """`dog 0.98, cat 0.91`, the surest first."""
        names = [classes[label] for label in self.labels.tolist()]
        if self.scores is None:
            return ", ".join(names)
        pairs = zip(names, self.scores.tolist(), strict=True)
        return ", ".join(f"{name} {score:.2f}" for name, score in pairs)


def with_boxes(pictures: Tensor, drawn: Sequence[Drawn], colors: Sequence[Color | None]) -> Tensor:
    """uint8 `(N, 3, H, W)`, grown where they are small, with boxes in their classes' colours."""
    from torchvision.utils import draw_bounding_boxes  # 3 s that other tasks do not need

    grown, factor = scaled(pictures)
    side = torch.tensor([grown.shape[3], grown.shape[2]] * 2) - 1.0
    found = []
    for picture, boxes in zip(grown, drawn, strict=True):
        if not len(boxes.boxes):
            found.append(picture)
            continue
        # The right and lower edge of a box is the first pixel outside.
        places = boxes.boxes.float().cpu() * factor - torch.tensor([0.0, 0.0, 1.0, 1.0])
        places = places.clamp_min(0).minimum(side)
        places[:, 2:] = places[:, 2:].maximum(places[:, :2])
        chosen = [colors[label] or _WHITE for label in boxes.labels.tolist()]
        # A dark rim keeps a box in sight on a ground of its own colour.
        rimmed = draw_bounding_boxes(picture, places, colors=_BLACK, width=3)
        found.append(draw_bounding_boxes(rimmed, places, colors=chosen, width=2))
    return torch.stack(found)
