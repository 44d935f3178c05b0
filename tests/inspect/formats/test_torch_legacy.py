"""Files in torch's format from before 1.6 are read bit for bit."""

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from tests.inspect.torch_files import assert_same_bits, network, saved

OLD = {"_use_new_zipfile_serialization": False}


@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_state_dicts_views_and_ties_are_read(tmp_path: Path, protocol: int) -> None:
    weight, base = torch.randn(6, 4), torch.arange(24).reshape(2, 3, 4)
    content = {
        "embedding": weight,
        "head": nn.Parameter(weight),
        "half": torch.randn(5).half(),
        "transposed": base.transpose(0, 2),
        "slice": base[:, 1:, ::2],
    }
    found = saved(tmp_path / "m.pt", content, **OLD, pickle_protocol=protocol)
    assert found.format == "PyTorch legacy"
    assert_same_bits(found, content)
    storages = {tensor.name: tensor.storage for tensor in found.tensors}
    assert storages["embedding"] == storages["head"]
    assert found.parameters == 24 + 5 + 24


def test_a_whole_module_with_its_source_code_shows_its_tree(tmp_path: Path) -> None:
    model = network()
    found = saved(tmp_path / "m.pt", model, **OLD)
    assert {t.name for t in found.tensors} == set(model.state_dict())
    assert found.modules[""].class_name == "torch.nn.modules.container.Sequential"
    assert found.modules["0"].settings["out_channels"] == 4


def test_pickles_longer_than_the_first_look_are_read(tmp_path: Path) -> None:
    content = {"names": [f"name {i}" * 20 for i in range(8_000)], "w": torch.arange(5)}
    found = saved(tmp_path / "m.pt", content, **OLD)
    assert len(found.metadata["names"]) == 8_000
    assert_same_bits(found, {"w": content["w"]})


def test_a_storage_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.arange(1000)}, tmp_path / "m.pt", **OLD)
    data = (tmp_path / "m.pt").read_bytes()
    (tmp_path / "m.pt").write_bytes(data[:-1])
    with pytest.raises(CheckpointError, match="truncated"):
        open_checkpoint(tmp_path / "m.pt")


def test_a_list_of_storages_that_is_not_that_of_the_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.arange(3)}, tmp_path / "m.pt", **OLD)
    data = (tmp_path / "m.pt").read_bytes()
    keys = next(at for at in range(len(data) - 9, 0, -1) if data[at : at + 2] == b"\x80\x02")
    (tmp_path / "m.pt").write_bytes(data[:keys] + pickle.dumps(["1"], 2) + data[-32:])
    with pytest.raises(CheckpointError, match="list of storages"):
        open_checkpoint(tmp_path / "m.pt")
