"""The ResNet-18 of the recipe language is the ResNet-18 of the paper, for 32×32 images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dltui.graph import compile_model, shape_table
from dltui.recipe.data_info import DataInfo

RESNET18 = """
model:
  blocks:
    basic:
      params: {out: 64, stride: 1}
      layers:
        - shortcut: project
          residual:
            - conv: {out: $(out), stride: $(stride), bias: false}
            - bn
            - relu
            - conv: {out: $(out), bias: false}
            - bn
        - relu
  layers:
    - conv: {out: 64, bias: false}
    - bn
    - relu
    - for: {out: [64, 128, 256, 512], stride: [1, 2, 2, 2]}
      name: stage
      layers: [{basic: {out: $(out), stride: $(stride)}}, {basic: {out: $(out)}}]
    - gap
    - linear: $(data.classes)
"""


class PlainBlock(nn.Module):
    def __init__(self, channels: int, out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.short: nn.Module = nn.Identity()
        if stride != 1 or channels != out:
            self.short = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + self.short(x)).relu()


def plain_resnet18() -> nn.Module:
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 3, 1, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
    ]
    channels = 64
    for out, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [PlainBlock(channels, out, stride), PlainBlock(out, out, 1)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def test_resnet18_has_the_parameters_and_outputs_of_a_plain_torch_one(
    write: Callable[..., Any], cifar: DataInfo
) -> None:
    torch.manual_seed(0)
    ours, plain = compile_model(write(RESNET18), cifar), plain_resnet18()
    assert sum(p.numel() for p in ours.parameters()) == 11_173_962
    for module in plain.modules():
        if isinstance(module, nn.BatchNorm2d):  # other than their starting values of 0 and 1
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.running_mean, std=0.1)
    state = dict(zip(ours.state_dict(), plain.state_dict().values(), strict=True))
    ours.load_state_dict(state)
    images = torch.randn(4, 3, 32, 32)
    for training in (False, True):
        with torch.no_grad():
            difference = ours.train(training)(images) - plain.train(training)(images)
        assert difference.abs().max() < 1e-5


def test_blocks_stages_and_shortcuts_are_modules_with_readable_names(
    write: Callable[..., Any], cifar: DataInfo
) -> None:
    rows = {row.name: row for row in shape_table(write(RESNET18), cifar)}
    assert rows["conv"].parameters == 3 * 64 * 9
    first = rows["stage1.basic0.residual.conv0"]
    assert (first.type, first.input, first.output) == ("conv", [64, 32, 32], [128, 16, 16])
    assert rows["stage1.basic0.residual.shortcut.conv"].parameters == 64 * 128
    assert "stage1.basic1.residual.shortcut.conv" not in rows
    assert rows["linear"].output == [10]
    assert sum(row.parameters for row in rows.values()) == 11_173_962


def test_a_compiled_model_goes_through_torch_compile_as_one_graph(
    write: Callable[..., Any], cifar: DataInfo
) -> None:
    model = compile_model(write(RESNET18), cifar).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(
            torch.compile(model, fullgraph=True, backend="eager")(images), model(images)
        )
