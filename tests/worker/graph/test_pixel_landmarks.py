"""U-Net and DCGAN: networks that give pixels, against the same ones in plain torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML
from torch import Tensor, nn

from dltui.graph.assemble import assemble
from dltui.paths import shipped_recipes
from dltui.recipe import Recipe
from dltui.recipe.data_info import DataInfo
from tests.worker.graph.reference import filled, images, largest_difference, ours_with_weights_of

Write = Callable[..., Recipe]


def landmark(name: str) -> Any:
    file = shipped_recipes() / "landmarks" / f"{name}.yaml"
    return YAML(typ="safe", pure=True).load(file)


def network(write: Write, section: Any) -> Recipe:
    return write(f"model: {json.dumps(section)}")


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def double(channels: int, out: int) -> nn.Module:
    first, second = nn.Conv2d(channels, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())


class PlainUNet(nn.Module):
    """Ronneberger et al. 2015, with padding."""

    def __init__(self, channels: int, width: int, classes: int):
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        before = [channels, *widths]
        self.down = nn.ModuleList(double(before[i], widths[i]) for i in range(5))
        self.up = nn.ModuleList()
        for level in reversed(range(4)):
            self.up.append(nn.ConvTranspose2d(widths[level + 1], widths[level], 2, stride=2))
            self.up.append(double(2 * widths[level], widths[level]))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level, part in enumerate(self.down):
            x = part(x if level == 0 else nn.functional.max_pool2d(x, 2))
            skips.append(x)
        for number in range(4):
            grown = self.up[2 * number](x)
            x = self.up[2 * number + 1](torch.cat((skips[3 - number], grown), dim=1))
        masks: Tensor = self.head(x)
        return masks


def test_the_unet_is_the_papers(write: Write) -> None:
    section = landmark("unet")["model"]
    recipe = network(write, section)
    ours = assemble(recipe, images(1, 64, 2)).network
    with torch.device("meta"):
        assert count(ours) == count(PlainUNet(1, 64, 2)) == 31_030_658
        reference = PlainUNet(3, 8, 4)
    torch.manual_seed(0)
    small = network(write, {**section, "params": {"width": 8}})
    ours = ours_with_weights_of(filled(reference), small, images(3, 32, 4))
    assert largest_difference(ours, reference, torch.randn(2, 3, 32, 32)) < 1e-4
    assert ours(torch.randn(1, 3, 48, 64)).shape == (1, 4, 48, 64)


def plain_generator() -> nn.Module:
    layers: list[nn.Module] = [nn.Unflatten(1, (100, 1, 1))]
    for before, out, stride, padding in (
        (100, 512, 1, 0),
        (512, 256, 2, 1),
        (256, 128, 2, 1),
        (128, 64, 2, 1),
    ):
        grow = nn.ConvTranspose2d(before, out, 4, stride, padding, bias=False)
        layers += [grow, nn.BatchNorm2d(out), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh())


def plain_discriminator() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for before, out in ((64, 128), (128, 256), (256, 512)):
        shrink = nn.Conv2d(before, out, 4, 2, 1, bias=False)
        layers += [shrink, nn.BatchNorm2d(out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, bias=False), nn.Flatten())


@pytest.mark.parametrize(
    ("name", "plain", "shape", "parameters"),
    [
        ("generator", plain_generator, (100,), 3_576_704),
        ("discriminator", plain_discriminator, (3, 64, 64), 2_765_568),
    ],
)
def test_the_dcgan_is_the_papers(
    name: str,
    plain: Callable[[], nn.Module],
    shape: tuple[int, ...],
    parameters: int,
    write: Write,
) -> None:
    recipe = network(write, landmark("dcgan")["models"][name])
    info = DataInfo(shape, "float32", "class", classes=10)
    torch.manual_seed(0)
    with torch.device("meta"):
        reference = plain()
    ours = ours_with_weights_of(filled(reference), recipe, info)
    assert count(ours) == parameters
    assert largest_difference(ours, reference, torch.randn(4, *shape)) < 1e-4
