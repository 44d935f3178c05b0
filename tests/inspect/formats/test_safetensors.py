"""safetensors files: what the library wrote is read bit for bit, and lying headers are refused."""

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.dtypes import stored_dtype
from dltui.inspect.values import Values

DTYPES = [
    *("bool", "uint8", "int8", "int16", "int32", "int64", "complex64"),
    *("float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"),
]


def test_every_type_is_read_bit_for_bit(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = {name: (torch.randn(3, 5) * 4).to(getattr(torch, name)) for name in DTYPES} | {
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
    }
    save_file(tensors, tmp_path / "m.safetensors", metadata={"format": "pt"})
    found = open_checkpoint(tmp_path / "m.safetensors")
    assert found.format == "safetensors"
    assert found.metadata == {"format": "pt"}
    with Values(found) as values:
        for tensor in found.tensors:
            real = tensors[tensor.name]
            assert tensor.shape == tuple(real.shape)
            stored = values.stored(tensor)
            assert stored.dtype == stored_dtype(tensor.dtype)
            assert (
                stored.tobytes()
                == real.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            )
            if "complex" not in tensor.dtype and tensor.dtype != "bool":
                whole = values.whole(tensor).astype(np.float64)
                np.testing.assert_array_equal(whole, real.double().numpy())


def write(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


LIES = {
    "past the end": ({"a": entry([4], 0, 16)}, bytes(8), "outside"),
    "negative": ({"a": entry([1], -4, 0)}, bytes(8), "outside"),
    "another shape": ({"a": entry([5], 0, 16)}, bytes(16), "not its shape"),
    "negative size": ({"a": entry([-2, -2], 0, 16)}, bytes(16), "negative size"),
    "unknown type": ({"a": entry([4], 0, 16, "F31")}, bytes(16), "F31"),
    "a name twice": (
        b'{"a": {"dtype":"U8","shape":[0],"data_offsets":[0,0]},'
        b' "a": {"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
        b"",
        "twice",
    ),
    "nested deep": (b'{"a":' + b"[" * 100_000, b"", "JSON"),
    "no object": (b'{"a": 3}', b"", "'a'"),
    "overlapping": ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12), "overlaps"),
    "the same bytes": ({"a": entry([2], 0, 8), "b": entry([2], 0, 8)}, bytes(8), "overlaps"),
    "too many dimensions": ({"a": entry([1] * 900, 0, 4)}, bytes(4), "900 dimensions"),
    "empty and endless": ({"a": entry([0, 10**30], 0, 0)}, b"", "elements"),
    "half a surrogate": (rb'{"\ud800": {}}', b"", "JSON"),
    "half a byte": ({"a": entry([3], 0, 2, "F4")}, bytes(2), "not its shape"),
    "metadata of numbers": ({"__metadata__": {"a": 1}}, b"", "texts"),
    "two objects": (b"{} {}", b"", "follows"),
    "cut off": (b'{"a": {"dtype": "F32", ', b"", "does not end"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_header_is_refused(tmp_path: Path, lie: str) -> None:
    header, data, message = LIES[lie]
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(write(tmp_path / "f", header, data))


def test_a_header_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="header of"):
        open_checkpoint(write(tmp_path / "f", {"a": entry([1], 0, 4)}, bytes(4), length=1 << 40))


def test_four_bit_floats_are_unpacked_as_torch_packs_them(tmp_path: Path) -> None:
    codes = torch.arange(256, dtype=torch.uint8).reshape(16, 16)
    save_file({"w": codes.view(torch.float4_e2m1fn_x2)}, tmp_path / "m.safetensors")
    found = open_checkpoint(tmp_path / "m.safetensors")
    (tensor,) = found.tensors
    assert (tensor.shape, tensor.dtype, tensor.size_bytes) == ((16, 32), "float4_e2m1fn", 256)
    with Values(found) as values:
        whole = values.whole(tensor)
        halves = np.stack([codes.numpy() & 15, codes.numpy() >> 4], axis=-1).reshape(16, 32)
        reference = halves.view(ml_dtypes.float4_e2m1fn).astype(np.float32)
        np.testing.assert_array_equal(whole, reference)
        chunks = np.concatenate(list(values.chunks(tensor, chunk_bytes=100)))
        np.testing.assert_array_equal(chunks, whole.reshape(-1))


def test_six_bit_floats_are_listed_and_their_values_refused(tmp_path: Path) -> None:
    found = open_checkpoint(write(tmp_path / "f", {"a": entry([4], 0, 3, "F6_E2M3")}, bytes(3)))
    assert found.tensors[0].dtype == "float6_e2m3fn"
    with Values(found) as values, pytest.raises(CheckpointError, match="F6_E2M3"):
        values.whole(found.tensors[0])


def test_bytes_between_tensors_are_said(tmp_path: Path) -> None:
    header = {"a": entry([1], 0, 4), "b": entry([1], 12, 16)}
    found = open_checkpoint(write(tmp_path / "f", header, bytes(20)))
    assert found.notes == ("12 bytes of the file belong to no tensor.",)


def test_metadata_with_braces_and_escapes_is_kept(tmp_path: Path) -> None:
    metadata = {"tags": json.dumps({"a": ["}", '"', "\\"]}), "[red]ü": "\x1b[31m"}
    save_file({"a.ü": torch.ones(2)}, tmp_path / "m.safetensors", metadata=metadata)
    found = open_checkpoint(tmp_path / "m.safetensors")
    assert found.metadata == metadata
    assert found.tensors[0].name == "a.ü"
