"""The landmark networks of the layer language are those of the papers, weight for weight."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models

from dltui.graph import shape_table
from dltui.recipe import load_recipe
from tests.worker.graph.reference import filled, images, largest_difference, ours_with_weights_of

COUNTS = {
    "lenet5": (images(1, 28, 10), 61_706),
    "alexnet": (images(3, 224), 61_100_840),
    "vgg16": (images(3, 224), 138_357_544),
    "resnet18": (images(3, 224), 11_689_512),
    "resnet50": (images(3, 224), 25_557_032),
    "efficientnet-b0": (images(3, 224), 5_288_548),
    "vit-b-16": (images(3, 224), 86_567_656),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_landmark_has_as_many_parameters_as_the_original(name: str) -> None:
    info, count = COUNTS[name]
    assert (
        sum(row.parameters for row in shape_table(load_recipe(f"landmarks/{name}"), info)) == count
    )


@pytest.mark.parametrize(
    ("name", "side", "batch"),
    [
        ("alexnet", 64, 2),
        ("vgg16", 32, 2),
        ("resnet18", 64, 2),
        ("resnet50", 64, 2),
        ("efficientnet-b0", 64, 2),
    ],
)
def test_a_landmark_answers_as_torchvisions_does(name: str, side: int, batch: int) -> None:
    torch.manual_seed(0)
    with torch.device("meta"):
        reference = models.get_model(name.replace("-", "_"), weights=None)
    ours = ours_with_weights_of(
        filled(reference), load_recipe(f"landmarks/{name}"), images(3, side)
    )
    assert largest_difference(ours, reference, torch.randn(batch, 3, side, side)) < 1e-4


def test_the_vision_transformer_answers_as_torchvisions_does() -> None:
    torch.manual_seed(0)
    with torch.device("meta"):
        reference = models.vit_b_16(weights=None, image_size=64)
    before = ("conv_proj.weight", "conv_proj.bias", "class_token", "encoder.pos_embedding")
    ours = ours_with_weights_of(
        filled(reference), load_recipe("landmarks/vit-b-16"), images(3, 64), before
    )
    assert largest_difference(ours, reference, torch.randn(2, 3, 64, 64)) < 1e-4


def test_lenet5_answers_as_one_of_plain_torch() -> None:
    torch.manual_seed(0)
    with torch.device("meta"):
        reference = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.Tanh(),
            nn.Linear(120, 84),
            nn.Tanh(),
            nn.Linear(84, 10),
        )
    ours = ours_with_weights_of(
        filled(reference), load_recipe("landmarks/lenet5"), images(1, 28, 10)
    )
    assert largest_difference(ours, reference, torch.randn(4, 1, 28, 28)) < 1e-4
