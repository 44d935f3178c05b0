"""Folders as transformers and the hub's cache write them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.values import Values


@pytest.fixture(scope="module")
def model() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=2, n_embd=16, vocab_size=40, n_positions=8))


@pytest.mark.parametrize("shard_size", ["1GB", "10KB"])
def test_a_saved_model_is_read_with_its_configuration(
    tmp_path: Path, model: GPT2LMHeadModel, shard_size: str
) -> None:
    model.save_pretrained(tmp_path, max_shard_size=shard_size)
    found = open_checkpoint(tmp_path)
    assert found.format.startswith("Hugging Face folder")
    assert (len(found.files) > 1) == (shard_size == "10KB")
    assert found.metadata["config"]["n_embd"] == 16
    assert found.modules[""].class_name == "GPT2LMHeadModel"
    real = model.state_dict()
    with Values(found) as values:
        assert found.tensors
        for tensor in found.tensors:
            np.testing.assert_array_equal(values.whole(tensor), real[tensor.name].numpy())


def cache(root: Path, model: GPT2LMHeadModel, commit: str = "c0ffee") -> Path:
    """The model as the hub's cache lays it out: blobs, and links to them in a snapshot."""
    plain = root / "plain"
    model.save_pretrained(plain)
    folder = root / "models--org--tiny"
    for name in ("blobs", "refs", f"snapshots/{commit}"):
        (folder / name).mkdir(parents=True)
    for number, file in enumerate(sorted(plain.iterdir())):
        blob = folder / "blobs" / f"{number:040x}"
        file.rename(blob)
        (folder / "snapshots" / commit / file.name).symlink_to(Path("../../blobs") / blob.name)
    return folder


def test_the_cache_of_a_model_leads_to_its_snapshot(tmp_path: Path, model: GPT2LMHeadModel) -> None:
    folder = cache(tmp_path, model)
    only = open_checkpoint(folder)
    (folder / "snapshots" / "older").mkdir()
    with pytest.raises(CheckpointError, match="2 snapshots"):
        open_checkpoint(folder)
    (folder / "refs" / "main").write_text("c0ffee\n")
    named = open_checkpoint(folder)
    direct = open_checkpoint(folder / "snapshots" / "c0ffee")
    file = open_checkpoint(folder / "snapshots" / "c0ffee" / "model.safetensors")
    assert only.tensors == named.tensors == direct.tensors == file.tensors
    assert named.metadata["config"]["n_layer"] == 2


@pytest.mark.parametrize("ref", ["../../..", "/", "", "gone", "x\0y"])
def test_a_ref_that_leads_elsewhere_is_not_followed(
    tmp_path: Path, model: GPT2LMHeadModel, ref: str
) -> None:
    folder = cache(tmp_path, model)
    (folder / "refs" / "main").write_text(ref)
    assert len(open_checkpoint(folder).files) == 1
    assert open_checkpoint(folder).files[0].parent.name == "c0ffee"


def test_a_blob_that_is_not_there_yet_is_said(tmp_path: Path, model: GPT2LMHeadModel) -> None:
    folder = cache(tmp_path, model)
    (folder / "snapshots" / "c0ffee" / "model.safetensors").resolve().unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors: cannot be opened"):
        open_checkpoint(folder)


def test_an_adapter_is_read_with_its_settings(tmp_path: Path) -> None:
    save_file({"base.q.lora_A.weight": torch.ones(4, 8)}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    found = open_checkpoint(tmp_path)
    assert found.metadata["adapter_config"] == {"peft_type": "LORA", "r": 4}
    assert found.tensors[0].shape == (4, 8)


def test_the_parts_of_a_pipeline_stand_under_their_names(tmp_path: Path) -> None:
    parts = {"_class_name": "TinyPipeline", "unet": ["diffusers", "UNet"], "tokenizer": ["x", "Y"]}
    (tmp_path / "model_index.json").write_text(json.dumps(parts))
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text('{"_class_name": "UNet", "sample_size": 8}')
    save_file(
        {"conv.weight": torch.ones(2, 2)},
        tmp_path / "unet" / "diffusion_pytorch_model.safetensors",
    )
    found = open_checkpoint(tmp_path)
    assert found.format == "Hugging Face pipeline"
    assert [tensor.name for tensor in found.tensors] == ["unet.conv.weight"]
    assert found.modules[""].class_name == "TinyPipeline"
    assert found.modules["unet"].class_name == "UNet"
    assert found.metadata["unet"]["config"]["sample_size"] == 8


@pytest.mark.parametrize("config", ["{", "[]", "[" * 5000, '{"a":' * 200 + "1" + "}" * 200])
def test_a_broken_configuration_is_refused(tmp_path: Path, config: str) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("shards", [1, 2])
def test_pickled_weights_are_read_with_their_configuration(tmp_path: Path, shards: int) -> None:
    torch.manual_seed(0)
    parts = [{f"layer.{n}.weight": torch.randn(4, 3)} for n in range(shards)]
    (tmp_path / "config.json").write_text(
        '{"architectures": ["Tiny"], "tie_word_embeddings": true}'
    )
    names = (
        [f"pytorch_model-{n:05}.bin" for n in range(shards)]
        if shards > 1
        else ["pytorch_model.bin"]
    )
    where = {}
    for name, part in zip(names, parts, strict=True):
        torch.save(part, tmp_path / name)
        where |= dict.fromkeys(part, name)
    if shards > 1:
        (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": where}))
    found = open_checkpoint(tmp_path)
    assert "PyTorch" in found.format
    assert found.modules[""].class_name == "Tiny"
    with Values(found) as values:
        for tensor, part in zip(found.tensors, parts, strict=True):
            np.testing.assert_array_equal(values.whole(tensor), part[tensor.name].numpy())
    assert len({tensor.storage for tensor in found.tensors}) == shards or shards == 1


@pytest.mark.parametrize("name", ["model.fp16.safetensors", "lora.safetensors"])
def test_the_only_file_of_weights_in_a_folder_is_opened(tmp_path: Path, name: str) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / name)
    (tmp_path / "README.md").write_text("a model")
    found = open_checkpoint(tmp_path)
    assert (found.format, found.files) == ("safetensors", (tmp_path / name,))


def test_of_several_files_of_weights_one_is_to_be_named(tmp_path: Path) -> None:
    for name in ("q4.gguf", "q8.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(CheckpointError, match=r"holds several files .*\n.*: q4\.gguf, q8\.gguf\."):
        open_checkpoint(tmp_path)
