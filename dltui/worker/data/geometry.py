"""The geometric augmentations as affine maps, and what they do to masks and boxes.

A map `(N, 2, 3)` takes the place of a pixel in the new picture to its place in the old one, both
from −1 to 1, as `torch.nn.functional.affine_grid` wants it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from dltui.worker.data.seeds import Dice

IGNORED = 255
"""The class number of mask pixels that are not judged."""

NO_BOX = -1
"""The class number of rows of a box target that hold no box."""

_LEAST_VISIBLE = 0.25
"""A box of which less is left after an augmentation is no longer asked for."""

Size = tuple[int, int]
Map = Callable[..., Tensor]
"""`map(count, (height, width), dice, **arguments)`; it draws what the change of pictures draws."""


def _rows(*entries: Tensor) -> Tensor:
    return torch.stack(entries, 1).view(len(entries[0]), 2, 3)


def flip_map(count: int, size: Size, dice: Dice, *, p: float, across: bool) -> Tensor:
    """Left and right exchanged, or top and bottom where not `across`."""
    chosen = dice.uniform((count, 1, 1, 1)).flatten() < p
    sign = torch.where(chosen, -1.0, 1.0)
    one, none = torch.ones_like(sign), torch.zeros_like(sign)
    width, height = (sign, one) if across else (one, sign)
    return _rows(width, none, none, none, height, none)


def crop_map(count: int, size: Size, dice: Dice, *, padding: int) -> Tensor:
    """A shift by whole pixels, at most `padding` to every side."""
    height, width = size
    down = (dice.integers(count, 2 * padding + 1) - padding) * (2 / height)
    across = (dice.integers(count, 2 * padding + 1) - padding) * (2 / width)
    one, none = torch.ones_like(down), torch.zeros_like(down)
    return _rows(one, none, across, none, one, down)


def resized_crop_map(
    count: int, size: Size, dice: Dice, *, scale: Sequence[float], ratio: Sequence[float]
) -> Tensor:
    """A part of random area and shape, cut to the picture's side, grown to its size."""
    area = dice.uniform((count,), *scale)
    shape = torch.exp(dice.uniform((count,), math.log(ratio[0]), math.log(ratio[1])))
    width, height = (area * shape).sqrt().clamp(max=1), (area / shape).sqrt().clamp(max=1)
    across, down = dice.uniform((2, count), -1, 1)
    none = torch.zeros_like(width)
    return _rows(width, none, across * (1 - width), none, height, down * (1 - height))


def affine_map(
    count: int,
    size: Size,
    dice: Dice,
    *,
    degrees: float,
    translate: float = 0.0,
    scale: float = 0.0,
    shear: float = 0.0,
) -> Tensor:
    """A turn, shift, change of size and shear."""
    height, width = size
    angle = dice.uniform((count,), -degrees, degrees) * (math.pi / 180)
    slant = torch.tan(dice.uniform((count,), -shear, shear) * (math.pi / 180))
    grown = dice.uniform((count,), 1 - scale, 1 + scale)
    shift_x, shift_y = dice.uniform((2, count), -2 * translate, 2 * translate)
    cos, sin = angle.cos() / grown, angle.sin() / grown
    aspect = height / width  # the grid runs from -1 to 1 on both sides
    return _rows(
        cos, (slant * cos - sin) * aspect, shift_x, sin / aspect, cos + slant * sin, shift_y
    )


def _hflip_map(count: int, size: Size, dice: Dice, *, p: float) -> Tensor:
    return flip_map(count, size, dice, p=p, across=True)


def _vflip_map(count: int, size: Size, dice: Dice, *, p: float) -> Tensor:
    return flip_map(count, size, dice, p=p, across=False)


MAPS: Mapping[str, Map] = {
    "hflip": _hflip_map,
    "vflip": _vflip_map,
    "crop": crop_map,
    "random_resized_crop": resized_crop_map,
    "rotate": affine_map,
    "affine": affine_map,
}
"""The augmentations that move pixels, by name."""


def sampled(images: Tensor, maps: Tensor, *, outside: str, mode: str = "bilinear") -> Tensor:
    """Pictures `(N, C, H, W)` seen through maps; `outside` is `zeros` or `border`."""
    grid = affine_grid(maps, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode=mode, padding_mode=outside, align_corners=False)


def moved_masks(masks: Tensor, maps: Tensor) -> Tensor:
    """Masks uint8 `(N, H, W)` seen through maps: the nearest pixel, `IGNORED` outside."""
    # grid_sample gives 0 outside, so that 0 has to stand for what is ignored.
    shifted = (masks.float() - IGNORED).unsqueeze(1)
    seen = sampled(shifted, maps, outside="zeros", mode="nearest")
    return (seen.squeeze(1) + IGNORED).round().to(masks.dtype)


def moved_boxes(boxes: Tensor, maps: Tensor, size: Size) -> Tensor:
    """Boxes `(N, M, 5)` (x1, y1, x2, y2 in pixels, class) around what maps make of them.

    They are cut at the picture's border; of which too little is left becomes `NO_BOX`.
    """
    height, width = size
    side = boxes.new_tensor([width, height])
    left, top, right, bottom = boxes[..., :4].unbind(-1)
    corners = torch.stack(
        [torch.stack(pair, -1) for pair in ((left, top), (right, top), (right, bottom))]
        + [torch.stack((left, bottom), -1)],
        -2,
    )
    turned = torch.linalg.inv(maps[:, :, :2])
    places = corners / side * 2 - 1 - maps[:, None, None, :, 2]
    places = torch.einsum("nij,nmkj->nmki", turned, places)
    places = (places + 1) / 2 * side
    low, high = places.amin(2), places.amax(2)
    area = (high - low).prod(-1)
    low, high = low.clamp_min(0).minimum(side), high.clamp_min(0).minimum(side)
    left_over = (high - low).prod(-1)
    gone = (left_over < _LEAST_VISIBLE * area) | (left_over <= 0)
    label = boxes[..., 4].masked_fill(gone, NO_BOX)
    return torch.cat([low, high, label.unsqueeze(-1)], -1)


@dataclass(frozen=True, slots=True)
class WithTargets:
    """A geometric augmentation that moves masks or boxes along with their pictures."""

    images: Callable[..., Tensor]
    """Changes the pictures with the random numbers that the map of the same name draws."""
    map: Map
    args: dict[str, Any]
    target: str

    def __call__(self, inputs: Tensor, targets: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
        size = inputs.shape[2], inputs.shape[3]
        maps = self.map(len(inputs), size, dice.copy(), **self.args)
        changed = self.images(inputs, dice, **self.args)
        if self.target == "mask":
            return changed, moved_masks(targets, maps)
        return changed, moved_boxes(targets, maps, size)
