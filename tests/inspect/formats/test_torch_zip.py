"""What `torch.save` wrote is listed as people look for it, and read bit for bit."""

import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.values import Values
from tests.inspect.torch_files import assert_same_bits, bits, network, rewritten, saved

DTYPES = [
    *("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"),
]


def test_every_type_is_read_bit_for_bit(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = {name: (torch.rand(3, 5) * 40).to(getattr(torch, name)) for name in DTYPES}
    tensors |= {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4)}
    assert_same_bits(saved(tmp_path / "m.pt", tensors), tensors)


def test_a_training_checkpoint_shows_model_optimizer_and_progress(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.randn(2, 1, 3, 3)).sum().backward()
    optimizer.step()
    content = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "best": np.float64(0.5),
        "args": {"lr": 1e-3, "size": torch.Size([3, 4]), "device": torch.device("cuda", 1)},
    }
    found = saved(tmp_path / "last.pt", content)
    real = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        real |= {f"optimizer.state.{index}.{slot}": value for slot, value in state.items()}
    assert_same_bits(found, real)
    assert found.format == "PyTorch zip"
    assert found.metadata["epoch"] == 3
    assert found.metadata["best"] == 0.5
    assert found.metadata["args"] == {"lr": 1e-3, "size": [3, 4], "device": "cuda:1"}
    assert found.metadata["optimizer"]["param_groups"][0]["betas"] == [0.9, 0.999]
    assert "torch._utils._rebuild_tensor_v2" in found.globals


def test_a_pickled_module_shows_its_tree_with_classes_and_settings(tmp_path: Path) -> None:
    model = network()
    found = saved(tmp_path / "model.pt", {"model": model, "epoch": 1})
    named = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    assert {t.name for t in found.tensors} == set(named)
    with Values(found) as values:
        for tensor in found.tensors:
            assert values.stored(tensor).tobytes() == bits(named[tensor.name])
    kinds = {tensor.name: tensor.kind for tensor in found.tensors}
    assert kinds["model.0.weight"] == "parameter"
    assert kinds["model.1.running_mean"] == "buffer"
    assert list(found.modules) == ["model"] + [
        f"model.{name}" for name, _ in model.named_modules() if name
    ]
    assert found.modules["model.0"].class_name == "torch.nn.modules.conv.Conv2d"
    assert found.modules["model.0"].settings["kernel_size"] == [3, 3]
    assert found.modules["model.3.0"].settings == {"in_features": 4, "out_features": 2}
    assert found.metadata == {"epoch": 1}


def test_tied_weights_count_once_and_parts_of_one_buffer_count_each(tmp_path: Path) -> None:
    weight, flat = torch.randn(6, 4), torch.arange(10.0)
    content = {"embedding": weight, "head": nn.Parameter(weight), "a": flat[:4], "b": flat[4:]}
    found = saved(tmp_path / "m.pt", content)
    assert_same_bits(found, content)
    storages = {tensor.name: tensor.storage for tensor in found.tensors}
    assert storages["embedding"] == storages["head"]
    assert storages["a"] != storages["b"]
    assert found.parameters == 24 + 10


def test_views_are_read_through_their_strides(tmp_path: Path) -> None:
    base = torch.arange(60).reshape(3, 4, 5)
    content = {
        "transposed": base.transpose(0, 2),
        "slice": base[:, 1:3, ::2],
        "expanded": torch.tensor([7.0]).expand(3, 4),
        "one": base[1:2, :, 3],
        "permuted": base.permute(1, 2, 0),
    }
    assert_same_bits(saved(tmp_path / "m.pt", content), content)


def test_an_expanded_tensor_of_a_trillion_elements_takes_no_memory(tmp_path: Path) -> None:
    found = saved(tmp_path / "m.pt", {"x": torch.tensor([1.5]).expand(1_000_000, 1_000_000)})
    assert found.tensors[0].size_bytes == 4
    with Values(found) as values:
        assert values.stored(found.tensors[0])[999, 999_999] == 1.5
        chunk = next(values.chunks(found.tensors[0]))
        assert len(chunk) <= 1 << 22
        assert set(chunk[:1000]) == {1.5}


