"""The shipped autoencoders and GANs train twenty steps and leave their pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltui.recipe import load_recipe, shipped
from dltui.runs import MetricReader, RunFolder, Status, create_run, read_status
from tests.worker.conftest import train

STEPS = 20
QUICK = (
    "trainer.epochs=null",
    f"trainer.steps={STEPS}",
    "trainer.device=cpu",
    "trainer.evaluate_every_epochs=null",
    f"trainer.evaluate_every_steps={STEPS}",
    "data.workers=0",
)
DIGITS = [r.name for r in shipped() if r.name.startswith(("autoencoders/", "gans/"))]


def trained(name: str, tmp_path: Path, *overrides: str) -> RunFolder:
    """Trains the recipe in this process; it must reach its last step with finite figures."""
    recipe = load_recipe(name, [*QUICK, *overrides])
    status = Status(recipe=name)
    folder = create_run(
        tmp_path / "runs", recipe.name, recipe.source_text, recipe.resolved_yaml(), status
    )
    assert train(folder) == 0
    assert read_status(folder.path).step == STEPS
    reader = MetricReader(folder.metric_log("train"))
    reader.poll()
    losses = reader.values[:, reader.columns.index("loss")]
    assert np.isfinite(losses[-1])
    assert len(losses) == STEPS
    return folder


def size_of(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as image:
        return image.size


@pytest.mark.parametrize("name", DIGITS)
def test_a_generative_recipe_of_digits_trains_and_shows_pictures(name: str, tmp_path: Path) -> None:
    run = trained(name, tmp_path, "data.limit=120")
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
    run = trained(
        "landmarks/dcgan",
        tmp_path,
        f"data.path={tmp_path / 'pictures'}",
        "data.batch_size=4",
        "task.samples=4",
        *small,
    )
    assert size_of(next(run.samples.glob("step_*/p000.png"))) == (64, 64)
