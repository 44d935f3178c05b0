"""Checkpoints in several files: all tensors through the index, each file opened once."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint, source
from dltui.inspect.values import Values


def shards(folder: Path, count: int = 3) -> dict[str, torch.Tensor]:
    """`count` files of two tensors each, and their index; the tensors by name."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    tensors, where = {}, {}
    for number in range(count):
        name = f"model-{number + 1:05}-of-{count:05}.safetensors"
        own = {f"layer.{number}.{leaf}": torch.randn(3, 2) for leaf in ("weight", "bias")}
        save_file(own, folder / name, metadata={"format": "pt"})
        tensors |= own
        where |= dict.fromkeys(own, name)
    write_index(folder, where)
    return tensors


def write_index(folder: Path, where: object) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 144}, "weight_map": where}))
    return path


@pytest.mark.parametrize("opened", ["", "model.safetensors.index.json"])
def test_the_folder_and_its_index_give_all_tensors_bit_for_bit(tmp_path: Path, opened: str) -> None:
    real = shards(tmp_path)
    found = open_checkpoint(tmp_path / opened)
    assert "sharded safetensors" in found.format
    assert found.metadata["metadata"] == {"total_size": 144}
    assert {tensor.name for tensor in found.tensors} == set(real)
    assert found.size_bytes == sum(file.stat().st_size for file in found.files)
    assert found.notes == ()
    with Values(found, max_files=1) as values:
        for tensor in found.tensors:
            np.testing.assert_array_equal(values.whole(tensor), real[tensor.name].numpy())


def test_a_hundred_files_are_opened_once_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards(tmp_path, 100)
    opened: list[str] = []
    real_open = os.open

    def counting(path: Path, *more: int) -> int:
        opened.append(Path(path).name)
        return real_open(path, *more)

    monkeypatch.setattr(source.os, "open", counting)
    assert len(open_checkpoint(tmp_path).tensors) == 200
    files = [name for name in opened if name.endswith(".safetensors")]
    assert len(files) == len(set(files)) == 100


def test_a_missing_file_is_said_and_the_rest_is_shown(tmp_path: Path) -> None:
    shards(tmp_path)
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    found = open_checkpoint(tmp_path)
    assert len(found.tensors) == 4
    assert found.notes == (
        "1 of 3 files are missing, and 2 tensors with them: model-00002-of-00003.safetensors.",
    )


def test_an_index_without_any_of_its_files_is_refused(tmp_path: Path) -> None:
    index = write_index(tmp_path, {"a": "x.safetensors"})
    with pytest.raises(CheckpointError, match=r"none of the 1 files.*\n.*x\.safetensors"):
        open_checkpoint(index)


def test_an_index_that_disagrees_with_its_files_is_said(tmp_path: Path) -> None:
    shards(tmp_path, 2)
    one, two = (f"model-0000{n}-of-00002.safetensors" for n in (1, 2))
    write_index(tmp_path, {"layer.0.weight": one, "layer.1.weight": one, "other": two})
    found = open_checkpoint(tmp_path)
    assert [tensor.name for tensor in found.tensors if "1.weight" in tensor.name] == []
    notes = " ".join(found.notes)
    assert f"1 tensors of {two} are left out" in notes
    assert f"1 tensors of {one} are not in the index" in notes
    assert "2 tensors that no file has: layer.1.weight, other" in notes


LIES = {
    "up": ({"a": "../secret.safetensors"}, "leads out"),
    "absolute": ({"a": "/etc/passwd"}, "leads out"),
    "up within": ({"a": "x/../../y"}, "leads out"),
    "empty": ({"a": ""}, "leads out"),
    "backslash": ({"a": "..\\y"}, "leads out"),
    "null": ({"a": "x\0y"}, "leads out"),
    "a number": ({"a": 3}, "no text"),
    "a list": ({"a": ["x"]}, "no text"),
    "no map": ([], "JSON"),
    "nothing": ({}, "no tensors"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_index_is_refused(tmp_path: Path, lie: str) -> None:
    where, message = LIES[lie]
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(write_index(tmp_path, where))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    shards(tmp_path)
    file = tmp_path / "model-00002-of-00003.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="model-00002-of-00003"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("kind", ["fifo", "folder", "loop"])
def test_what_is_no_file_is_refused_or_missing_without_a_hang(tmp_path: Path, kind: str) -> None:
    shards(tmp_path)
    file = tmp_path / "model-00002-of-00003.safetensors"
    file.unlink()
    if kind == "loop":
        file.symlink_to(file.name)
        assert "1 of 3 files are missing" in open_checkpoint(tmp_path).notes[0]
        return
    os.mkfifo(file) if kind == "fifo" else file.mkdir()
    with pytest.raises(CheckpointError, match="regular file"):
        open_checkpoint(tmp_path)
