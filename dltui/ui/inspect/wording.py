"""Shapes, types and sizes in a few characters."""

from __future__ import annotations

from pathlib import Path

from dltui.inspect.contents import Tensor
from dltui.inspect.text import size_text

_SHORT = {
    "float64": "f64",
    "float32": "f32",
    "float16": "f16",
    "bfloat16": "bf16",
    "float8_e4m3fn": "f8e4m3",
    "float8_e4m3fnuz": "f8e4m3",
    "float8_e5m2": "f8e5m2",
    "float8_e5m2fnuz": "f8e5m2",
    "float8_e8m0fnu": "f8e8m0",
    "int64": "i64",
    "int32": "i32",
    "int16": "i16",
    "int8": "i8",
    "uint64": "u64",
    "uint32": "u32",
    "uint16": "u16",
    "uint8": "u8",
    "complex32": "c32",
    "complex64": "c64",
    "complex128": "c128",
}


def short_dtype(dtype: str) -> str:
    """`bf16`, `f32`; a packed type keeps its own name."""
    return _SHORT.get(dtype, dtype)


def file_title(path: Path) -> str:
    """The name of a file; of a run's checkpoint the run's name too."""
    if path.parent.name == "checkpoints":
        return f"{path.parent.parent.name[16:] or path.parent.parent.name}/{path.name}"
    return path.name or str(path)


def count_text(count: int, width: int) -> str:
    """A count in at most `width` characters: `11,689,512`, else `11.7M`."""
    full = f"{count:,}"
    if len(full) <= width:
        return full
    for limit, suffix in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= limit:
            return f"{count / limit:.3g}{suffix}"
    return full


def tensor_words(tensor: Tensor) -> str:
    """`float32 [64, 64, 3, 3]  147 kB`."""
    return f"{tensor.dtype} {list(tensor.shape)}  {size_text(tensor.size_bytes)}"
