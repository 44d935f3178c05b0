"""Checkpoints without a file, for what only looks at names, shapes and metadata."""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch

from dltui.inspect.contents import BITS, Checkpoint, Extent, Module, Plain, Tensor


def tensor(name: str, *shape: int, dtype: str = "float32", storage: str = "") -> Tensor:
    size_bytes = prod(shape) * BITS[dtype] // 8
    return Tensor(name, shape, dtype, size_bytes, Plain(Extent(0, 0, size_bytes)), storage)


def checkpoint(
    *tensors: Tensor,
    metadata: Mapping[str, Any] | None = None,
    modules: Mapping[str, Module] | None = None,
    format: str = "PyTorch zip",
) -> Checkpoint:
    return Checkpoint(
        Path("made.pt"),
        format,
        (Path("made.pt"),),
        sum(each.size_bytes for each in tensors),
        tensors,
        metadata=metadata or {},
        modules=modules or {},
    )


def of_state(state: Any, metadata: Mapping[str, Any] | None = None) -> Checkpoint:
    """As the readers show a nested dict that torch.save wrote: tensors by path, the rest apart."""
    found: list[Tensor] = []
    rest = _walk(state, "", found)
    return checkpoint(*found, metadata={**rest, **(metadata or {})})


def _walk(value: Any, path: str, found: list[Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        storage = "" if value.is_meta else str(value.untyped_storage().data_ptr())
        dtype = str(value.dtype).removeprefix("torch.")
        found.append(tensor(path, *value.shape, dtype=dtype, storage=storage))
        return found
    inner = f"{path}." if path else ""
    if isinstance(value, Mapping):
        walked = {key: _walk(each, f"{inner}{key}", found) for key, each in value.items()}
        return {key: each for key, each in walked.items() if each is not found}
    if isinstance(value, list | tuple):
        walked_list = [_walk(each, f"{inner}{i}", found) for i, each in enumerate(value)]
        return [each for each in walked_list if each is not found]
    return value


def write_in_order(path: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    """A safetensors file with the tensors as they come: the library itself sorts them."""
    header, data = {}, b""
    for name, value in tensors.items():
        stored = value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {
            "dtype": _CODES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + len(stored)],
        }
        data += stored
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


_CODES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.bool: "BOOL",
}
