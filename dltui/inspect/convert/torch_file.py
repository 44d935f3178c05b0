"""Writes PyTorch's zip archive: stored, not compressed, each storage at a multiple of 64 bytes.

So `torch.load(mmap=True, weights_only=True)` reads it in place. The layout is that of
`torch.save` (caffe2/serialize/inline_container.cc).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from typing import Any, BinaryIO

from dltui.inspect.convert.plan import Plan, storages
from dltui.inspect.convert.streaming import Stream
from dltui.inspect.convert.torch_pickle import TensorRecord, pickled

_ALIGNMENT = 64
_ROOT = "archive"
_ZIP64_FROM_BYTES = 1 << 30
"""Well before what 32 bits can count; both kinds of entry are read the same."""
_LOCAL_HEADER_BYTES = 30
_ZIP64_EXTRA_BYTES = 20


def write_torch(file: BinaryIO, plan: Plan, stream: Stream) -> None:
    """Fills an empty file. Entries that share their bytes in the checkpoint share them again."""
    written = storages(plan.entries)
    content: dict[str | int, Any] = {}
    _merge(content, plan.metadata)
    for key, storage in enumerate(written):
        for entry, offset, stride in storage.windows:
            record = TensorRecord(
                str(key),
                storage.source.elements,
                storage.size_bytes,
                entry.dtype,
                entry.tensor.shape,
                offset,
                stride,
            )
            _put(content, entry.path, record)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        text = pickled(content)
        _add(archive, file, "data.pkl", len(text), [text])
        _add(archive, file, ".format_version", 1, [b"1"])
        _add(archive, file, ".storage_alignment", 2, [b"64"])
        _add(archive, file, "byteorder", 6, [b"little"])
        for key, storage in enumerate(written):
            pieces = stream.pieces(storage.source, storage.dtype)
            _add(archive, file, f"data/{key}", storage.size_bytes, pieces)
        _add(archive, file, "version", 2, [b"3\n"])


def _add(
    archive: zipfile.ZipFile, file: BinaryIO, name: str, size: int, pieces: Iterable[bytes]
) -> None:
    entry = zipfile.ZipInfo(f"{_ROOT}/{name}")
    entry.file_size = size
    is_large = size >= _ZIP64_FROM_BYTES
    header = _LOCAL_HEADER_BYTES + len(entry.filename) + (_ZIP64_EXTRA_BYTES if is_large else 0)
    entry.extra = _padding(file.tell() + header)
    with archive.open(entry, "w", force_zip64=is_large) as member:
        if file.tell() % _ALIGNMENT:
            raise RuntimeError(f"{name} begins at byte {file.tell()}, not a multiple of 64")
        for piece in pieces:
            member.write(piece)


def _padding(position: int) -> bytes:
    """An extra field of the entry, as torch pads with, that ends at a multiple of 64."""
    missing = -position % _ALIGNMENT
    if missing == 0:
        return b""
    size = missing if missing >= 4 else missing + _ALIGNMENT
    return b"FB" + (size - 4).to_bytes(2, "little") + b"Z" * (size - 4)


def _put(content: Any, path: tuple[str | int, ...], record: TensorRecord) -> None:
    """Puts a tensor at its place in nested dictionaries and lists, made where they are missing."""
    inner = content
    for step in path[:-1]:
        if isinstance(inner, list) and isinstance(step, int) and step < len(inner):
            inner = inner[step]
            continue
        found = inner.get(step)
        if not isinstance(found, dict | list):
            found = inner[step] = {}
        inner = found
    inner[path[-1]] = record


def _merge(content: dict[str | int, Any], metadata: Any, *, depth: int = 0) -> None:
    """Metadata as it stood beside the tensors; the numbers by which an optimizer counts its
    parameters are numbers again."""
    for key, value in metadata.items():
        name = int(key) if depth and isinstance(key, str) and _is_count(key) else key
        if isinstance(value, dict):
            inner: dict[str | int, Any] = {}
            _merge(inner, value, depth=depth + 1)
            content[name] = inner
        else:
            content[name] = value


def _is_count(key: str) -> bool:
    return key.isdecimal() and key.isascii() and len(key) < 10 and str(int(key)) == key
