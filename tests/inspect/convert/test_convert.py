"""Checkpoints in another format are the same to the libraries that read them, bit for bit."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch._weights_only_unpickler import Unpickler

from dltui.errors import CheckpointError, UsageError
from dltui.inspect import open_checkpoint
from dltui.inspect.contents import Checkpoint, Extent, Plain, Tensor, View
from dltui.inspect.convert import Wanted, convert
from dltui.inspect.convert.torch_pickle import pickled

Tensors = dict[str, torch.Tensor]

DTYPES = [
    *("bool", "uint8", "int8", "int16", "int32", "int64", "complex64", "float16", "bfloat16"),
    *("float32", "float64", "float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64"),
]


@pytest.fixture
def tensors() -> Tensors:
    torch.manual_seed(0)
    found = {name: (torch.randn(3, 5) * 4).to(getattr(torch, name)) for name in DTYPES}
    return found | {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4)}


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def assert_same(found: Tensors, wanted: Tensors) -> None:
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape), name
        assert bits(found[name]) == bits(tensor), name


@pytest.mark.parametrize("mmap", [True, False])
def test_torch_loads_what_was_safetensors(tmp_path: Path, tensors: Tensors, mmap: bool) -> None:
    save_file(tensors, tmp_path / "a.safetensors", metadata={"format": "pt"})
    done = convert(open_checkpoint(tmp_path / "a.safetensors"), tmp_path / "a.pt", Wanted())
    assert (done.format, done.tensors, done.cast) == ("PyTorch zip", len(tensors), 0)
    assert done.size_bytes == (tmp_path / "a.pt").stat().st_size
    found = torch.load(tmp_path / "a.pt", weights_only=True, mmap=mmap)
    assert_same(found, tensors)
    if mmap:
        assert all(t.data_ptr() % 64 == 0 for t in found.values() if t.numel())


def test_safetensors_come_back_with_their_metadata(tmp_path: Path, tensors: Tensors) -> None:
    save_file(tensors, tmp_path / "a.safetensors", metadata={"format": "pt", "epoch": "3"})
    convert(open_checkpoint(tmp_path / "a.safetensors"), tmp_path / "b.safetensors", Wanted())
    assert_same(load_file(tmp_path / "b.safetensors"), tensors)
    assert open_checkpoint(tmp_path / "b.safetensors").metadata == {"format": "pt", "epoch": "3"}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_cast_is_torchs_and_leaves_other_types_alone(
    tmp_path: Path, tensors: Tensors, dtype: str, suffix: str
) -> None:
    save_file(tensors, tmp_path / "a.safetensors")
    out = tmp_path / f"b{suffix}"
    done = convert(open_checkpoint(tmp_path / "a.safetensors"), out, Wanted(dtype))
    target = getattr(torch, dtype)
    wanted = {n: t.to(target) if t.is_floating_point() else t for n, t in tensors.items()}
    assert_same(torch.load(out, weights_only=True) if suffix == ".pt" else load_file(out), wanted)
    assert done.cast == sum(tensors[name].dtype != t.dtype for name, t in wanted.items())


def test_what_a_cast_loses_is_counted(tmp_path: Path) -> None:
    values = torch.tensor([1e6, -1e6, 65504.0, 1e-9, 0.0, float("inf"), float("nan")])
    save_file({"w": values, "fine": torch.ones(3)}, tmp_path / "a.safetensors")
    source = open_checkpoint(tmp_path / "a.safetensors")
    done = convert(source, tmp_path / "b.safetensors", Wanted("float16"))
    assert (done.overflowed, done.vanished) == ((("w", 2),), (("w", 1),))


@pytest.fixture
def shared(tmp_path: Path) -> Checkpoint:
    """Names that share a storage of 24 numbers in every way: all of it, turned, in part."""
    path = tmp_path / "storage"
    path.write_bytes(np.arange(100, dtype=np.float32).tobytes())
    storage = Extent(0, 0, 400)

    def window(name: str, shape: tuple[int, ...], offset: int, stride: tuple[int, ...]) -> Tensor:
        return Tensor(name, shape, "float32", 0, View(storage, offset, stride), storage="0")

    tensors = (
        window("whole", (4, 6), 10, (6, 1)),
        window("turned", (6, 4), 10, (1, 6)),
        window("row", (6,), 16, (1,)),
    )
    tied = Extent(0, 40, 96)
    both = tuple(
        Tensor(name, (4, 6), "float32", 96, View(tied, 0, (6, 1)), storage="1")
        for name in ("head", "embedding")
    )
    alone = Tensor("alone", (2,), "float32", 8, View(storage, 90, (5,)), storage="2")
    return Checkpoint(path, "test", (path,), 400, (*tensors, *both, alone))


@pytest.mark.parametrize("dtype", [None, "float16"])
def test_names_that_share_a_storage_share_it_again_in_torch(
    tmp_path: Path, shared: Checkpoint, dtype: str | None
) -> None:
    done = convert(shared, tmp_path / "s.pt", Wanted(dtype))
    found = torch.load(tmp_path / "s.pt", weights_only=True)
    numbers = torch.arange(10.0, 34).reshape(4, 6)
    assert found["whole"].equal(numbers.to(found["whole"].dtype))
    assert found["turned"].equal(found["whole"].T)
    assert found["row"].equal(found["whole"][1])
    assert found["head"].equal(found["embedding"])
    assert found["alone"].tolist() == [90, 95]
    found["whole"][1, 0] = found["head"][0, 0] = -1
    assert found["turned"][0, 1] == found["row"][0] == found["embedding"][0, 0] == -1
    assert done.notes == ()
    storage = found["whole"].untyped_storage()
    assert storage.nbytes() == 24 * found["whole"].itemsize
    assert found["alone"].untyped_storage().nbytes() == 2 * found["alone"].itemsize


def test_safetensors_say_that_shared_bytes_become_copies(
    tmp_path: Path, shared: Checkpoint
) -> None:
    done = convert(shared, tmp_path / "s.safetensors", Wanted())
    found = load_file(tmp_path / "s.safetensors")
    assert found["turned"].equal(found["whole"].T)
    assert found["head"].equal(found["embedding"])
    (note,) = done.notes
    assert f"{(24 + 6 + 24) * 4:,} bytes more" in note


def test_packed_weights_are_unpacked_and_that_is_said(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}'
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes([0x10, 0xF7]))
    done = convert(open_checkpoint(path), tmp_path / "b.safetensors", Wanted())
    assert load_file(tmp_path / "b.safetensors")["w"].tolist() == [0.0, 0.5, 6.0, -6.0]
    assert done.notes == ("1 packed tensors are unpacked to float32",)


def test_a_type_that_safetensors_has_not_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(16))
    tensor = Tensor("w", (1,), "complex128", 16, Plain(Extent(0, 0, 16)))
    source = Checkpoint(path, "test", (path,), 16, (tensor,))
    with pytest.raises(UsageError, match=r"complex128.*'w'"):
        convert(source, tmp_path / "o.safetensors", Wanted())
    convert(source, tmp_path / "o.pt", Wanted())
    assert torch.load(tmp_path / "o.pt", weights_only=True)["w"].dtype == torch.complex128
    assert {entry.name for entry in tmp_path.iterdir()} == {"f", "o.pt"}


def test_values_that_are_not_there_leave_no_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(16))
    for place in (None, Plain(Extent(0, 8, 16))):
        source = Checkpoint(path, "t", (path,), 16, (Tensor("w", (4,), "float32", 16, place),))
        for name in ("o.pt", "o.safetensors"):
            with pytest.raises(CheckpointError):
                convert(source, tmp_path / name, Wanted())
    assert list(tmp_path.iterdir()) == [path]


KEYS = st.text(max_size=20) | st.integers(-(2**70), 2**70)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**900), 2**900) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_are_pickled_so_that_torch_reads_them(value: object) -> None:
    found = Unpickler(io.BytesIO(pickled(value))).load()
    assert repr(found) == repr(value)


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """A training checkpoint as scripts save them, with a moving average and an optimizer."""
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    average = {name: value * 0.5 for name, value in model.state_dict().items()}
    path = tmp_path / "train.pt"
    state = {"model": model.state_dict(), "ema": average, "optimizer": optimizer.state_dict()}
    torch.save(state | {"epoch": 3, "lr": 0.1}, path)
    return path


def test_a_training_checkpoint_goes_on_after_a_cast(training: Path, tmp_path: Path) -> None:
    convert(open_checkpoint(training), tmp_path / "o.pt", Wanted("bfloat16"))
    found = torch.load(tmp_path / "o.pt", weights_only=True)
    real = torch.load(training, weights_only=True)
    assert (found["epoch"], found["lr"]) == (3, 0.1)
    assert_same(found["model"], {n: t.bfloat16() for n, t in real["model"].items()})
    assert_same(found["ema"], {n: t.bfloat16() for n, t in real["ema"].items()})
    assert_same(found["optimizer"]["state"][1], real["optimizer"]["state"][1])
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.load_state_dict(found["optimizer"])
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.state_dict()["state"][0]["exp_avg"].equal(
        real["optimizer"]["state"][0]["exp_avg"]
    )


@pytest.mark.parametrize("part", ["model", "ema"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_part_alone_loads_into_the_module(
    training: Path, tmp_path: Path, part: str, suffix: str
) -> None:
    out = tmp_path / f"o{suffix}"
    done = convert(open_checkpoint(training), out, Wanted(only=part))
    found = load_file(out) if suffix == ".safetensors" else torch.load(out, weights_only=True)
    assert_same(found, torch.load(training, weights_only=True)[part])
    torch.nn.Linear(3, 2).load_state_dict(found)
    assert len(done.left_out) == 2
    assert any("AdamW" in title for title in done.left_out)


def test_without_the_optimizer_the_rest_stays(training: Path, tmp_path: Path) -> None:
    done = convert(open_checkpoint(training), tmp_path / "o.pt", Wanted(optimizer=False))
    found = torch.load(tmp_path / "o.pt", weights_only=True)
    real = torch.load(training, weights_only=True)
    assert found["epoch"] == 3
    assert_same(found["model"], real["model"])
    assert "state" not in found.get("optimizer", {}) or not found["optimizer"]["state"]
    assert len(done.left_out) == 1
    convert(open_checkpoint(training), tmp_path / "o.safetensors", Wanted(optimizer=False))
    wanted = {f"{p}.{n}": t for p in ("model", "ema") for n, t in real[p].items()}
    assert_same(load_file(tmp_path / "o.safetensors"), wanted)


def test_tied_weights_of_torch_stay_tied(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    torch.save({"a": weight, "b": weight, "t": weight.T}, tmp_path / "a.pt")
    convert(open_checkpoint(tmp_path / "a.pt"), tmp_path / "b.pt", Wanted("float16"))
    found = torch.load(tmp_path / "b.pt", weights_only=True)
    found["a"][0, 0] = 9
    assert found["b"][0, 0] == found["t"][0, 0] == 9
    assert found["t"].equal(found["a"].T)


def test_numpy_archives_and_shards_can_be_converted(tmp_path: Path) -> None:
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "big": np.array([1.5], ">f8")}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    convert(open_checkpoint(tmp_path / "a.npz"), tmp_path / "a.safetensors", Wanted())
    found = load_file(tmp_path / "a.safetensors")
    assert found["w"].equal(torch.from_numpy(arrays["w"]))
    assert found["big"].tolist() == [1.5]
    index = {"weight_map": {"x": "1.safetensors", "y": "2.safetensors"}}
    (tmp_path / "m.safetensors.index.json").write_text(json.dumps(index))
    save_file({"x": torch.ones(2)}, tmp_path / "1.safetensors")
    save_file({"y": torch.zeros(2)}, tmp_path / "2.safetensors")
    source = open_checkpoint(tmp_path / "m.safetensors.index.json")
    convert(source, tmp_path / "one.safetensors", Wanted())
    assert_same(load_file(tmp_path / "one.safetensors"), {"x": torch.ones(2), "y": torch.zeros(2)})
