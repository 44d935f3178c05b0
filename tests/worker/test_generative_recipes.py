"""The shipped autoencoders and GANs train twenty steps and leave their pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltui.recipe import shipped
from tests.worker.shipped_runs import trained_shortly

DIGITS = [r.name for r in shipped() if r.name.startswith(("autoencoders/", "gans/"))]


def size_of(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as image:
        return image.size


@pytest.mark.parametrize("name", DIGITS)
def test_a_generative_recipe_of_digits_trains_and_shows_pictures(name: str, tmp_path: Path) -> None:
    run = trained_shortly(name, tmp_path, "data.limit=120")
    folder = sorted(run.samples.glob("step_*"))[-1]
    shown = json.loads((folder / "pictures.json").read_bytes())
    assert len(shown["pictures"]) >= 40
    assert {size_of(folder / picture["file"]) for picture in shown["pictures"]} == {(8, 8)}


def test_the_dcgan_trains_on_a_folder_of_colour_pictures(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for kind in ("day", "night"):
        (tmp_path / "pictures" / kind).mkdir(parents=True)
        for index in range(10):
            pixels = random.integers(0, 256, (70, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / kind / f"{index}.jpg")
    small = [f"models.{name}.params.width=4" for name in ("generator", "discriminator")]
    run = trained_shortly(
        "landmarks/dcgan",
        tmp_path,
        f"data.path={tmp_path / 'pictures'}",
        "data.batch_size=4",
        "task.samples=4",
        *small,
    )
    assert size_of(next(run.samples.glob("step_*/p000.png"))) == (64, 64)
