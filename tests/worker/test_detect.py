"""The task detect: boxes to maps and back, its losses, its metric, what it leaves in the run."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from dltui.errors import RecipeError
from dltui.graph import shape_table
from dltui.recipe import load_recipe
from dltui.runs import MetricReader
from dltui.worker.data import Batch, describe
from dltui.worker.data.geometry import NO_BOX
from dltui.worker.tasks.average_precision import AveragePrecision, mean_average_precision
from dltui.worker.tasks.detect import as_rows
from dltui.worker.tasks.points import PRIOR, at_centers, boxes_of, heat_loss, points_of
from tests.worker.conftest import MakeRun, resumed_bitwise, train

SHAPES = """
dltui: 1
name: boxes
data: {type: shapes, size: [32, 48], count: 60, batch_size: 8, augment: [hflip, {affine: 10}]}
model:
  layers:
    - conv: {out: 8, stride: 2, bias: false}
    - bn
    - relu
    - conv: {out: 16, stride: 2}
    - relu
    - conv: {out: $(data.classes + 4), kernel: 1}
task: {type: detect, least_score: 0}
optimizer: {type: adamw, lr: 0.01}
trainer: {epochs: 2, device: cpu}
"""
SIZE, GRID = (32, 48), (8, 12)


@pytest.fixture
def boxes():
    """Two pictures with three boxes: x1, y1, x2, y2, class."""
    none = [0.0, 0.0, 0.0, 0.0, NO_BOX]
    return torch.tensor(
        [
            [[4.0, 6.0, 15.0, 18.0, 0.0], [30.0, 2.0, 46.0, 30.0, 2.0]],
            [[1.0, 1.0, 6.0, 5.0, 1.0], none],
        ]
    )


def perfect_map(points, classes=3):
    """The map that says just what is wanted."""
    output = torch.zeros(len(points.heat), classes + 4, *GRID)
    output[:, :classes] = torch.logit(points.heat.clamp(1e-4, 1 - 1e-4)) - PRIOR
    picture, row, column = points.cell.unbind(1)
    output[picture, classes : classes + 2, row, column] = points.place
    output[picture, classes + 2 :, row, column] = points.size
    return output


def test_boxes_become_points_and_points_the_same_boxes(boxes):
    points = points_of(boxes, 3, GRID, SIZE)
    assert points.cell.tolist() == [[0, 3, 2], [0, 4, 9], [1, 0, 0]]
    assert points.place[0].tolist() == pytest.approx([9.5 / 4 - 2, 0.0])
    assert points.size.exp()[1].tolist() == pytest.approx([4.0, 7.0])
    assert int((points.heat == 1).sum()) == 3
    for picture, found in enumerate(boxes_of(perfect_map(points), SIZE, 100, 0.5)):
        wanted = boxes[picture][boxes[picture, :, 4] != NO_BOX]
        order = found[1].argsort(descending=True)[: len(wanted)]
        assert bool((found[1][order] > 0.99).all())
        pairs = sorted(
            [*box, label]
            for box, label in zip(found[0][order].tolist(), found[2][order].tolist(), strict=True)
        )
        for box, truth in zip(pairs, sorted(wanted.tolist()), strict=True):
            assert box == pytest.approx(truth, abs=1e-4)


def test_the_heat_falls_off_as_a_bell_around_centres(boxes):
    heat = points_of(boxes, 3, GRID, SIZE).heat
    width, height = 16 / 4 * 0.54 / 6, 28 / 4 * 0.54 / 6
    for row in range(GRID[0]):
        for column in range(GRID[1]):
            away = (column - 9) ** 2 / (2 * width**2) + (row - 4) ** 2 / (2 * height**2)
            assert float(heat[0, 2, row, column]) == pytest.approx(math.exp(-away), abs=1e-6)
    assert float(heat[1, 2].max()) == 0


def test_the_heat_loss_is_the_papers_equation():
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, generator=chance)
    heat = torch.rand(2, 3, 4, 4, generator=chance) * 0.9
    heat[0, 1, 2, 2] = heat[1, 0, 0, 3] = 1
    total = 0.0
    for y, x in zip(heat.flatten().tolist(), logits.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-x))
        total += (1 - p) ** 2 * math.log(p) if y == 1 else (1 - y) ** 4 * p**2 * math.log(1 - p)
    assert float(heat_loss(logits, heat)) == pytest.approx(-total / 2, rel=1e-5)


def test_of_boxes_that_overlap_the_surest_of_a_class_stays():
    output = torch.full((1, 6, *GRID), -20.0)
    output[:, 2:4] = 0.5
    output[:, 4:] = math.log(4.0)
    for label, row, column, logit in ((0, 4, 4, 5.0), (0, 4, 6, 3.0), (1, 4, 6, 4.0)):
        output[0, label, row, column] = logit
    (found,) = boxes_of(output, SIZE, 5, 0.3)
    assert found[2][found[1] > 0.5].tolist() == [0, 1]
    (found,) = boxes_of(output, SIZE, 5, 0.9)
    assert found[2][found[1] > 0.5].tolist() == [0, 1, 0]
    assert found[0][0].tolist() == pytest.approx([10, 10, 26, 26])


def test_average_precision_of_a_case_counted_by_hand():
    truths = np.array([[0, 0, 0, 0, 10, 10], [0, 0, 20, 20, 30, 30], [1, 0, 0, 0, 10, 10]], float)
    detections = np.array(
        [
            [0, 0, 0.9, 0, 0, 10, 10],  # right
            [0, 0, 0.8, 0, 0, 10, 9],  # the same box once more: wrong
            [1, 0, 0.7, 0, 0, 10, 8],  # right: an overlap of 0.8
            [1, 1, 0.6, 0, 0, 10, 10],  # a class that is nowhere
        ],
        float,
    )
    # Precision 1 up to recall 1/3, 2/3 up to 2/3, then 0: 34, 33 and 34 of 101 recalls.
    assert mean_average_precision(detections, truths, (0.5,)) == pytest.approx(
        (34 + 33 * 2 / 3) / 101
    )
    assert mean_average_precision(detections, truths, (0.85,)) == pytest.approx(34 / 101)
    assert math.isnan(mean_average_precision(detections, truths[:0]))
    assert mean_average_precision(detections[:0], truths) == 0


def scattered(seed):
    """Random truths and detections near them, of 25 pictures and 4 classes."""
    chance = np.random.default_rng(seed)
    truths, detections = [], []
    for picture in range(25):
        for _ in range(chance.integers(0, 6)):
            label, corner = chance.integers(0, 4), chance.uniform(0, 60, 2)
            box = np.array([*corner, *(corner + chance.uniform(15, 30, 2))])
            truths.append([picture, label, *box])
            for _ in range(chance.integers(0, 3)):
                moved = chance.normal(0, 2, 4).clip(-6, 6)
                said = label if chance.random() < 0.8 else chance.integers(0, 4)
                detections.append([picture, said, chance.random(), *(box + moved)])
        for _ in range(chance.integers(0, 3)):
            corner = chance.uniform(0, 60, 2)
            end = corner + chance.uniform(15, 30, 2)
            label = chance.integers(0, 4)
            detections.append([picture, label, chance.random(), *corner, *end])
    return np.array(detections), np.array(truths)


@pytest.mark.parametrize("seed", [0, 1])
def test_average_precision_is_that_of_pycocotools(seed):
    detections, truths = scattered(seed)
    # What COCOeval of pycocotools 2.0 gives for the same boxes.
    wanted = PYCOCOTOOLS[seed]
    every, half = AveragePrecision(), AveragePrecision((0.5,))
    for picture in range(25):
        rows = [torch.tensor(x[x[:, 0] == picture]) for x in (detections, truths)]
        every.update(*rows)
        half.update(*rows)
    assert float(every.compute()) == pytest.approx(wanted[0], abs=1e-7)
    assert float(half.compute()) == pytest.approx(wanted[1], abs=1e-7)


PYCOCOTOOLS = {0: (0.242744801004, 0.451689717422), 1: (0.233741419761, 0.433554771626)}
"""mAP and mAP50 of `scattered`."""


def test_found_boxes_become_rows_of_their_pictures(boxes):
    batch = Batch(torch.zeros(2, 3, *SIZE), boxes, torch.tensor([7, 3]))
    points = points_of(boxes, 3, GRID, SIZE)
    detections, truths = as_rows(boxes_of(perfect_map(points), SIZE, 100, 0.5), batch)
    assert truths[:, :2].tolist() == [[7, 0], [7, 2], [3, 1]]
    assert mean_average_precision(detections.numpy(), truths.numpy()) == pytest.approx(1)
    told = at_centers(perfect_map(points)[:, 3:], points.cell)
    assert torch.equal(told, torch.cat([points.place, points.size], 1))


def column(reader: MetricReader, name: str) -> np.ndarray:
    """All values of a column; every record has one."""
    return reader.values[:, reader.columns.index(name)]


def test_a_run_leaves_pictures_with_boxes_and_goes_on_bitwise(make_run: MakeRun):
    whole = resumed_bitwise(lambda: make_run(SHAPES), 4)
    for group, columns in (("val", {"loss", "map50", "map"}), ("train", {"loss", "heat", "size"})):
        reader = MetricReader(whole.metric_log(group))
        reader.poll()
        assert all(np.isfinite(column(reader, name)).all() for name in columns)
    folder = sorted(whole.samples.iterdir())[-1]
    content = json.loads((folder / "pictures.json").read_text())
    assert content["row_labels"] == ["truth", "prediction"]
    assert (len(content["pictures"]), content["columns"]) == (12, 6)
    assert "circle" in " ".join(picture["caption"] for picture in content["pictures"][:6])
    assert np.asarray(Image.open(folder / "p000.png")).shape == (85, 128, 3)


def test_pictures_without_any_box_can_be_learned_from(make_run: MakeRun):
    folder = make_run(SHAPES, "data.objects=[0, 1]", "trainer.epochs=1")
    assert train(folder) == 0
    reader = MetricReader(folder.metric_log("train"))
    reader.poll()
    assert np.isfinite(column(reader, "loss")).all()


@pytest.mark.parametrize(
    "model",
    [
        "model.layers=[gap, {linear: 7}]",
        "model.layers=[{conv: 5}]",
        "model={from: torchvision/ssdlite320_mobilenet_v3_large}",
    ],
)
def test_networks_without_a_map_of_classes_and_boxes_are_refused(make_run: MakeRun, model: str):
    recipe = load_recipe(make_run(SHAPES, model).resolved)
    with pytest.raises(RecipeError, match=r"7|needs a map"):
        shape_table(recipe, describe(recipe))
