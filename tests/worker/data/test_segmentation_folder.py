"""A folder of pictures and masks becomes pairs; what does not fit is named with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dltui.errors import DataError
from dltui.worker.data import describe, open_data
from dltui.worker.data.geometry import IGNORED


def write(folder: Path, stem: str, size=(20, 30), mask=None, mode="L") -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    pixels = np.full((*size, 3), 90, np.uint8)
    pixels[: size[0] // 2] = 200
    Image.fromarray(pixels).save(folder / "images" / f"{stem}.jpg")
    if mask is None:
        mask = np.zeros(size, np.uint8)
        mask[: size[0] // 2] = 1
    Image.fromarray(mask).convert(mode).save(folder / "masks" / f"{stem}.png")


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        write(tmp_path, f"s{number}")
    return tmp_path


def opened(recipe, folder, **more):
    settings = {"classes": ["ground", "sky"], "size": 16, **more}
    made = recipe("segment", type="segmentation_folder", path=str(folder), **settings)
    return open_data(made, seed=0, device="cpu")


@pytest.mark.parametrize("on_device", [False, True], ids=["from files", "decoded once"])
def test_pictures_and_masks_come_in_pairs_of_one_size(recipe, folder, on_device):
    data = opened(recipe, folder, on_device=on_device)
    assert data.info.class_names == ("ground", "sky")
    (batch,) = data.train.epoch(0)
    assert batch.inputs.shape == (5, 3, 16, 16)
    assert batch.targets.dtype == torch.uint8
    assert bool((batch.targets[:, :8] == 1).all())
    assert bool((batch.targets[:, 8:] == 0).all())


def test_own_parts_are_taken_and_pictures_without_masks_are_named(recipe, tmp_path):
    for part in ("train", "val"):
        for number in range(3):
            write(tmp_path / part, f"{part}{number}")
    (tmp_path / "val" / "masks" / "val1.png").unlink()
    data = opened(recipe, tmp_path)
    assert (data.info.train_size, data.info.val_size) == (3, 2)
    assert data.info.notes == ("1 pictures without a mask are left out: val1",)


def test_values_and_what_is_ignored_are_read_from_the_mask(recipe, folder):
    mask = np.zeros((20, 30), np.uint8)
    mask[:10], mask[10:12] = 255, 7
    for number in range(6):
        write(folder, f"s{number}", mask=mask)
    data = opened(recipe, folder, values=[0, 255], ignore=7, size=[20, 30])
    (batch,) = data.train.epoch(0)
    assert bool((batch.targets[:, :10] == 1).all())
    assert bool((batch.targets[:, 10:12] == IGNORED).all())
    assert bool((batch.targets[:, 12:] == 0).all())


@pytest.mark.parametrize("on_device", [False, True], ids=["from files", "decoded once"])
def test_masks_of_another_size_are_named_counted_and_skipped(recipe, folder, on_device):
    write(folder, "s1", mask=np.zeros((30, 20), np.uint8))
    (folder / "images" / "s2.jpg").write_bytes(b"no picture")
    data = opened(recipe, folder, on_device=on_device)
    assert data.info.train_size + data.info.val_size == 4
    (note,) = data.info.notes
    assert note.startswith("2 pictures skipped: images/s1.jpg (the mask has 20×30 pixels")
    assert "the picture has 30×20)" in note
    assert "images/s2.jpg (it cannot be read)" in note


def test_a_value_that_is_no_class_is_named(recipe, folder):
    mask = np.zeros((20, 30), np.uint8)
    mask[3, 4] = 9
    write(folder, "s3", mask=mask)
    (note,) = opened(recipe, folder).info.notes
    assert note == "1 pictures skipped: images/s3.jpg (the value 9 in s3.png is no class)"
    said: list[str] = []
    made = recipe(
        "segment",
        type="segmentation_folder",
        path=str(folder),
        classes=["a", "b"],
        on_device=False,
        size=16,
    )
    data = open_data(made, seed=0, device="cpu", say=said.append)
    sizes = [len(batch) for part in (data.train, data.val) for batch in part.epoch(0)]
    assert sum(sizes) == 5
    assert any("the value 9 in s3.png is no class" in line for line in said)


def test_colour_masks_are_refused_with_the_reason(recipe, folder):
    for number in range(6):
        write(folder, f"s{number}", mode="RGB")
    with pytest.raises(DataError, match="a mask has one number a pixel, s0"):
        opened(recipe, folder)


def test_folders_that_are_none_are_refused(recipe, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        opened(recipe, tmp_path / "nowhere")
    with pytest.raises(DataError, match="no folder images"):
        opened(recipe, tmp_path)
    write(tmp_path, "a")
    (tmp_path / "masks" / "a.png").rename(tmp_path / "masks" / "b.png")
    with pytest.raises(DataError, match="no picture has a mask of its name"):
        opened(recipe, tmp_path)
    with pytest.raises(DataError, match="2 classes, but 3 values"):
        opened(recipe, tmp_path, values=[0, 1, 2])


def test_the_model_can_be_shown_before_there_are_pictures(recipe, tmp_path):
    made = recipe(
        "segment", type="segmentation_folder", path=str(tmp_path / "x"), classes=["a", "b"]
    )
    info = describe(made)
    assert (info.classes, info.shape, info.needs_download) == (2, (3, 256, 256), True)
