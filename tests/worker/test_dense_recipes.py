"""The shipped recipes for masks and boxes train twenty steps on files in their formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.worker.dense_files import scene, write_coco, write_voc
from tests.worker.shipped_runs import trained_shortly


def trained(name: str, tmp_path: Path, metric: str, *overrides: str) -> None:
    """Trains in batches of two; the evaluation must leave its pictures."""
    folder = trained_shortly(name, tmp_path, "data.batch_size=2", *overrides, metric=metric)
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
