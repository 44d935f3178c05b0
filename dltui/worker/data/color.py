"""Colour jitter of a batch, each image with factors of its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dltui.worker.data.seeds import Dice

_LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601 weights of red, green and blue."""

_RGB_TO_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def color_jitter(
    images: Tensor,
    dice: Dice,
    *,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
) -> Tensor:
    """Changes images `(N, C, H, W)` in 0 to 1; saturation and hue act on 3 channels only.

    The hue is turned in the YIQ plane of NTSC by up to `hue` of a full circle, which keeps the
    brightness.
    """
    count = len(images)
    images = (images * _factor(count, brightness, dice)).clamp(0, 1)
    middle = _grey(images).mean(dim=(1, 2, 3), keepdim=True)
    images = torch.lerp(middle, images, _factor(count, contrast, dice)).clamp(0, 1)
    if images.shape[1] == 3:
        images = torch.lerp(_grey(images), images, _factor(count, saturation, dice)).clamp(0, 1)
        if hue > 0:
            images = _turned(images, dice.uniform((count,), -hue, hue) * (2 * math.pi))
    return images


def _factor(count: int, change: float, dice: Dice) -> Tensor:
    return dice.uniform((count, 1, 1, 1), max(0.0, 1 - change), 1 + change)


def _grey(images: Tensor) -> Tensor:
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    weights = torch.tensor(_LUMA, device=images.device, dtype=images.dtype)
    return (images * weights.view(1, 3, 1, 1)).sum(1, keepdim=True)


def _turned(images: Tensor, angle: Tensor) -> Tensor:
    to_yiq = torch.tensor(_RGB_TO_YIQ, device=images.device, dtype=images.dtype)
    turn = torch.zeros(len(images), 3, 3, device=images.device, dtype=images.dtype)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = angle.cos()
    turn[:, 2, 1] = angle.sin()
    turn[:, 1, 2] = -turn[:, 2, 1]
    matrix = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    return torch.einsum("nij,njhw->nihw", matrix, images).clamp(0, 1)
