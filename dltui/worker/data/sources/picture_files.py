"""What sources of picture files share: sizes, decoding once, and naming what is broken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.worker.data.batches import Say
from dltui.worker.data.boxes import Box, BoxCheck, box_targets
from dltui.worker.data.examples import Examples, TensorExamples
from dltui.worker.data.images import ImageFiles, seen_sizes
from dltui.worker.data.masks import Mask, MaskedImages
from dltui.worker.data.tensors import first

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
)

_IN_MEMORY_BYTES = 512 << 20
"""Sets whose decoded images take less are decoded once, not every epoch."""


def image_size(size: int | list[int]) -> tuple[int, int]:
    """Height and width of `data.size`. Raises `DataError` where it is no size."""
    sides = [size] * 2 if isinstance(size, int) else size
    if len(sides) != 2 or min(sides) < 1:
        raise DataError(
            f"{size} is no image size",
            where="data.size",
            remedy="Give one number, or height and width: [64, 96].",
        )
    return sides[0], sides[1]


def decoded_once(on_device: bool | Literal["auto"], size_bytes: int) -> bool:
    """Whether a set of that size is decoded once, not every epoch."""
    return on_device is True or (on_device == "auto" and size_bytes <= _IN_MEMORY_BYTES)


def decoded(images: Examples, say: Say | None) -> tuple[TensorExamples, list[str]]:
    """The pictures that can be read, and the names of those that cannot."""
    if say is not None:
        say(f"reading {len(images):,} images")
    raw = images.fetch(torch.arange(len(images)), None)
    if raw.kept is None:
        return TensorExamples(raw.inputs, raw.targets), []
    examples = TensorExamples(first(raw.inputs)[raw.kept], raw.targets[raw.kept])
    return examples, list(raw.broken)


class Sized(Protocol):
    """The keys that sources of annotated pictures have in common."""

    size: int | list[int]
    channels: Literal[1, 3]
    on_device: bool | Literal["auto"]


Seen = tuple[int, int] | None
"""Height and width of a picture; None where it cannot be read."""


def masked_pictures(
    files: Sequence[Path],
    masks: Sequence[Mask],
    covered: Sequence[Seen],
    section: Sized,
    say: Say | None,
) -> tuple[Examples, list[str]]:
    """The pictures whose masks cover just them, and the others with the reason.

    `covered` are the sizes of the masks. Small sets are decoded.
    """
    kept, bad = _of_equal_size(files, covered, "the mask has")
    images = _images(files, torch.zeros(len(files)), section)
    pairs = MaskedImages(images, masks).take(kept)
    return _once(pairs, bad, section, say)


def boxed_pictures(
    files: Sequence[Path],
    boxes: Sequence[list[Box] | str],
    check: BoxCheck,
    section: Sized,
    say: Say | None,
    annotated: Sequence[Seen] | None = None,
) -> tuple[Examples, list[str]]:
    """The pictures with their boxes, and those that cannot be read with the reason.

    Of an annotation that cannot be read `boxes` has the reason. `annotated` are the sizes that
    the annotations give the pictures.
    """
    seen = seen_sizes(files)
    kept, bad = _of_equal_size(files, annotated or seen, "the annotation is for")
    sound, found, sizes = [], [], []
    for place in kept.tolist():
        size, entry = seen[place], boxes[place]
        if size is None or isinstance(entry, str):
            bad.append(f"{files[place]} ({entry})")
            continue
        sound.append(files[place])
        sizes.append(size)
        found.append(check.inside(entry, size, files[place].name))
    targets = box_targets(found, sizes, image_size(section.size))
    return _once(_images(sound, targets, section), bad, section, say)


def _of_equal_size(
    files: Sequence[Path], given: Sequence[Seen], what: str
) -> tuple[Tensor, list[str]]:
    """Which pictures have the size given, and the others with the reason."""
    kept, bad = [], []
    for place, (file, seen, other) in enumerate(zip(files, seen_sizes(files), given, strict=True)):
        if seen is None:
            bad.append(
                f"{file} (it cannot be read)" if file.exists() else f"{file} (it is missing)"
            )
        elif other is None:
            bad.append(f"{file} (its mask cannot be read)")
        elif seen != other:
            sizes = f"{other[1]}×{other[0]} pixels, the picture has {seen[1]}×{seen[0]}"
            bad.append(f"{file} ({what} {sizes})")
        else:
            kept.append(place)
    return torch.tensor(kept, dtype=torch.int64), bad


def _images(files: Sequence[Path], targets: Tensor, section: Sized) -> ImageFiles:
    return ImageFiles(files, targets, image_size(section.size), section.channels)


def _once(
    examples: ImageFiles | MaskedImages, bad: list[str], section: Sized, say: Say | None
) -> tuple[Examples, list[str]]:
    if not len(examples) or not decoded_once(section.on_device, examples.size_bytes):
        return examples, bad
    part, broken = decoded(examples, say)
    return part, bad + broken
