"""Checkpoints of several processes are one checkpoint, whose blocks are read where they lie."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint as dcp

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.contents import Piece, Pieces
from dltui.inspect.source import Source
from dltui.inspect.values import Values
from tests.inspect.torch_files import assert_same_bits, network

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is disabled")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dcp") / "step"
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.randn(2, 1, 3, 3)).sum().backward()
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    dcp.save(state, checkpoint_id=path)
    return path


def real_tensors(folder: Path) -> dict[str, torch.Tensor]:
    from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

    dcp_to_torch_save(folder, folder.parent / "whole.pt")
    state = torch.load(folder.parent / "whole.pt", weights_only=False)
    found = {f"model.{name}": tensor for name, tensor in state["model"].items()}
    for index, slots in state["optimizer"]["state"].items():
        found |= {f"optimizer.state.{index}.{slot}": value for slot, value in slots.items()}
    return found


def test_tensors_objects_and_progress_are_shown(folder: Path) -> None:
    found = open_checkpoint(folder)
    assert found.format == "PyTorch distributed"
    real = real_tensors(folder)
    assert_same_bits(found, {tensor.name: real[tensor.name] for tensor in found.tensors})
    assert {tensor.name for tensor in found.tensors} == set(real)
    assert found.metadata["epoch"] == 3
    assert found.metadata["optimizer"]["param_groups"][0]["lr"] == 1e-3


def test_each_file_is_opened_once_to_list_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    original = Source.__init__

    def counted(self: Source, path: Path) -> None:
        opened.append(path.name)
        original(self, path)

    monkeypatch.setattr(Source, "__init__", counted)
    open_checkpoint(folder)
    assert sorted(opened) == [".metadata", "__0_0.distcp"]


_ONE_OF_TWO = """
import sys, torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh
rank, store, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
mesh = init_device_mesh("cpu", (2,))
dcp.save({
    "rows": distribute_tensor(torch.arange(35.0).reshape(7, 5), mesh, [Shard(0)]),
    "columns": distribute_tensor(torch.arange(24).reshape(4, 6), mesh, [Shard(1)]),
    "same": distribute_tensor(torch.arange(3).bfloat16(), mesh, [Replicate()]),
    "step": 7,
}, checkpoint_id=out)
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_what_two_processes_saved_is_one_checkpoint(tmp_path: Path) -> None:
    arguments = [sys.executable, "-W", "ignore", "-c", _ONE_OF_TWO]
    others = [str(tmp_path / "store"), str(tmp_path / "step")]
    processes = [
        subprocess.Popen([*arguments, str(rank), *others], cwd=tmp_path) for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    found = open_checkpoint(tmp_path / "step")
    assert len(found.files) == 2
    assert found.metadata == {"step": 7}
    real = {
        "rows": torch.arange(35.0).reshape(7, 5),
        "columns": torch.arange(24).reshape(4, 6),
        "same": torch.arange(3).bfloat16(),
    }
    assert_same_bits(found, real)
    with Values(found) as values:
        for tensor in found.tensors:
            chunks = np.concatenate(list(values.chunks(tensor, 16)))
            np.testing.assert_array_equal(chunks, values.stored(tensor).reshape(-1))


def test_blocks_are_put_together(folder: Path) -> None:
    """A tensor of 6 rows whose halves two processes saved."""
    found = open_checkpoint(folder)
    part = next(tensor for tensor in found.tensors if tensor.name == "model.0.weight")
    assert part.place is not None
    pieces = Pieces(tuple(Piece((4 * i, 0, 0, 0), part.shape, part.place) for i in range(2)))
    whole = replace(part, shape=(8, 1, 3, 3), place=pieces)
    with Values(found) as values:
        half = values.stored(part)
        np.testing.assert_array_equal(values.stored(whole), np.concatenate([half, half]))
        chunks = np.concatenate(list(values.chunks(whole, 16)))
        np.testing.assert_array_equal(chunks, np.concatenate([half, half]).reshape(-1))


def test_a_shard_that_is_missing_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".metadata").write_bytes((folder / ".metadata").read_bytes())
    found = open_checkpoint(tmp_path)
    assert "missing" in found.notes[0]
    assert all(tensor.place is None for tensor in found.tensors)


def test_a_shard_that_is_cut_off_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".metadata").write_bytes((folder / ".metadata").read_bytes())
    data = (folder / "__0_0.distcp").read_bytes()
    (tmp_path / "__0_0.distcp").write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match="shorter than the index says"):
        open_checkpoint(tmp_path)


def test_an_index_that_leads_out_of_its_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    data = (folder / ".metadata").read_bytes()
    (tmp_path / ".metadata").write_bytes(data.replace(b"__0_0.distcp", b"../../../../"))
    with pytest.raises(CheckpointError, match="leads out of the folder"):
        open_checkpoint(tmp_path)
