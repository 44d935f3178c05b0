"""Augmentations of whole batches in torch, each example with random numbers of its own.

Images are `(N, C, H, W)` floats in 0 to 1.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot, pad

from dltui.errors import DataError
from dltui.recipe.data_info import Target
from dltui.recipe.schema.augment import AUGMENTATIONS, split_step
from dltui.worker.data.color import color_jitter
from dltui.worker.data.geometry import (
    MAPS,
    WithTargets,
    affine_map,
    resized_crop_map,
    sampled,
)
from dltui.worker.data.prepare import Augmentation
from dltui.worker.data.seeds import Dice

_Images = Callable[..., Tensor]
_CLASSES_ONLY = ("mixup", "cutmix", "rand_augment", "trivial_augment")


def build(
    steps: Sequence[str | dict[str, Any]],
    *,
    images: bool,
    classes: int | None,
    target: Target = "class",
) -> tuple[Augmentation, ...]:
    """The augmentations of a recipe in order; where mixup and cutmix both stand, one a batch.

    `classes` makes targets of mixed examples class shares `(N, C)`; None blends them as they are.
    What moves pixels moves the `target` along where that is a mask or boxes. Raises `DataError`
    for an unknown name or argument, for an image augmentation of a table, and for one that cannot
    be done to masks and boxes.
    """
    plain: list[Augmentation] = []
    mixing: list[Augmentation] = []
    for place, step in enumerate(steps):
        where = f"data.augment.{place}"
        name, args = _checked(step, where, images)
        placed = target in ("mask", "boxes")
        if placed and name in _CLASSES_ONLY:
            raise DataError(
                f"{name} cannot change masks and boxes along with their pictures",
                where=where,
                remedy="Use hflip, crop, affine, random_resized_crop, color_jitter or noise.",
            )
        if placed and name in MAPS:
            plain.append(WithTargets(_BATCHED[name], MAPS[name], args, target))
        elif name in ("mixup", "cutmix"):
            mixing.append(_Mix(name, float(args["alpha"]), classes))
        elif name in ("rand_augment", "trivial_augment"):
            plain.append(_EachImage(name, args))
        else:
            plain.append(_InputsOnly(_BATCHED[name], args))
    if len(mixing) > 1:
        return (*plain, _OneOf(tuple(mixing)))
    return (*plain, *mixing)


def _checked(step: str | dict[str, Any], where: str, images: bool) -> tuple[str, dict[str, Any]]:
    try:
        name, written = split_step(step)
    except ValueError as error:
        raise DataError(str(error), where=where) from error
    spec = AUGMENTATIONS.get(name)
    if spec is None:
        raise DataError(
            f"there is no augmentation {name!r}", where=where, remedy=_nearest(name, AUGMENTATIONS)
        )
    if spec.images_only and not images:
        raise DataError(f"{name} needs images", where=where, remedy="Tables take noise and mixup.")
    for key in written:
        if key not in spec.args:
            remedy = _nearest(key, spec.args) if spec.args else f"{name} takes no arguments."
            raise DataError(f"{name} has no argument {key!r}", where=where, remedy=remedy)
    args = {key: arg.default for key, arg in spec.args.items()} | written
    if name == "random_resized_crop":
        for key in ("scale", "ratio"):
            _check_range(args[key], f"{where}.{name}.{key}")
    return name, args


def _check_range(numbers: Sequence[float], where: str) -> None:
    if len(numbers) != 2 or not 0 < numbers[0] <= numbers[1]:
        raise DataError(
            f"{list(numbers)} is no range",
            where=where,
            remedy="Give the smallest and the largest, both above 0: [0.25, 1.0].",
        )


def _nearest(name: str, names: Any) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"Did you mean {close[0]!r}?" if close else "One of: " + ", ".join(names) + "."


@dataclass(frozen=True, slots=True)
class _InputsOnly:
    """An augmentation that leaves the targets as they are."""

    function: _Images
    args: dict[str, Any]

    def __call__(self, inputs: Tensor, targets: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
        return self.function(inputs, dice, **self.args), targets


def flip(images: Tensor, dice: Dice, *, p: float, dimension: int) -> Tensor:
    """Mirrors each image with probability `p` along `dimension`."""
    chosen = dice.uniform((len(images), 1, 1, 1)) < p
    return torch.where(chosen, images.flip(dimension), images)


def _hflip(images: Tensor, dice: Dice, *, p: float) -> Tensor:
    return flip(images, dice, p=p, dimension=3)


def _vflip(images: Tensor, dice: Dice, *, p: float) -> Tensor:
    return flip(images, dice, p=p, dimension=2)


def crop(images: Tensor, dice: Dice, *, padding: int) -> Tensor:
    """Pads with black by `padding` pixels and cuts `(H, W)` out at a random place per image."""
    count, _, height, width = images.shape
    rows = dice.integers(count, 2 * padding + 1)
    columns = dice.integers(count, 2 * padding + 1)
    places = pad(images, [padding] * 4).unfold(2, height, 1).unfold(3, width, 1)
    return places[_steps(count, images), :, rows, columns]


def random_resized_crop(
    images: Tensor, dice: Dice, *, scale: Sequence[float], ratio: Sequence[float]
) -> Tensor:
    """Cuts a part of random area and shape out of each image and grows it to `(H, W)`; bilinear.

    Szegedy et al. 2014, https://arxiv.org/abs/1409.4842. A part that would not fit is cut to the
    image's side.
    """
    maps = resized_crop_map(len(images), _size(images), dice, scale=scale, ratio=ratio)
    return sampled(images, maps, outside="border")


def _size(images: Tensor) -> tuple[int, int]:
    return images.shape[2], images.shape[3]


def _steps(size: int, like: Tensor) -> Tensor:
    return torch.arange(size, device=like.device)


def affine(images: Tensor, dice: Dice, **amounts: float) -> Tensor:
    """Turns, shifts, scales and shears each image; bilinear, black outside."""
    maps = affine_map(len(images), _size(images), dice, **amounts)
    return sampled(images, maps, outside="zeros")


def _rotate(images: Tensor, dice: Dice, *, degrees: float) -> Tensor:
    return affine(images, dice, degrees=degrees)


def cutout(images: Tensor, dice: Dice, *, size: int, p: float) -> Tensor:
    """Blanks a square of `size` pixels around a random centre in each image."""
    count, _, height, width = images.shape
    top = dice.integers(count, height)[:, None] - size // 2
    left = dice.integers(count, width)[:, None] - size // 2
    rows, columns = _steps(height, images), _steps(width, images)
    inside_rows = (rows >= top) & (rows < top + size)
    inside_columns = (columns >= left) & (columns < left + size)
    chosen = dice.uniform((count, 1, 1)) < p
    hole = inside_rows[:, :, None] & inside_columns[:, None, :] & chosen
    return images.masked_fill(hole[:, None], 0.0)


def noise(inputs: Tensor, dice: Dice, *, std: float) -> Tensor:
    """Adds Gaussian noise of the given standard deviation."""
    return inputs + std * dice.normal_like(inputs)


_BATCHED: dict[str, _Images] = {
    "hflip": _hflip,
    "vflip": _vflip,
    "crop": crop,
    "random_resized_crop": random_resized_crop,
    "rotate": _rotate,
    "affine": affine,
    "color_jitter": color_jitter,
    "cutout": cutout,
    "noise": noise,
}


@dataclass(frozen=True, slots=True)
class _EachImage:
    """A torchvision policy, applied image by image because it draws once a call."""

    name: str
    args: dict[str, Any]

    def __call__(self, inputs: Tensor, targets: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
        from torchvision.transforms import v2  # 3 s of start-up that other recipes do not need

        policy: Callable[[Tensor], Tensor]
        if self.name == "rand_augment":
            policy = v2.RandAugment(num_ops=self.args["ops"], magnitude=self.args["magnitude"])
        else:
            policy = v2.TrivialAugmentWide()
        # torchvision draws from the global CPU generator: lend it the batch's seed.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(dice.seed)
            images = [policy(image) for image in inputs]
        return torch.stack(images), targets


@dataclass(frozen=True, slots=True)
class _OneOf:
    """One of several ways of mixing, chosen anew for every batch."""

    choices: tuple[Augmentation, ...]

    def __call__(self, inputs: Tensor, targets: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
        return dice.scalar.choice(self.choices)(inputs, targets, dice)


@dataclass(frozen=True, slots=True)
class _Mix:
    """mixup (blend) and cutmix (paste a box): each example with another of its batch."""

    name: str
    alpha: float
    classes: int | None

    def __call__(self, inputs: Tensor, targets: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
        share = dice.scalar.betavariate(self.alpha, self.alpha)
        partners = dice.permutation(len(inputs))
        shares = targets
        if self.classes is not None and not targets.is_floating_point():
            shares = one_hot(targets, self.classes).float()
        if self.name == "mixup":
            inputs = torch.lerp(inputs[partners], inputs, share)
        else:
            inputs, share = _paste(inputs, inputs[partners], share, dice)
        return inputs, torch.lerp(shares[partners], shares, share)


def _paste(inputs: Tensor, others: Tensor, share: float, dice: Dice) -> tuple[Tensor, float]:
    """Pastes one box of `1 - share` of the area, clipped at the border; returns the true share."""
    height, width = inputs.shape[-2:]
    side = math.sqrt(1 - share)
    row, column = dice.scalar.randrange(height), dice.scalar.randrange(width)
    half_height, half_width = round(height * side) // 2, round(width * side) // 2
    top, bottom = max(0, row - half_height), min(height, row + half_height)
    left, right = max(0, column - half_width), min(width, column + half_width)
    inputs = inputs.clone()
    inputs[..., top:bottom, left:right] = others[..., top:bottom, left:right]
    return inputs, 1 - (bottom - top) * (right - left) / (height * width)