def test_deflated_members_are_read(tmp_path: Path) -> None:
    content = {"a": torch.randn(40, 30), "b": torch.arange(12).reshape(3, 4).t(), "n": 5}
    torch.save(content, tmp_path / "m.pt")
    packed = rewritten(
        tmp_path / "m.pt", tmp_path / "p.pt", lambda _, data: data, zipfile.ZIP_DEFLATED
    )
    found = open_checkpoint(packed)
    assert_same_bits(found, {"a": content["a"], "b": content["b"]})
    assert found.metadata == {"n": 5}
    with Values(found) as values:
        chunks = np.concatenate(list(values.chunks(found.tensors[0], 1000)))
    assert chunks.tobytes() == bits(content["a"])


def test_files_of_big_endian_machines_are_read(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(6, dtype=torch.int32)}, tmp_path / "m.pt")

    def swapped(name: str, data: bytes) -> bytes:
        if name.endswith("byteorder"):
            return b"big"
        return np.frombuffer(data, "<i4").astype(">i4").tobytes() if "data/0" in name else data

    found = open_checkpoint(rewritten(tmp_path / "m.pt", tmp_path / "big.pt", swapped))
    with Values(found) as values:
        assert values.whole(found.tensors[0]).tolist() == [0, 1, 2, 3, 4, 5]
        assert np.concatenate(list(values.chunks(found.tensors[0]))).tolist() == [0, 1, 2, 3, 4, 5]


def test_a_lightning_checkpoint_shows_hyperparameters_and_says_what_it_is(tmp_path: Path) -> None:
    model = network()
    found = saved(
        tmp_path / "epoch=2.ckpt",
        {
            "epoch": 2,
            "global_step": 300,
            "pytorch-lightning_version": "2.4.0",
            "state_dict": OrderedDict(model.state_dict()),
            "hyper_parameters": {"lr": 0.1},
            "callbacks": {
                "ModelCheckpoint{'monitor': 'val'}": {"best_model_score": torch.ones(())}
            },
        },
    )
    assert found.notes == ("A checkpoint of Lightning 2.4.0.",)
    assert found.metadata["global_step"] == 300
    assert found.metadata["hyper_parameters"] == {"lr": 0.1}
    assert {"state_dict.0.weight"} <= {tensor.name for tensor in found.tensors}


class Settings:
    """An object of the user's own class, as it comes in many checkpoints."""

    def __init__(self) -> None:
        self.lr = 0.1
        self.scale = torch.ones(2)
        self.itself = self


def test_an_unknown_object_is_its_class_and_its_state_even_if_it_holds_itself(
    tmp_path: Path,
) -> None:
    found = saved(tmp_path / "m.pt", {"settings": Settings()})
    settings = found.metadata["settings"]
    assert settings["__class__"].endswith(".Settings")
    assert settings["lr"] == 0.1
    assert settings["itself"] == {"__cycle__": "settings"}
    assert [tensor.name for tensor in found.tensors] == ["settings.scale"]


def test_two_ways_to_one_name_are_told_apart(tmp_path: Path) -> None:
    found = saved(tmp_path / "m.pt", {"a": {"b": torch.ones(1)}, "a.b": torch.zeros(2)})
    assert [(t.name, t.shape) for t in found.tensors] == [("a.b", (1,)), ("a.b (2)", (2,))]


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_meta_and_sparse_and_quantised_tensors_are_listed(tmp_path: Path) -> None:
    sparse = torch.eye(3).to_sparse()
    quantised = torch.quantize_per_tensor(torch.randn(4), 0.1, 0, torch.qint8)
    found = saved(
        tmp_path / "m.pt",
        {"meta": torch.empty(5, device="meta"), "sparse": sparse, "quantised": quantised},
    )
    named = {tensor.name: tensor for tensor in found.tensors}
    assert named["meta"].place is None
    assert named["meta"].shape == (5,)
    assert named["sparse.values"].shape == (3,)
    assert named["sparse.indices"].shape == (2, 3)
    assert named["quantised"].dtype == "int8"
    with Values(found) as values:
        assert values.whole(named["quantised"]).tolist() == quantised.int_repr().tolist()
        with pytest.raises(CheckpointError, match="no values"):
            values.stored(named["meta"])
