"""safetensors files: what the library wrote is read bit for bit, and lying headers are refused."""

import json
from pathlib import Path

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
    "negative size": ({"a": entry([-2, -2], 0, 16)}, bytes(16), "shape"),
    "unknown type": ({"a": entry([4], 0, 16, "F31")}, bytes(16), "F31"),
    "a name twice": (b'{"a": {}, "a": {}}', b"", "twice"),
    "nested deep": (b'{"a":' + b"[" * 100_000, b"", "JSON"),
    "no object": (b'{"a": 3}', b"", "'a'"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_header_is_refused(tmp_path: Path, lie: str) -> None:
    header, data, message = LIES[lie]
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(write(tmp_path / "f", header, data))


def test_a_header_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="header of"):
        open_checkpoint(write(tmp_path / "f", {"a": entry([1], 0, 4)}, bytes(4), length=1 << 40))
