"""The task segment: its losses, its metrics, what it refuses, and what it leaves in the run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from dltui.errors import RecipeError
from dltui.graph import shape_table
from dltui.recipe import load_recipe
from dltui.runs import MetricReader
from dltui.worker.data import describe
from dltui.worker.data.geometry import IGNORED
from dltui.worker.tasks import build_task
from dltui.worker.tasks.segment import dice_loss, pixel_cross_entropy
from tests.worker.conftest import MakeRun, resumed_bitwise, train

SHAPES = """
dltui: 1
name: shapes
data: {type: shapes, size: 24, count: 60, batch_size: 8, augment: [hflip, {affine: 10}]}
model:
  layers:
    - conv: {out: 8, bias: false}
    - bn
    - relu
    - dropout: 0.1
    - conv: {out: $(data.classes), kernel: 1}
task: {type: segment, loss: {type: cross_entropy_dice, class_weights: [0.5, 1, 1, 2]}}
metrics: [iou, pixel_accuracy, dice]
optimizer: {type: adamw, lr: 0.01}
trainer: {epochs: 2, device: cpu}
"""


@pytest.fixture
def pixels():
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=chance)
    targets = torch.randint(0, 3, (2, 4, 5), generator=chance, dtype=torch.uint8)
    targets[0, 0] = IGNORED
    return logits, targets


def test_cross_entropy_is_the_mean_over_the_judged_pixels(pixels):
    logits, targets = pixels
    terms, shares = [], []
    weights = torch.tensor([1.0, 2.0, 0.5])
    for n, row, column in (targets != IGNORED).nonzero().tolist():
        label = int(targets[n, row, column])
        terms.append(-float(logits[n, :, row, column].log_softmax(0)[label]))
        shares.append(float(weights[label]))
    assert pixel_cross_entropy(logits, targets) == pytest.approx(np.mean(terms), rel=1e-5)
    weighted = np.average(terms, weights=shares)
    assert pixel_cross_entropy(logits, targets, weights) == pytest.approx(weighted, rel=1e-5)
    nothing = torch.full_like(targets, IGNORED)
    assert pixel_cross_entropy(logits, nothing) == 0
    assert pixel_cross_entropy(logits, nothing, weights) == 0


def test_dice_is_the_overlap_of_each_class(pixels):
    logits, targets = pixels
    chances = logits.softmax(1).numpy()
    judged = (targets != IGNORED).numpy()
    scores = []
    for label in range(3):
        p, g = chances[:, label][judged], (targets.numpy() == label)[judged]
        scores.append((2 * (p * g).sum() + 1) / (p.sum() + g.sum() + 1))
    assert dice_loss(logits, targets, 1.0) == pytest.approx(1 - np.mean(scores), rel=1e-5)
    perfect = torch.nn.functional.one_hot(targets.clamp(max=2).long(), 3).movedim(3, 1) * 100.0
    assert dice_loss(perfect, targets, 1.0) == pytest.approx(0, abs=1e-6)


def test_metrics_leave_ignored_pixels_out(make_run: MakeRun):
    recipe = load_recipe(make_run(SHAPES).resolved)
    task = build_task(recipe, describe(recipe))
    truth = torch.tensor([[[0, 0, 1, 1], [2, 2, IGNORED, IGNORED]]], dtype=torch.uint8)
    said = torch.tensor([[[0, 1, 1, 1], [2, 0, 3, 3]]])
    logits = torch.nn.functional.one_hot(said, 4).movedim(3, 1).float()
    found = {}
    for name in ("iou", "pixel_accuracy", "dice"):
        metric = task.metric(name, {})
        metric.update(*task.metric_inputs(name, logits, truth))
        found[name] = float(metric.compute())
    # background 1/3, circle 2/3, square 1/2; no triangle is there or said to be
    assert found["iou"] == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    assert found["pixel_accuracy"] == pytest.approx(4 / 6)
    assert found["dice"] == pytest.approx((1 / 2 + 4 / 5 + 2 / 3) / 3)


def test_a_run_leaves_pictures_with_masks_and_goes_on_bitwise(make_run: MakeRun):
    whole = resumed_bitwise(lambda: make_run(SHAPES), 4)
    reader = MetricReader(whole.metric_log("val"))
    reader.poll()
    assert {"loss", "iou", "pixel_accuracy", "dice"} <= set(reader.columns)
    assert np.isfinite(reader.values).all()
    (folder,) = sorted(whole.samples.iterdir())[-1:]
    content = json.loads((folder / "pictures.json").read_text())
    assert content["row_labels"] == ["picture", "truth", "prediction"]
    assert (len(content["pictures"]), content["columns"]) == (18, 6)
    picture, truth = (
        np.asarray(Image.open(folder / content["pictures"][number]["file"])) for number in (0, 6)
    )
    assert picture.shape == truth.shape == (128, 128, 3)
    assert not np.array_equal(picture, truth)


def test_a_network_without_a_class_for_each_pixel_is_refused(make_run: MakeRun):
    recipe = load_recipe(make_run(SHAPES, "model.layers=[gap, {linear: 4}]").resolved)
    with pytest.raises(RecipeError, match="24"):
        shape_table(recipe, describe(recipe))


def test_weights_that_do_not_fit_are_refused(make_run: MakeRun):
    folder = make_run(SHAPES, "task.loss.class_weights=[1, 2]")
    assert train(folder) != 0
    assert "there are 4 outputs, but 2 weights" in (folder.path / "events.jsonl").read_text()
