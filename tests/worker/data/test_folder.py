"""Folders of images by class, as people really have them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from dltui.errors import DataError
from dltui.worker.data import describe, open_data
from dltui.worker.data.images import read_image

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def picture(path, color=(200, 30, 30), size=(20, 12), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).convert(mode).save(path, **options)


@pytest.fixture
def pets(tmp_path):
    for number in range(10):
        picture(tmp_path / "cats" / f"{number}.png", (10 * number, 0, 0))
        picture(tmp_path / "dogs" / f"{number}.jpg", (0, 10 * number, 0))
    return tmp_path


def test_a_folder_is_split_and_normalised(recipe, pets):
    wanted = recipe(type="folder", path=str(pets), size=[8, 6])
    data = open_data(wanted, seed=0, device="cpu")
    assert data.info == describe(wanted)
    assert data.info.shape == (3, 8, 6)
    assert data.info.class_names == ("cats", "dogs")
    assert (data.info.train_size, data.info.val_size) == (16, 4)
    batch = next(data.train.epoch(0))
    assert batch.inputs.shape == (16, 3, 8, 6)
    assert batch.inputs[:, 0].mean().abs() < 1e-5
    assert data.decode_example("val", 0).image


def test_the_folders_own_parts_are_used(recipe, pets):
    for part in ("train", "val", "test"):
        picture(pets / "set" / part / "a" / "1.png")
        picture(pets / "set" / part / "b" / "1.png")
    data = open_data(recipe(type="folder", path=str(pets / "set"), size=4), seed=0, device="cpu")
    assert (data.info.train_size, data.info.val_size, data.info.test_size) == (2, 2, 2)


def test_broken_images_are_named_skipped_and_counted(recipe, pets):
    whole = (pets / "dogs" / "3.jpg").read_bytes()
    (pets / "dogs" / "3.jpg").write_bytes(whole[: len(whole) // 2])
    (pets / "cats" / "noise.png").write_bytes(b"not a picture at all")
    (pets / "cats" / "empty.png").touch()
    data = open_data(recipe(type="folder", path=str(pets), size=8), seed=0, device="cpu")
    assert data.train.size + data.val.size == 19
    (note,) = data.info.notes
    assert note.startswith("3 broken images skipped:")
    assert "cats/noise.png" in note
    assert "dogs/3.jpg" in note


@pytest.mark.parametrize("workers", [0, 2])
def test_large_sets_are_read_batch_by_batch_without_the_broken(recipe, pets, workers):
    whole = (pets / "dogs" / "3.jpg").read_bytes()
    (pets / "dogs" / "3.jpg").write_bytes(whole[: len(whole) - 40])
    (pets / "cats" / "noise.png").write_bytes(b"not a picture at all")
    said = []
    data = open_data(
        recipe(
            type="folder",
            path=str(pets),
            size=8,
            on_device=False,
            workers=workers,
            split={"train": 0.9, "val": 0.1},
            augment=["hflip"],
        ),
        seed=0,
        device="cpu",
        say=said.append,
    )
    epochs = [list(data.train.epoch(epoch)) for epoch in (0, 0)]
    data.close()
    seen = sum(len(batch.indices) for batch in epochs[0])
    assert seen == data.train.size - (1 if said else 0)
    assert len(said) <= 1
    assert "cats/noise.png" in data.info.notes[0]
    for left, right in zip(*epochs, strict=True):
        assert torch.equal(left.inputs, right.inputs)


def test_empty_classes_and_odd_files_become_notes(recipe, pets):
    (pets / "birds").mkdir()
    (pets / "cats" / "readme.txt").write_text("cats")
    (pets / "cats" / ".hidden").write_text("")
    info = describe(recipe(type="folder", path=str(pets)))
    assert info.classes == 2
    assert info.notes == (
        "the class birds has no images",
        "1 files are no images: cats/readme.txt, …",
    )


def test_a_folder_without_two_classes_is_refused(recipe, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        describe(recipe(type="folder", path=str(tmp_path / "nowhere")))
    picture(tmp_path / "1.png")
    with pytest.raises(DataError, match="subfolder"):
        describe(recipe(type="folder", path=str(tmp_path)))
    picture(tmp_path / "cats" / "1.png")
    with pytest.raises(DataError, match="one class only"):
        describe(recipe(type="folder", path=str(tmp_path)))


def test_a_class_that_train_lacks_is_refused_by_name(recipe, tmp_path):
    for name in ("train/a", "train/b", "val/a", "val/zebra"):
        picture(tmp_path / name / "1.png")
    with pytest.raises(DataError, match="zebra"):
        describe(recipe(type="folder", path=str(tmp_path)))


def test_a_class_that_validation_lacks_is_noted(recipe, tmp_path):
    for name in ("train/a", "train/b", "val/a"):
        picture(tmp_path / name / "1.png")
    data = open_data(recipe(type="folder", path=str(tmp_path), size=4), seed=0, device="cpu")
    assert "the val part has no example of: b" in data.info.notes


def test_a_folder_of_nothing_but_broken_images_is_refused(recipe, pets):
    for file in pets.rglob("*.*"):
        file.write_bytes(b"broken")
    with pytest.raises(DataError, match="none of the 20 images can be read"):
        describe(recipe(type="folder", path=str(pets)))
    with pytest.raises(DataError, match="none of the 20 images"):
        open_data(recipe(type="folder", path=str(pets)), seed=0, device="cpu")


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "CMYK", "I;16"])
def test_every_mode_becomes_the_channels_asked_for(tmp_path, mode):
    suffix = ".tif" if mode == "CMYK" else ".png"
    path = tmp_path / f"white{suffix}"
    if mode == "I;16":
        Image.fromarray(np.full((5, 5), 65535, dtype=np.uint16)).save(path)
    else:
        picture(path, (255, 255, 255), (5, 5), mode)
    for channels in (1, 3):
        pixels = read_image(path, (4, 4), channels)
        assert pixels.shape == (channels, 4, 4)
        assert pixels.float().mean() > 254


def test_transparency_is_shown_on_white(tmp_path):
    path = tmp_path / "clear.png"
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(path)
    assert read_image(path, (4, 4), 3).min() == 255


def test_images_are_turned_as_their_exif_says(tmp_path):
    picture_bytes = io.BytesIO()
    image = Image.new("L", (8, 8))
    image.paste(255, (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image.save(picture_bytes, "PNG", exif=exif)
    path = tmp_path / "turned.png"
    path.write_bytes(picture_bytes.getvalue())
    pixels = read_image(path, (8, 8), 1)
    assert pixels[0, 0].max() == 0
    assert pixels[0, 7].min() == 255


def test_a_folder_that_is_not_there_yet_is_shown_with_the_classes_promised(recipe, pets):
    wanted = recipe(type="folder", path=str(pets / "later"), size=8, classes=1000)
    info = describe(wanted)
    assert (info.classes, info.shape, info.train_size) == (1000, (3, 8, 8), None)
    assert info.needs_download
    assert "no folder" in info.notes[0]
    with pytest.raises(DataError, match="no such folder"):
        open_data(wanted, seed=0, device="cpu")
    assert describe(recipe(type="folder", path=str(pets), size=8, classes=1000)).classes == 2
