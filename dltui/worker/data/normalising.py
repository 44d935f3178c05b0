"""The preparation that a recipe asks for, measured on the training part."""

from __future__ import annotations

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.schema.data import CsvData, DataSection, Normalize
from dltui.worker.data.augment import build
from dltui.worker.data.examples import Examples, TensorExamples
from dltui.worker.data.prepare import (
    Augmentation,
    Preparation,
    column_statistics,
    given_statistics,
    pixel_statistics,
)
from dltui.worker.data.sources.loaded import Loaded
from dltui.worker.data.tensors import first

_SAMPLED_FILES = 1024
"""Images read to measure mean and std of a set that does not fit in memory."""


def preparation_of(section: DataSection, loaded: Loaded, train: Examples) -> Preparation:
    """Normalisation by the training part (or by the recipe's numbers) and augmentation."""
    steps = getattr(section, "augment", [])
    images = loaded.kind == "images"
    if steps and loaded.kind not in ("images", "table"):
        raise DataError(
            "only images and tables can be augmented",
            where="data.augment",
            remedy="Remove the key data.augment.",
        )
    info = loaded.outline.info
    augment = build(steps, images=images, classes=info.classes, target=info.target)
    if images:
        mean, std = _image_statistics(getattr(section, "normalize", True), train)
        return Preparation(mean, std, augment=augment, flatten=loaded.flatten)
    if loaded.kind == "table" and isinstance(train, TensorExamples):
        return _table_preparation(section, loaded, train, augment)
    return Preparation()


def _image_statistics(
    wanted: Normalize | bool, train: Examples
) -> tuple[Tensor, Tensor] | tuple[None, None]:
    if wanted is False:
        return None, None
    if isinstance(train, TensorExamples):
        images = first(train.inputs)
    else:
        count = min(len(train), _SAMPLED_FILES)
        raw = train.fetch(torch.linspace(0, len(train) - 1, count).long(), None)
        images = first(raw.inputs) if raw.kept is None else first(raw.inputs)[raw.kept]
        if not len(images):
            raise DataError(
                f"none of the {count} images looked at can be read",
                where="data.path",
                remedy="Check the files; a copy may have been cut off.",
            )
    if isinstance(wanted, Normalize):
        _check_lengths(wanted, images.shape[1], "channels")
        return given_statistics(wanted.mean, wanted.std)
    return pixel_statistics(images)


def _table_preparation(
    section: DataSection, loaded: Loaded, train: TensorExamples, augment: tuple[Augmentation, ...]
) -> Preparation:
    table = first(train.inputs)
    mean, std = column_statistics(table)
    fill = mean if bool(table.isnan().any()) or isinstance(section, CsvData) else None
    wanted = (
        section.standardize if isinstance(section, CsvData) else getattr(section, "normalize", True)
    )
    if isinstance(wanted, Normalize):
        _check_lengths(wanted, len(mean), "features")
        mean, std = torch.tensor(wanted.mean), torch.tensor(wanted.std)
    elif not wanted:
        mean, std = torch.zeros_like(mean), torch.ones_like(std)
    if loaded.numeric is not None:
        mean = torch.where(loaded.numeric, mean, torch.zeros_like(mean))
        std = torch.where(loaded.numeric, std, torch.ones_like(std))
    return Preparation(mean, std, fill, augment=augment, augment_after=True)


def _check_lengths(given: Normalize, wanted: int, what: str) -> None:
    if len(given.mean) != wanted or len(given.std) != wanted:
        raise DataError(
            f"normalize has {len(given.mean)} means and {len(given.std)} stds, "
            f"the data has {wanted} {what}",
            where="data.normalize",
            remedy=f"Give one mean and one std for each of the {wanted} {what}.",
        )
    if min(given.std) <= 0:
        raise DataError("a std must be above 0", where="data.normalize.std")
