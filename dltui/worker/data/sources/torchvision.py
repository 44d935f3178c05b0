"""The sets that torchvision downloads and checks; known without downloading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dltui.paths import data_cache
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import TorchvisionData
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import TensorExamples
from dltui.worker.data.sources.download import fetched
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task

_DIGITS = tuple("0123456789")
_CIFAR100_NAMES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
    crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain
    plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
_CIFAR100 = tuple(_CIFAR100_NAMES.split())
_CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_STL10 = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
_FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Set:
    """Facts of a set; `train` and `test` are the arguments that choose the part of `loader`."""

    loader: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train_size: int
    test_size: int
    train: Options
    test: Options
    download_mb: int


_FLAG: tuple[Options, Options] = ({"train": True}, {"train": False})
_SPLIT: tuple[Options, Options] = ({"split": "train"}, {"split": "test"})
_EMNIST: tuple[Options, Options] = (
    {"split": "digits", "train": True},
    {"split": "digits", "train": False},
)
_GREY, _COLOUR = (1, 28, 28), (3, 32, 32)

SETS = {
    "mnist": _Set("MNIST", _GREY, _DIGITS, 60_000, 10_000, *_FLAG, 12),
    "fashion-mnist": _Set("FashionMNIST", _GREY, _FASHION, 60_000, 10_000, *_FLAG, 31),
    "kmnist": _Set(
        "KMNIST",
        _GREY,
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        60_000,
        10_000,
        *_FLAG,
        21,
    ),
    "emnist-digits": _Set("EMNIST", _GREY, _DIGITS, 240_000, 40_000, *_EMNIST, 562),
    "cifar10": _Set("CIFAR10", _COLOUR, _CIFAR10, 50_000, 10_000, *_FLAG, 171),
    "cifar100": _Set("CIFAR100", _COLOUR, _CIFAR100, 50_000, 10_000, *_FLAG, 169),
    "svhn": _Set("SVHN", _COLOUR, _DIGITS, 73_257, 26_032, *_SPLIT, 247),
    "stl10": _Set("STL10", (3, 96, 96), _STL10, 5_000, 8_000, *_SPLIT, 2_640),
}
"""Facts as published, so that a recipe can be checked before its download."""


def cache_path(section: TorchvisionData) -> Path:
    """The folder that holds this set; it is there only when it is complete."""
    root = Path(section.cache).expanduser() if section.cache else data_cache()
    return root / section.name


def outline(section: TorchvisionData, task: str) -> Outline:
    """Shape, classes and sizes from the table above."""
    known = SETS[section.name]
    info = DataInfo(
        shape=known.shape,
        dtype="float32",
        target="class",
        classes=len(known.classes),
        class_names=known.classes,
        needs_download=not cache_path(section).is_dir(),
    )
    check_task(info, task, f"the set {section.name}")
    return Outline(info, {"train": known.train_size, "test": known.test_size})


def read(section: TorchvisionData, task: str, say: Say | None = None) -> Loaded:
    """The set in memory, uint8 `(N, C, H, W)`; downloaded first where it is not there yet.

    Raises `DataError` where the download fails for good or is not allowed.
    """
    known = SETS[section.name]
    found = outline(section, task)

    def load(folder: Path, *, download: bool) -> list[Any]:
        from torchvision import datasets  # 3 s of start-up that other sources do not need

        make: Callable[..., Any] = getattr(datasets, known.loader)
        return [make(folder, download=download, **part) for part in (known.train, known.test)]

    train, test = fetched(
        section.name,
        cache_path(section),
        load,
        download=section.download,
        size_mb=known.download_mb,
        say=say,
    )
    parts = {"train": _examples(train, known.shape), "test": _examples(test, known.shape)}
    return Loaded(found, parts, "images")


def _examples(dataset: Any, shape: tuple[int, int, int]) -> TensorExamples:
    pixels = torch.as_tensor(np.asarray(dataset.data), dtype=torch.uint8)
    labels = dataset.targets if hasattr(dataset, "targets") else dataset.labels
    targets = torch.as_tensor(np.asarray(labels)).long()
    return TensorExamples(_channels_first(pixels, shape), targets)


def _channels_first(pixels: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """`(N, H, W)` or `(N, H, W, C)` or `(N, C, H, W)` as `(N, C, H, W)`."""
    if pixels.ndim == 3:
        return pixels.unsqueeze(1)
    if tuple(pixels.shape[1:]) != shape:
        pixels = pixels.permute(0, 3, 1, 2)
    return pixels.contiguous()
