"""`torch.export.save` (`.pt2`): a graph as JSON beside the weights.

Since 2.8 an archive of torch's own, `data/weights/` with raw storages and a JSON that says what
tensors lie on them; before, a zip archive with whole files of `torch.save` in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dltui.inspect import json_text
from dltui.inspect.budget import Budget
from dltui.inspect.checks import MAX_HEADER_BYTES, damaged, quoted
from dltui.inspect.contents import Checkpoint, Module, Tensor
from dltui.inspect.formats.torch_zip import archive_root, embedded_tensor, read_pickle
from dltui.inspect.pickles.nodes import Persistent
from dltui.inspect.pickles.sharing import shared_storages
from dltui.inspect.pickles.torch_tensors import Rebuilt, Storage, checked_place
from dltui.inspect.source import Source
from dltui.inspect.zip_archive import Archive, Part, begins_as_zip, directory_bytes
from dltui.records import replaced

FORMAT = "PyTorch export (.pt2)"
_OLD = {
    "serialized_state_dict.pt": "",
    "serialized_constants.pt": "constants",
    "serialized_state_dict.json": "",
    "serialized_constants.json": "constants",
}
"""Members of archives before 2.8, and the prefix of the names in them."""
_MAX_GRAPH_BYTES = 32 << 20
_MAX_PICKLED = 1000
_STACK = re.compile(rb'"nn_module_stack":\s*"([^"\\]*)"')

_DTYPES = {
    **{1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32"},
    **{8: "float64", 9: "complex32", 10: "complex64", 11: "complex128", 12: "bool"},
    **{13: "bfloat16", 28: "uint16", 29: "float8_e4m3fn", 30: "float8_e5m2"},
    **{31: "float8_e4m3fnuz", 32: "float8_e5m2fnuz", 33: "float8_e8m0fnu"},
    **{34: "uint32", 35: "uint64"},
}
"""torch/_export/serde/schema.py, ScalarType."""


def sniff(head: bytes, source: Source) -> bool:
    """A zip archive with the marks of either layout."""
    if not begins_as_zip(head):
        return False
    names = directory_bytes(source)
    return b"archive_format" in names or b"serialized_exported_program.json" in names


def read(source: Source) -> Checkpoint:
    """Parameters, buffers and constants of the program. Raises CheckpointError."""
    budget = source.budget
    archive = Archive(source, budget)
    if "serialized_exported_program.json" in archive:
        return _read_old(source, archive, budget)
    root = archive_root(archive, "archive_format")
    tensors: list[Tensor] = []
    modules: dict[str, Module] = {}
    metadata: dict[str, Any] = {}
    for name in archive:
        if name.endswith(("_weights_config.json", "_constants_config.json")):
            tensors += _listed(archive, name, budget)
        elif name.startswith(root + "models/") and name.endswith(".json"):
            graph = _graph(archive, name)
            modules |= _modules(graph)
            metadata |= _facts(graph)
    return Checkpoint(
        path=source.path,
        format=FORMAT,
        files=(source.path,),
        size_bytes=source.size,
        tensors=shared_storages(tensors),
        metadata=metadata,
        modules=modules,
    )


def _listed(archive: Archive, name: str, budget: Budget) -> Iterator[Tensor]:
    """The tensors of one `…_config.json`, whose storages lie beside it."""
    text = archive.read(name, MAX_HEADER_BYTES)
    folder = name[: name.rfind("/") + 1]
    prefix = "constants." if folder.endswith("constants/") else ""
    config, pickled = _member(text, "config"), 0
    for key, begin, end in _objects(archive, config):
        budget.take(900 + 4 * len(key))
        pickled += b'"use_pickle": true' in config[begin:end]
        if pickled > _MAX_PICKLED:
            raise damaged(FORMAT, archive.source.path, "too many of its weights are pickled")
        try:
            entry = json_text.value(config[begin:end])
        except ValueError as error:
            raise damaged(FORMAT, archive.source.path, f"{quoted(key)}: {error}") from error
        tensor = _tensor(archive, folder, prefix + key, entry)
        if tensor is not None:
            yield tensor


def _objects(archive: Archive, text: bytes) -> Iterator[tuple[str, int, int]]:
    try:
        yield from json_text.members(text, 0, len(text))
    except ValueError as error:
        raise damaged(FORMAT, archive.source.path, f"a list of weights: {error}") from error


def _member(text: bytes, wanted: str) -> bytes:
    try:
        for key, begin, end in json_text.members(text, 0, len(text)):
            if key == wanted:
                return text[begin:end]
    except ValueError:
        return b""
    return b"{}"


def _tensor(archive: Archive, folder: str, name: str, entry: Any) -> Tensor | None:
    """One entry of the list; None for a constant that is no tensor."""
    match entry:
        case {"path_name": str(file), "use_pickle": bool(pickled), "tensor_meta": meta}:
            pass
        case _:
            raise damaged(FORMAT, archive.source.path, f"{quoted(name)} has no place")
    if meta is None:
        return None
    member = archive.member(folder + file)
    extent = archive.extent(member)
    kind = "parameter" if entry.get("is_param") is True else ""
    if pickled:
        found = embedded_tensor(archive.source, extent)
        return replaced(found, name=name, kind=kind, storage="")
    try:
        shape, stride = _numbers(meta, "sizes"), _numbers(meta, "strides")
        offset, dtype = _number(meta["storage_offset"]), _DTYPES[meta["dtype"]]
        inflated = member.inflated_bytes if member.deflated else None
        rebuilt = Rebuilt(Persistent(None), offset, shape, stride, dtype)
        place, size = checked_place(rebuilt, Storage(file, dtype, extent, inflated), dtype)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(FORMAT, archive.source.path, f"{quoted(name)}: {error}") from error
    return Tensor(name, shape, dtype, size, place, folder + file, kind)


def _numbers(meta: dict[str, Any], key: str) -> tuple[int, ...]:
    return tuple(_number(each) for each in meta[key])


def _number(each: Any) -> int:
    match each:
        case {"as_int": int(number)} if number >= 0:
            return number
    raise ValueError("a size that is no number")


def _graph(archive: Archive, name: str) -> bytes:
    return archive.read(name, _MAX_GRAPH_BYTES)


def _modules(graph: bytes) -> dict[str, Module]:
    """Modules by path, from the trace that each operator of the graph carries."""
    found: dict[str, Module] = {}
    for stack in dict.fromkeys(match[1] for match in _STACK.finditer(graph)):
        for level in stack.decode("utf-8", "replace").split(";"):
            _, _, rest = level.partition(",")
            path, _, class_name = rest.rpartition(",")
            if class_name:
                found.setdefault(path, Module(class_name))
    return dict(sorted(found.items(), key=lambda item: item[0].count(".") + bool(item[0])))


def _facts(graph: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    try:
        for key, begin, end in json_text.members(graph, 0, len(graph)):
            if key in ("torch_version", "schema_version", "opset_version"):
                facts[key] = json_text.value(graph[begin:end])
    except ValueError:
        return facts
    return facts


def _read_old(source: Source, archive: Archive, budget: Budget) -> Checkpoint:
    tensors: list[Tensor] = []
    globals_: tuple[str, ...] = ()
    for name, prefix in _OLD.items():
        if name not in archive:
            continue
        member = archive.member(name)
        if member.deflated:
            raise damaged(FORMAT, source.path, f"{name} in it is compressed, as torch never does")
        extent = archive.extent(member)
        inner = Archive(source, budget, Part(source, extent.offset, extent.size))
        root = archive_root(inner, "data.pkl")
        naming, _, more = read_pickle(inner, budget, root, "data.pkl", prefix=prefix)
        tensors += [replaced(t, storage=f"{name}/{t.storage}") for t in naming.tensors]
        globals_ += more
    graph = _graph(archive, "serialized_exported_program.json")
    return Checkpoint(
        path=source.path,
        format=FORMAT,
        files=(source.path,),
        size_bytes=source.size,
        tensors=shared_storages(tensors),
        globals=tuple(dict.fromkeys(globals_)),
        metadata=_facts(graph),
        modules=_modules(graph),
    )
