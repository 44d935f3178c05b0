"""Exported programs (`.pt2`): weights as they are, modules from the graph's trace."""

import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from tests.inspect.torch_files import assert_same_bits, network, rewritten


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    model = network().eval()
    path = tmp_path_factory.mktemp("pt2") / "m.pt2"
    torch.export.save(torch.export.export(model, (torch.randn(2, 1, 3, 3),)), path)
    return model, path


def test_weights_and_modules_are_shown(exported: tuple[nn.Module, Path]) -> None:
    model, path = exported
    found = open_checkpoint(path)
    assert found.format == "PyTorch export (.pt2)"
    real = model.state_dict()
    assert_same_bits(found, {tensor.name: real[tensor.name] for tensor in found.tensors})
    assert {tensor.name for tensor in found.tensors} == set(real)
    assert found.modules["0"].class_name == "torch.nn.modules.conv.Conv2d"
    assert found.metadata["torch_version"] == torch.__version__


def test_a_weight_that_reaches_beyond_its_file_is_refused(
    exported: tuple[nn.Module, Path], tmp_path: Path
) -> None:
    def longer(name: str, data: bytes) -> bytes:
        return data.replace(b'"as_int": 3}', b'"as_int": 9}') if "weights_config" in name else data

    path = rewritten(exported[1], tmp_path / "m.pt2", longer)
    with pytest.raises(CheckpointError, match="beyond its storage"):
        open_checkpoint(path)


def test_archives_of_older_torch_are_read(tmp_path: Path) -> None:
    """As torch 2.1 to 2.7 wrote them: files of torch.save in a plain zip archive."""
    model = network()
    stack = "L__self__,,torch.nn.Sequential;L__self___0,0,torch.nn.modules.conv.Conv2d"
    graph = {"nodes": [{"metadata": {"nn_module_stack": stack}}], "schema_version": {"major": 5}}
    with zipfile.ZipFile(tmp_path / "m.pt2", "w") as archive:
        archive.writestr("version", "5.2")
        archive.writestr("serialized_exported_program.json", json.dumps(graph))
        for name, content in (
            ("serialized_state_dict.pt", model.state_dict()),
            ("serialized_constants.pt", {"scale": torch.ones(3)}),
        ):
            buffer = io.BytesIO()
            torch.save(content, buffer)
            archive.writestr(name, buffer.getvalue())
    found = open_checkpoint(tmp_path / "m.pt2")
    assert_same_bits(found, {**model.state_dict(), "constants.scale": torch.ones(3)})
    assert found.modules["0"].class_name == "torch.nn.modules.conv.Conv2d"
