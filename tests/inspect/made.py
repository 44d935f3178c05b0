"""Checkpoints without a file, for what only looks at names, shapes and metadata."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch

from dltui.inspect.contents import BITS, Checkpoint, Module, Tensor


def tensor(name: str, *shape: int, dtype: str = "float32", storage: str = "") -> Tensor:
    return Tensor(name, shape, dtype, prod(shape) * BITS[dtype] // 8, None, storage)


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
