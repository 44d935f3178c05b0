"""Files that torch writes, and what they hold beside what is read of them."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dltui.inspect import Checkpoint, open_checkpoint
from dltui.inspect.values import Values


def saved(path: Path, content: Any, **how: Any) -> Checkpoint:
    torch.save(content, path, **how)
    return open_checkpoint(path)


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def assert_same_bits(found: Checkpoint, real: Mapping[str, torch.Tensor]) -> None:
    """Names in their order, types, shapes, and every element, whole and in chunks."""
    assert [tensor.name for tensor in found.tensors] == list(real)
    with Values(found) as values:
        for tensor in found.tensors:
            expected = real[tensor.name]
            assert tensor.shape == tuple(expected.shape)
            assert f"torch.{tensor.dtype}" == str(expected.dtype)
            assert values.stored(tensor).tobytes() == bits(expected)
            chunks = [chunk.copy() for chunk in values.chunks(tensor, 8)]
            assert sum(len(chunk) for chunk in chunks) == expected.numel()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Sequential(nn.Linear(4, 2))
    )


def rewritten(
    old: Path, new: Path, change: Callable[[str, bytes], bytes], how: int = zipfile.ZIP_STORED
) -> Path:
    """The archive with every member's data as `change(name, data)` gives it."""
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, "w", how) as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
    return new
