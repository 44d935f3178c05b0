"""TorchScript archives: the module tree, its settings, tensors and constants."""

from pathlib import Path

import pytest
import torch
from torch import nn

from dltui.inspect import open_checkpoint
from tests.inspect.torch_files import assert_same_bits, network

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit"),
    pytest.mark.filterwarnings("ignore:torch.tensor results are registered"),
]


def test_a_scripted_module_shows_its_tree_with_settings(tmp_path: Path) -> None:
    model = network()
    torch.jit.script(model).save(tmp_path / "m.pt")
    found = open_checkpoint(tmp_path / "m.pt")
    assert found.format == "TorchScript"
    assert_same_bits(found, model.state_dict())
    assert {t.name: t.kind for t in found.tensors}["1.running_mean"] == "buffer"
    assert {t.name: t.kind for t in found.tensors}["0.weight"] == "parameter"
    assert found.modules["0"].class_name == "torch.nn.modules.conv.Conv2d"
    assert found.modules["0"].settings["kernel_size"] == [3, 3]
    assert found.modules["1"].settings["eps"] == 1e-5
    assert found.modules["3.0"].settings["in_features"] == 4
    assert any(name.endswith("conv.py") for name in found.metadata["code"])


class Scaled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.tensor([2.0, 3.0])


def test_a_traced_module_shows_its_constants(tmp_path: Path) -> None:
    traced = torch.jit.trace(nn.Sequential(nn.Linear(2, 2), Scaled()), torch.ones(1, 2))
    traced.save(tmp_path / "m.pt")
    found = open_checkpoint(tmp_path / "m.pt")
    real = dict(traced.state_dict()) | {"constants.0": torch.tensor([2.0, 3.0])}
    assert_same_bits(found, real)
    assert found.modules["0"].class_name == "torch.nn.modules.linear.Linear"
