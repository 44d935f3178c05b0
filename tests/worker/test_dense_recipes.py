"""The shipped recipes for masks and boxes train twenty steps on files in their formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltui.recipe import load_recipe
from dltui.runs import MetricReader, Status, create_run, read_status
from tests.worker.conftest import train
from tests.worker.dense_files import scene, write_coco, write_voc

STEPS = 20
QUICK = (
    "trainer.epochs=null",
    f"trainer.steps={STEPS}",
    "trainer.device=cpu",
    "trainer.evaluate_every_epochs=null",
    f"trainer.evaluate_every_steps={STEPS}",
    "data.batch_size=2",
    "data.workers=0",
)


def trained(name: str, tmp_path: Path, column: str, *overrides: str) -> None:
    """Trains the recipe in this process; it must reach its last step with finite figures."""
    recipe = load_recipe(name, [*QUICK, *overrides])
    status = Status(recipe=name)
    folder = create_run(
        tmp_path / "runs", recipe.name, recipe.source_text, recipe.resolved_yaml(), status
    )
    assert train(folder) == 0
    assert read_status(folder.path).step == STEPS
    for group, wanted in (("train", "loss"), ("val", column)):
        reader = MetricReader(folder.metric_log(group))
        reader.poll()
        values = reader.values[:, reader.columns.index(wanted)]
        assert len(values) == (STEPS if group == "train" else 1)
        assert np.isfinite(values).all()
    assert (next(folder.samples.iterdir()) / "pictures.json").is_file()


def test_unet_shapes_trains(tmp_path: Path) -> None:
    trained("vision/unet-shapes", tmp_path, "iou", "data.count=40", "data.size=32")


def test_the_landmark_unet_trains_on_black_and_white_masks(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / "cells" / folder).mkdir(parents=True)
    for number in range(10):
        pixels, (left, top, right, bottom) = scene(number)
        mask = np.zeros(pixels.shape[:2], np.uint8)
        mask[top:bottom, left:right] = 255
        Image.fromarray(pixels).convert("L").save(tmp_path / "cells/images" / f"{number}.tif")
        Image.fromarray(mask).save(tmp_path / "cells/masks" / f"{number}.png")
    small = ("model.params.width=4", "data.size=32", f"data.path={tmp_path / 'cells'}")
    trained("landmarks/unet", tmp_path, "iou", *small)


@pytest.mark.parametrize("network", ["lraspp_mobilenet_v3_large"])
def test_deeplab_voc_trains_on_a_year_of_voc(network: str, tmp_path: Path) -> None:
    small = (f"model.from=torchvision/{network}", "model.weights=null", "data.size=32")
    groups = "optimizer.groups=[]"
    path = f"data.path={write_voc(tmp_path / 'VOC2012')}"
    trained("vision/deeplab-voc", tmp_path, "iou", *small, groups, path)


def test_detector_shapes_trains(tmp_path: Path) -> None:
    trained("vision/detector-shapes", tmp_path, "map50", "data.count=40", "data.size=32")


@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_centernet_trains_on_files_in_its_format(kind: str, tmp_path: Path) -> None:
    root = {"voc": write_voc, "coco": write_coco}[kind](tmp_path / "set")
    small = ("model.params.channels=4", "data.size=64", f"data.path={root}")
    trained(f"vision/centernet-{kind}", tmp_path, "map50", *small)
