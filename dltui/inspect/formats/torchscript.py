"""TorchScript archives (`torch.jit.save`): a pickled module tree, constants, and code as text.

```
name/data.pkl       the module: attributes by name, tensors in name/data/
name/constants.pkl  tensors that the code names, in name/constants/
name/code/…         the classes; never run, but their constants are settings
```
"""

from __future__ import annotations

import ast
import re
from typing import Any

from dltui.inspect.contents import Checkpoint, Module, Tensor
from dltui.inspect.formats.torch_zip import archive_root, read_pickle
from dltui.inspect.pickles.sharing import shared_storages
from dltui.inspect.source import Source
from dltui.inspect.zip_archive import Archive, begins_as_zip, directory_bytes
from dltui.records import replaced

_MAX_CODE_BYTES = 4 << 20
_MAX_VALUE_LENGTH = 200
_CLASS = re.compile(r"class (\w+)\(Module\):")
_CONSTANT = re.compile(r"  (\w+) : Final\[.*?\] = (.+)")
_LISTED = re.compile(r"  __(parameters|buffers)__ = \[(.*)\]")


def sniff(head: bytes, source: Source) -> bool:
    """A zip archive with constants beside its pickle."""
    return begins_as_zip(head) and b"/constants.pkl" in directory_bytes(source)


def read(source: Source) -> Checkpoint:
    """The module's tensors, its tree with classes and settings. Raises CheckpointError."""
    budget = source.budget
    archive = Archive(source, budget)
    root = archive_root(archive, "constants.pkl")
    naming, metadata, globals_ = read_pickle(archive, budget, root, "data.pkl")
    constants, _, more = read_pickle(
        archive, budget, root, "constants.pkl", "constants/", "constants"
    )
    code = _Code(archive, root)
    modules = {
        path: code.completed(module, naming.script_classes.get(path, ""))
        for path, module in naming.modules.items()
    }
    kinds = code.kinds(naming.script_classes)
    tensors = [_of_kind(tensor, kinds) for tensor in naming.tensors]
    tensors += [replaced(t, storage=f"constants/{t.storage}") for t in constants.tensors]
    return Checkpoint(
        path=source.path,
        format="TorchScript",
        files=(source.path,),
        size_bytes=source.size,
        tensors=shared_storages(tensors),
        globals=tuple(dict.fromkeys(globals_ + more)),
        metadata={**metadata, "code": code.sizes},
        modules=modules,
        notes=(*naming.notes, *code.notes),
    )


def _of_kind(tensor: Tensor, kinds: dict[str, str]) -> Tensor:
    kind = kinds.get(tensor.name)
    return tensor if kind is None else replaced(tensor, kind=kind)


class _Code:
    """The classes that stand as text in the archive."""

    def __init__(self, archive: Archive, root: str):
        self._settings: dict[str, dict[str, Any]] = {}
        self._listed: dict[str, dict[str, str]] = {}
        self.sizes: dict[str, int] = {}
        self.notes: list[str] = []
        folder, left = root + "code/", _MAX_CODE_BYTES
        for name in archive:
            if not name.startswith(folder) or not name.endswith(".py"):
                continue
            size = archive.member(name).inflated_bytes
            file = name.removeprefix(folder)
            self.sizes[file] = size
            left -= size
            if left < 0:
                self.notes = ["Of the code only the first 4 MB were looked at."]
                continue
            text = archive.read(name, _MAX_CODE_BYTES).decode("utf-8", "replace")
            self._read(file.removesuffix(".py").replace("/", "."), text)

    def _read(self, module: str, text: str) -> None:
        name = ""
        for line in text.splitlines():
            if found := _CLASS.match(line):
                name = f"{module}.{found[1]}"
            elif found := _CONSTANT.match(line):
                self._settings.setdefault(name, {})[found[1]] = _literal(found[2])
            elif found := _LISTED.match(line):
                kind = found[1].removesuffix("s")
                listed = self._listed.setdefault(name, {})
                listed |= dict.fromkeys(re.findall(r'"([^"]+)"', found[2]), kind)

    def completed(self, module: Module, script_class: str) -> Module:
        """The module with the constants of its class among its settings."""
        settings = {**self._settings.get(script_class, {}), **module.settings}
        return Module(module.class_name, settings)

    def kinds(self, classes: dict[str, str]) -> dict[str, str]:
        """`parameter` or `buffer` by the tensor's name."""
        return {
            f"{path}.{name}" if path else name: kind
            for path, script_class in classes.items()
            for name, kind in self._listed.get(script_class, {}).items()
        }


def _literal(text: str) -> Any:
    """A constant's value if it is plain, else its text."""
    if len(text) > _MAX_VALUE_LENGTH:
        return text[:_MAX_VALUE_LENGTH] + "…"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return list(value) if isinstance(value, tuple) else value
