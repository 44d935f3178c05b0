"""The landmark networks of the layer language are those of the papers, weight for weight."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torchvision import models

from dltui.graph import shape_table
from dltui.recipe import Recipe, load_recipe
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


CONVNEXT = """
model:
  blocks:
    look:
      params: {width: 96}
      layers:
        - residual:
            - depthwise_conv: 7
            - permute: [0, 2, 3, 1]
            - layer_norm: {eps: 1e-6}
            - linear: $(4 * width)
            - gelu
            - linear: $(width)
            - permute: [0, 3, 1, 2]
            - layer_scale: 1e-6
            - drop_path: 0.1
  layers:
    - conv: {out: 96, kernel: 4, stride: 4, padding: 0}
    - layer_norm2d
    - {repeat: 3, layers: [{look: {width: 96}}]}
    - for: {out: [192, 384, 768], depth: [3, 9, 3]}
      layers:
        - layer_norm2d
        - conv: {out: $(out), kernel: 2, stride: 2, padding: 0}
        - {repeat: $(depth), layers: [{look: {width: $(out)}}]}
    - gap
    - layer_norm: {eps: 1e-6}
    - linear: $(data.classes)
"""


def test_a_convnext_of_the_layer_language_answers_as_torchvisions_does(
    write: Callable[..., Recipe],
) -> None:
    torch.manual_seed(0)
    with torch.device("meta"):
        reference = models.convnext_tiny(weights=None)
    # torchvision registers the scale of a block before its layers, ours comes last.
    names = list(reference.state_dict())
    order = [name for name in names if not name.endswith("layer_scale")]
    for name in names:
        if name.endswith("layer_scale"):
            last = name.replace("layer_scale", "block.5.bias")
            order.insert(order.index(last) + 1, name)
    ours = ours_with_weights_of(filled(reference), write(CONVNEXT), images(3, 64), tuple(order))
    assert sum(parameter.numel() for parameter in ours.parameters()) == 28_589_128
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
