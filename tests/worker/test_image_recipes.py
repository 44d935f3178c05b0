"""The shipped image recipes train twenty steps on small files in the formats they are made for."""

from __future__ import annotations

import hashlib
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from tests.worker.shipped_runs import trained_shortly

QUICK = ("trainer.accumulate=1", "data.batch_size=4", "data.eval_batch_size=8")
FOLDER = ("data.size=32", "metrics=[accuracy]")
SMALLER: dict[str, tuple[str, ...]] = {
    "landmarks/alexnet": ("model.params.width=8", "model.params.hidden=32", "data.size=64"),
    "landmarks/vgg16": ("model.params.width=8", "model.params.hidden=32"),
    "landmarks/resnet18": ("model.params.channels=8",),
    "landmarks/resnet50": ("model.params.channels=4",),
    "landmarks/efficientnet-b0": (),
    "landmarks/vit-b-16": ("model.params={dim: 24, depth: 2, heads: 3}",),
    "vision/efficientnet-imagenet-folder": (
        "model.weights=null",
        "model.from=torchvision/mobilenet_v3_small",
    ),
    "vision/images-folder": ("model.weights=null",),
    "transfer/resnet18-folder": ("model.weights=null", "data.classes=3"),
    "transfer/vit-lora-folder": ("model.weights=null", "model.args={image_size: 32}"),
}


def trained(name: str, tmp_path: Path, *overrides: str, metric: str = "accuracy") -> None:
    """Trains in batches of four."""
    trained_shortly(name, tmp_path, *QUICK, *overrides, metric=metric)


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    """`train/<class>/*.jpg` and `val/<class>/*.jpg` with the names that ImageNet gives classes."""
    random = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3)):
        for number, name in enumerate(("n01440764", "n01443537", "n01484850")):
            folder = tmp_path / "imagenet" / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(0, 120, (40 + index, 48, 3), dtype=np.uint8)
                pixels[..., number] += 120
                Image.fromarray(pixels).save(folder / f"{name}_{index}.JPEG", "JPEG")
    return tmp_path / "imagenet"


@pytest.mark.parametrize("name", SMALLER)
def test_a_recipe_for_pictures_trains_on_a_folder_of_imagenets_form(
    name: str, imagenet: Path, tmp_path: Path
) -> None:
    trained(name, tmp_path, f"data.path={imagenet}", *FOLDER, *SMALLER[name])


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("landmarks/lenet5", "mnist/MNIST"),
        ("vision/lenet-mnist", "mnist/MNIST"),
        ("vision/cnn-fashion-mnist", "fashion-mnist/FashionMNIST"),
    ],
)
def test_a_recipe_for_mnist_trains_on_files_in_its_format(
    name: str, folder: str, tmp_path: Path
) -> None:
    raw = tmp_path / "cache" / folder / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, size in (("train", 40), ("t10k", 20)):
        images = random.integers(0, 256, (size, 28, 28), dtype=np.uint8)
        labels = (np.arange(size) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            sizes = struct.pack(f">{array.ndim}I", *array.shape)
            head = bytes([0, 0, 8, array.ndim]) + sizes
            (raw / f"{part}-{kind}-ubyte").write_bytes(head + array.tobytes())
    trained(name, tmp_path, f"data.cache={tmp_path / 'cache'}", "data.download=false")


def written(path: Path, content: dict[str, Any]) -> str:
    """Writes a pickled part of CIFAR; gives its checksum."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = pickle.dumps(content, protocol=2)
    path.write_bytes(data)
    return hashlib.md5(data).hexdigest()


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Caches of CIFAR-10 and CIFAR-100 with few pictures, in their own files."""
    random = np.random.default_rng(0)
    cache = tmp_path / "cache"

    def part(folder: Path, name: str, count: int, labels: str, classes: int) -> list[str]:
        pixels = random.integers(0, 256, (count, 3072), dtype=np.uint8)
        targets = [index % classes for index in range(count)]
        return [name, written(folder / name, {"data": pixels, labels: targets})]

    ten = cache / "cifar10" / "cifar-10-batches-py"
    train = [part(ten, f"data_batch_{n}", 20, "labels", 10) for n in range(1, 6)]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", train)
    test = [part(ten, "test_batch", 20, "labels", 10)]
    monkeypatch.setattr(datasets.CIFAR10, "test_list", test)
    names = written(ten / "batches.meta", {"label_names": list("abcdefghij")})
    monkeypatch.setattr(datasets.CIFAR10, "meta", {**datasets.CIFAR10.meta, "md5": names})

    hundred = cache / "cifar100" / "cifar-100-python"
    for name, key in (("train", "train_list"), ("test", "test_list")):
        listed = [part(hundred, name, 100, "fine_labels", 100)]
        monkeypatch.setattr(datasets.CIFAR100, key, listed)
    names = written(hundred / "meta", {"fine_label_names": [str(n) for n in range(100)]})
    monkeypatch.setattr(datasets.CIFAR100, "meta", {**datasets.CIFAR100.meta, "md5": names})
    return cache


@pytest.mark.parametrize(
    ("name", "smaller"),
    [
        ("vision/vgg-cifar10", ("model.params.width=8",)),
        ("vision/cifar10-speed", ("model.params.width=8", "trainer.ema.start_step=5")),
        ("vision/resnet18-cifar10", ("model.params.channels=8",)),
        ("vision/resnet-cifar100", ("model.params.channels=8",)),
    ],
)
def test_a_recipe_for_cifar_trains_on_files_in_its_format(
    name: str, smaller: tuple[str, ...], cifar: Path, tmp_path: Path
) -> None:
    trained(name, tmp_path, f"data.cache={cifar}", "data.download=false", *smaller)
