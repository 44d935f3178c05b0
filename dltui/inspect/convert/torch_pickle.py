"""The pickle inside a PyTorch archive, written without torch and without the pickle module.

Only plain values and tensors stand in it, in the opcodes of protocol 2 that
`torch.load(weights_only=True)` takes (torch/_weights_only_unpickler.py).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
    "complex128": "ComplexDoubleStorage",
    "complex64": "ComplexFloatStorage",
}
"""Types that have a storage class; the newer ones are views on an untyped one."""


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """A tensor as the pickle names it: a window on a storage of the archive."""

    key: str
    """Of the storage: its file is `data/KEY`."""
    storage_elements: int
    storage_bytes: int
    dtype: str
    shape: tuple[int, ...]
    offset: int
    stride: tuple[int, ...]


def pickled(value: Any) -> bytes:
    """A nested dict, list, text, number, truth value, None or `TensorRecord` as a pickle."""
    return _Pickle().of(value)


class _Pickle:
    """Collects the opcodes; what it calls for more than once is kept in the memo."""

    def __init__(self) -> None:
        self._out = bytearray(b"\x80\x02")
        self._memo: dict[str, int] = {}

    def of(self, value: Any) -> bytes:
        self._add(value)
        return bytes(self._out + b".")

    def _add(self, value: Any) -> None:
        if isinstance(value, TensorRecord):
            self._tensor(value)
        elif isinstance(value, Mapping):
            self._out += b"}("
            for key, item in value.items():
                self._add(key)
                self._add(item)
            self._out += b"u"
        elif isinstance(value, tuple):
            self._tuple(value)
        elif isinstance(value, list):
            self._out += b"]("
            for item in value:
                self._add(item)
            self._out += b"e"
        else:
            self._out += _scalar(value)

    def _tuple(self, items: Sequence[Any]) -> None:
        self._out += b"("
        for item in items:
            self._add(item)
        self._out += b"t"

    def _tensor(self, record: TensorRecord) -> None:
        storage_class = _STORAGES.get(record.dtype)
        self._global("torch._utils", f"_rebuild_tensor_v{2 if storage_class else 3}")
        self._out += b"("
        self._storage(record, storage_class)
        self._add(record.offset)
        self._tuple(record.shape)
        self._tuple(record.stride)
        self._add(False)
        self._global("collections", "OrderedDict")
        self._out += b")R"
        if storage_class is None:
            self._global("torch", record.dtype)
        self._out += b"tR"

    def _storage(self, record: TensorRecord, storage_class: str | None) -> None:
        self._out += b"("
        self._add("storage")
        if storage_class:
            self._global("torch", storage_class)
        else:
            self._global("torch.storage", "UntypedStorage")
        self._add(record.key)
        self._add("cpu")
        self._add(record.storage_elements if storage_class else record.storage_bytes)
        self._out += b"tQ"

    def _global(self, module: str, name: str) -> None:
        self._once(f"{module} {name}", lambda: f"c{module}\n{name}\n".encode())

    def _once(self, key: str, write: Callable[[], bytes]) -> None:
        if key in self._memo:
            self._out += b"h" + bytes([self._memo[key]])
            return
        self._memo[key] = len(self._memo)
        self._out += write() + b"q" + bytes([self._memo[key]])


def _scalar(value: Any) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(text)) + text
    raise TypeError(f"{type(value).__name__} is no plain value")


def _integer(value: int) -> bytes:
    if 0 <= value < 1 << 8:
        return b"K" + bytes([value])
    if 0 <= value < 1 << 16:
        return b"M" + struct.pack("<H", value)
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    return (
        b"\x8a" + bytes([size]) if size < 1 << 8 else b"\x8b" + struct.pack("<i", size)
    ) + value.to_bytes(size, "little", signed=True)
