"""What reads HDF5 with the C library, in a process of its own that may fail, hang or be killed.

Started by `hdf5_process.py` as a plain script, without the rest of dltui: the library was not made
for files that mean harm. It reads from a descriptor that is open already, in a range of it, within
a limit of memory; it opens no other file, and follows no link that leads to one.

Each request is a line of JSON on standard input, each answer a line of JSON on standard output,
after which the bytes that it announces follow.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any

_MAX_DEPTH = 64
_MAX_DATASETS = 160_000
_MAX_NOTES = 20
_MAX_TEXT = 1 << 22
_MAX_ITEMS = 64
_INFLATES_AT_MOST = 1100
"""Deflate makes at most 1,032 bytes of one."""
_SLACK_BYTES = 1 << 20


class _Range(io.RawIOBase):
    """A range of a file that is open already, as a file of its own."""

    def __init__(self, descriptor: int, begin: int, size: int):
        self._descriptor, self._begin, self._size = descriptor, begin, size
        self._position = 0

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        wanted = max(min(len(view), self._size - self._position), 0)
        data = os.pread(self._descriptor, wanted, self._begin + self._position)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _listed(root: Any, h5py: Any) -> Iterator[dict[str, Any]]:
    """Attributes of the root and of its groups, and all datasets, as records for JSON."""
    yield {"attributes": "", "values": _attributes(root)}
    seen: set[int] = set()
    notes: set[str] = set()
    datasets = 0
    waiting: list[tuple[str, Any, int]] = [("", root, 0)]
    while waiting:
        path, group, depth = waiting.pop()
        groups: list[tuple[str, Any, int]] = []
        for name in group:
            where = f"{path}/{name}" if path else name
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                notes.add("Links to other places of the file or to other files are not followed.")
                continue
            found = group.get(name)
            address = int(h5py.h5o.get_info(found.id).addr)
            if isinstance(found, h5py.Dataset):
                datasets += 1
                if datasets > _MAX_DATASETS:
                    yield {"error": f"more than {_MAX_DATASETS:,} datasets"}
                    return
                yield {"dataset": where, "address": address, **_dataset(found, notes, where)}
            elif isinstance(found, h5py.Group) and address not in seen:
                seen.add(address)
                if depth == _MAX_DEPTH:
                    yield {"error": f"groups nested deeper than {_MAX_DEPTH}"}
                    return
                if depth == 0:
                    yield {"attributes": where, "values": _attributes(found)}
                groups.append((where, found, depth + 1))
        waiting += reversed(groups)
    yield from ({"note": note} for note in sorted(notes)[:_MAX_NOTES])


def _dataset(dataset: Any, notes: set[str], where: str) -> dict[str, Any]:
    """Shape, type and place; a reason instead of a type where its values cannot be read."""
    shape = dataset.shape
    try:
        dtype = dataset.dtype
    except (TypeError, ValueError):
        return {"shape": list(shape or ()), "why": "a type that numpy does not have"}
    said: dict[str, Any] = {"shape": list(shape or ()), "dtype": dtype.str, "offset": None}
    if shape is None:
        said["why"] = "nothing"
    elif dtype.kind not in "biufcV" or dtype.names or dtype.subdtype or dtype.hasobject:
        said["why"] = "texts" if dtype.kind in "OSU" else "records"
    elif dataset.is_virtual or dataset.external:
        said["why"] = "values that are in other files"
    else:
        stored = dataset.id.get_storage_size()
        if dataset.nbytes > stored * _INFLATES_AT_MOST + _SLACK_BYTES:
            said["why"] = f"{dataset.nbytes:,} bytes by its shape and {stored:,} in the file"
        if not dataset.chunks and stored == dataset.nbytes:
            said["offset"] = dataset.id.get_offset()
        said["rows"] = dataset.chunks[0] if dataset.chunks else 1
    if dtype.kind == "V":
        said["named"] = _plain(dataset.attrs.get("dtype"))
    return said


def _attributes(holder: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, name in enumerate(holder.attrs):
        if number == _MAX_ITEMS:
            break
        try:
            found[name] = _plain(holder.attrs[name])
        except (OSError, TypeError, ValueError, KeyError):
            found[name] = "not readable"
    return found


def _plain(value: Any) -> Any:
    """An attribute as JSON has it; what is long is cut."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    if value is None or isinstance(value, bool | int | float):
        return value
    if getattr(value, "shape", None) == ():
        return _plain(value.item())
    if hasattr(value, "tolist"):
        return [_plain(item) for item in value.reshape(-1)[:_MAX_ITEMS].tolist()]
    return str(value)[:200]


def _answer(record: dict[str, Any], data: bytes = b"", more: bool = False) -> None:
    sys.stdout.buffer.write(json.dumps({**record, "bytes": len(data)}).encode() + b"\n" + data)
    if not more:
        sys.stdout.buffer.flush()


def _rows(root: Any, request: dict[str, Any]) -> bytes:
    dataset = root[request["path"]]
    first = request["first"]
    chosen = slice(first, first + request["rows"]) if dataset.shape else ()
    data: bytes = dataset[chosen].tobytes()
    return data


def _serve(root: Any, h5py: Any) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "path" in request:
                _answer({}, _rows(root, request))
                continue
            for record in _listed(root, h5py):
                _answer(record, more=True)
            _answer({"end": True})
        except (Exception, MemoryError) as error:  # noqa: BLE001 - the library may raise anything
            _answer({"error": _one_line(error)})


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _limit(memory_bytes: int) -> None:
    """No more than `memory_bytes` above what the libraries have taken by now, and no core file."""
    try:
        with open("/proc/self/statm") as pages:
            taken = int(pages.read().split()[0]) * resource.getpagesize()
    except OSError:  # macOS has neither this nor a limit of addresses; the time limit stays
        taken = 1 << 40
    limits = ((resource.RLIMIT_AS, taken + memory_bytes), (resource.RLIMIT_CORE, 0))
    for kind, limit in limits:
        try:
            resource.setrlimit(kind, (limit, limit))
        except (OSError, ValueError):
            continue


def main() -> None:
    """Serve requests for the range of the descriptor that the arguments name."""
    descriptor, begin, size, memory_bytes = map(int, sys.argv[1:5])
    try:
        import h5py
    except ImportError as error:
        _answer({"missing": _one_line(error)})
        return
    _limit(memory_bytes)
    try:
        root = h5py.File(_Range(descriptor, begin, size), "r")
    except (Exception, MemoryError) as error:  # noqa: BLE001 - the library may raise anything
        _answer({"error": _one_line(error)})
        return
    _answer({"ready": True})
    _serve(root, h5py)


if __name__ == "__main__":
    main()
