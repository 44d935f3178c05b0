"""From inert nodes to what people look for: tensors by name, modules, and everything else as data.

A name is the way to a tensor: `model.layer1.0.conv1.weight`. A whole pickled module is walked as
torch names its parameters, without the `_modules` and `_parameters` between.
"""

from __future__ import annotations

from math import prod
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect.budget import Budget
from dltui.inspect.checks import shape_problem
from dltui.inspect.contents import Extent, Module, Plain, Tensor
from dltui.inspect.pickles.containers import entries_of, items_of
from dltui.inspect.pickles.nodes import ByteRange, Entries, Global, Instance, Node, Persistent
from dltui.inspect.pickles.numpy_values import Array, array, dtype_of, encoded_bytes, scalar
from dltui.inspect.pickles.torch_tensors import (
    Rebuilt,
    Storage,
    Storages,
    check_shape,
    checked_place,
    item_bytes,
    not_readable,
    rebuilt,
)
from dltui.records import replaced

MAX_DEPTH = 120
MAX_VISITS = 1_000_000
MAX_PLAIN_VALUES = 200_000
_TENSOR_BYTES = 650
"""Memory that one named tensor takes, without its name."""
_PLAIN_BYTES = 300
MAX_NAME_LENGTH = 2000
_MAX_KEY_PARTS = 8
_SHOWN_BYTES = 64
_PLAIN = (str, int, float)
_BYTES = (bytes, ByteRange)
_STATES = (Entries, tuple)
_LEFT_OUT: Any = object()
"""In place of a value that is a tensor or a module and stands elsewhere."""
_CODE = "__torch__."
"""TorchScript's classes begin with it."""


class Naming:
    """Walks one pickle's value. `tensors`, `modules` and `notes` fill as it goes.

    Raises CheckpointError where the pickle says of a tensor what cannot be, or unfolds to more
    than any checkpoint holds.
    """

    def __init__(self, storages: Storages, budget: Budget, pickle_begin: int | None = None):
        """`pickle_begin` is where in the file the pickle stands, if it stands there as it is."""
        self._storages = storages
        self._pickle_begin = pickle_begin
        self._budget = budget
        self._above: dict[int, str] = {}
        self._visits = 0
        self._plain_values = 0
        self._names: dict[str, int] = {}
        self.tensors: list[Tensor] = []
        self.modules: dict[str, Module] = {}
        self.script_classes: dict[str, str] = {}
        """TorchScript's own names of its modules' classes, by the modules' paths."""
        self.notes: dict[str, None] = {}

    def metadata(self, root: Node, path: str = "") -> dict[str, Any]:
        """Everything below `root` that is no tensor and no module."""
        found = self._value(root, path)
        if found is _LEFT_OUT:
            return {}
        return found if isinstance(found, dict) else {"value": found}

    def _visit(self, times: int = 1) -> None:
        self._visits += times
        if self._visits > MAX_VISITS:
            raise self._refused(f"it unfolds to more than {MAX_VISITS:,} values")

    def _value(self, node: Node, path: str) -> Any:
        if isinstance(node, Instance) and self._is_tensor(node, path):
            return _LEFT_OUT
        self._visit()
        if node is None or isinstance(node, _PLAIN):
            return self._plain(node)
        if isinstance(node, _BYTES):
            return self._plain(_bytes_shown(node))
        if isinstance(node, Global):
            return self._plain(node.path)
        if isinstance(node, Persistent):
            return self._bare_storage(node, path)
        if id(node) in self._above:
            return self._plain({"__cycle__": self._above[id(node)]})
        if len(self._above) >= MAX_DEPTH:
            raise self._refused(f"it is nested deeper than {MAX_DEPTH} levels")
        self._above[id(node)] = path
        try:
            return self._container(node, path)
        finally:
            del self._above[id(node)]

    def _container(self, node: Node, path: str) -> Any:
        if isinstance(node, Instance):
            self._visit(_effort(node.args))
        entries = entries_of(node)
        if entries is not None:
            return self._dictionary(entries.pairs, path)
        items = items_of(node)
        if items is not None:
            return self._list(items, path)
        return self._instance(node, path)

    def _dictionary(self, pairs: list[tuple[Node, Node]], path: str) -> Any:
        found: dict[str, Any] = {}
        for position, (key, value) in enumerate(pairs):
            name = _key(key, position)
            plain = self._value(value, _joined(path, name))
            if plain is not _LEFT_OUT:
                found[name] = plain
        return self._plain(found) if found or not pairs else _LEFT_OUT

    def _list(self, items: list[Node] | tuple[Node, ...], path: str) -> Any:
        found = [self._value(item, _joined(path, str(i))) for i, item in enumerate(items)]
        kept = [value for value in found if value is not _LEFT_OUT]
        return self._plain(kept) if kept or not items else _LEFT_OUT

    def _is_tensor(self, node: Instance, path: str) -> bool:
        """Whether the call rebuilds a tensor, which is named then."""
        try:
            tensor = rebuilt(node)
        except ValueError as error:
            raise not_readable(self._budget.path, error) from error
        except CheckpointError as error:
            where = str(self._budget.path)
            raise CheckpointError(error.message, where=where, remedy=error.remedy) from error
        if tensor is not None:
            self._tensor(tensor, path)
        return tensor is not None

    def _instance(self, node: Instance, path: str) -> Any:
        numbers = array(node)
        if numbers is not None:
            return self._array(numbers, path)
        simple = _simple(node)
        if simple is not None:
            return self._plain(simple)
        if node.class_name == "torch._utils._rebuild_sparse_tensor":
            return self._sparse(node, path)
        state = entries_of(node.state)
        self._visit(len(state.pairs) if state else 0)
        fields = state.by_name() if state else {}
        if "_modules" in fields and "_parameters" in fields:
            return self._module(node, fields, path)
        if node.class_name.startswith(_CODE):
            return self._script_module(node, fields, path)
        return self._object(node, path)

    def _sparse(self, node: Instance, path: str) -> Any:
        """A sparse tensor as the dense ones that it consists of."""
        match node.args:
            case (Instance(args=(str(layout), *_)), tuple([_, _, *_] as parts)):
                is_compressed = layout != "torch.sparse_coo"
            case _:
                raise not_readable(self._budget.path, f"{path}: a sparse tensor without parts")
        names = ("compressed_indices", "plain_indices") if is_compressed else ("indices",)
        found: dict[str, Any] = {"__class__": layout}
        for name, part in zip((*names, "values", "shape", "is_coalesced"), parts, strict=False):
            self._attribute(found, name, part, _joined(path, name))
        return self._plain(found)

    def _object(self, node: Instance, path: str) -> Any:
        """An object of any class: its class's name and its state, as far as that is plain."""
        found: dict[str, Any] = {"__class__": node.class_name or "?"}
        if node.args:
            self._attribute(found, "__args__", node.args, path)
        if node.kwargs is not None:
            self._attribute(found, "__kwargs__", node.kwargs, path)
        state = entries_of(node.state)
        for position, (key, value) in enumerate(state.pairs if state else []):
            name = _key(key, position)
            self._attribute(found, name, value, _joined(path, name))
        if node.state is not None and state is None:
            self._attribute(found, "__state__", node.state, path)
        if node.items is not None:
            self._attribute(found, "__items__", node.items, path)
        for position, (key, value) in enumerate(node.entries.pairs if node.entries else []):
            name = _key(key, position)
            self._attribute(found, name, value, _joined(path, name))
        return self._plain(found)

    def _attribute(self, found: dict[str, Any], name: str, value: Node, path: str) -> None:
        plain = self._value(value, path)
        if plain is not _LEFT_OUT:
            found[name] = plain

    def _module(self, node: Instance, fields: dict[str, Node], path: str) -> Any:
        """A pickled `nn.Module`: its parameters, buffers and modules under torch's own names."""
        self._place_for_module(node, path)
        for part, kind in (("_parameters", "parameter"), ("_buffers", "buffer"), ("_modules", "")):
            entries = entries_of(fields.get(part))
            for position, (key, value) in enumerate(entries.pairs if entries else []):
                if value is not None:
                    self._kind(value, _joined(path, _key(key, position)), kind)
        self._settings(fields, path)
        return _LEFT_OUT

    def _script_module(self, node: Instance, fields: dict[str, Node], path: str) -> Any:
        """A TorchScript module, whose attributes are tensors, modules and settings alike."""
        self._place_for_module(node, path)
        self._settings(fields, path)
        return _LEFT_OUT

    def _place_for_module(self, node: Instance, path: str) -> None:
        self._budget.take(_TENSOR_BYTES + _text_bytes(path))
        self.modules[path] = Module(_class_name(node))
        if node.class_name.startswith(_CODE):
            self.script_classes[path] = node.class_name

    def _settings(self, fields: dict[str, Node], path: str) -> None:
        """What else a module keeps under public names."""
        settings = {}
        for key, value in fields.items():
            if key.startswith("_") or key == "training":
                continue
            plain = self._value(value, _joined(path, key))
            if plain is not _LEFT_OUT:
                settings[key] = plain
        self.modules[path] = replaced(self.modules[path], settings=settings)

    def _kind(self, node: Node, path: str, kind: str) -> None:
        """Walk a module's own part; its tensors are of this kind."""
        first = len(self.tensors)
        self._value(node, path)
        if kind and len(self.tensors) > first and not self.tensors[first].kind:
            self.tensors[first] = replaced(self.tensors[first], kind=kind)

    def _tensor(self, found: Rebuilt, path: str) -> None:
        path = self._unique(path or "tensor")
        first = len(self.tensors)
        if found.state is not None and isinstance(found.state, _STATES):
            self._value(found.state, path)
        if found.storage is None:
            # A subclass (a sharded or quantised tensor) whose values are tensors in its state.
            if len(self.tensors) == first:
                self._add(found, None, path)
            return
        self._add(found, self._storages.find(found.storage), path)

    def _add(self, found: Rebuilt, storage: Storage | None, path: str) -> None:
        self._budget.take(_TENSOR_BYTES + _text_bytes(path))
        dtype = found.dtype or (storage.dtype if storage else "uint8")
        try:
            if storage is None or not storage.has_data:
                check_shape(found.shape, found.stride)
                tensor = Tensor(path, found.shape, dtype, 0, None, kind=found.kind)
            else:
                place, touched = checked_place(found, storage, dtype)
                tensor = Tensor(path, found.shape, dtype, touched, place, storage.key, found.kind)
        except ValueError as error:
            raise not_readable(self._budget.path, f"{path}: {error}") from error
        if found.is_conjugated:
            self.notes[f"{path} is to be conjugated; its values are shown as stored."] = None
        self.tensors.append(tensor)

    def _array(self, found: Array, path: str) -> Any:
        """A numpy array: a tensor where its bytes stand in the file as they are."""
        data, begin = found.data, self._pickle_begin
        size = prod(found.shape) * item_bytes(found.dtype)
        if shape_problem(found.shape) or begin is None or not isinstance(data, ByteRange):
            shown = {"__class__": "numpy.ndarray", "shape": list(found.shape[:64])}
            return self._plain({**shown, "dtype": found.dtype})
        if size != data.size:
            raise not_readable(self._budget.path, f"{path}: an array of another size than its data")
        path = self._unique(path or "array")
        self._budget.take(_TENSOR_BYTES + _text_bytes(path))
        place = Plain(Extent(0, begin + data.offset, size), found.big_endian, found.fortran_order)
        self.tensors.append(Tensor(path, found.shape, found.dtype, size, place))
        return _LEFT_OUT

    def _bare_storage(self, reference: Persistent, path: str) -> Any:
        """A storage that stands in the file without a tensor."""
        match reference.id:
            case ("storage", *_):
                storage = self._storages.find(reference)
            case ("module", *_):
                return self._value(reference.referred_class, path)
            case _:
                return self._plain({"__persistent_id__": _id_shown(reference.id)})
        whole = storage.inflated_bytes
        size = (storage.extent.size if whole is None else whole) // item_bytes(storage.dtype)
        path = self._unique(path or "storage")
        self._add(Rebuilt(reference, 0, (size,), (1,), storage.dtype, "storage"), storage, path)
        return _LEFT_OUT

    def _unique(self, path: str) -> str:
        """The path, numbered where a file has two ways to one name."""
        if path not in self._names:
            self._names[path] = 1
            return path
        count = self._names[path] = self._names[path] + 1
        return self._unique(f"{path} ({count})")

    def _plain(self, value: Any) -> Any:
        self._plain_values += 1
        if self._plain_values > MAX_PLAIN_VALUES:
            self.notes[f"Of the metadata only {MAX_PLAIN_VALUES:,} values are shown."] = None
            return _LEFT_OUT
        self._budget.take(_PLAIN_BYTES)
        return value

    def _refused(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"the pickle in it is no checkpoint's: {what}",
            where=str(self._budget.path),
            remedy="it was made to do harm, or is not a checkpoint",
        )


def _simple(node: Instance) -> Any:
    """Objects that are one value: numbers of numpy, types, devices. None for all others."""
    number = scalar(node)
    if number is not None:
        return number
    kind = dtype_of(node)
    if kind is not None:
        return kind[0]
    data = encoded_bytes(node)
    if data is not None:
        return _bytes_shown(data)
    match node.class_name, node.args:
        case "torch.device", (str(device),):
            return device
        case "torch.device", (str(device), int(index)):
            return f"{device}:{index}"
    return None


def _bytes_shown(node: bytes | ByteRange) -> dict[str, Any]:
    data = node if isinstance(node, bytes) else node.data
    if data is not None and len(data) <= _SHOWN_BYTES:
        return {"__class__": "bytes", "hex": data.hex()}
    return {"__class__": "bytes", "size": len(node) if isinstance(node, bytes) else node.size}


def _id_shown(node: Node) -> str:
    return node if isinstance(node, str) else type(node).__name__


def _class_name(node: Instance) -> str:
    """`torch.nn.modules.linear.Linear`, also of TorchScript's own name for it."""
    parts = node.class_name.removeprefix(_CODE).split(".")
    return ".".join(part for part in parts if not part.startswith("___torch_mangle_"))


def _effort(args: Node) -> int:
    """How many visits it is worth to look at what a call was given: a long list or text may be
    given to a million calls."""
    first = args[0] if isinstance(args, tuple) and args else None
    if isinstance(first, list | tuple):
        return len(first)
    return len(first) // 100 if isinstance(first, str) else 0


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)


def _key(key: Node, position: int) -> str:
    """A dictionary's key as part of a name; the position where it is an object."""
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, int | float):
        return str(key)
    if (
        isinstance(key, tuple)
        and len(key) <= _MAX_KEY_PARTS
        and all(isinstance(part, str | int) for part in key)
    ):
        return "(" + ", ".join(str(part) for part in key) + ")"
    return str(position)


def _joined(path: str, name: str) -> str:
    name = name[: MAX_NAME_LENGTH + 1]
    joined = f"{path}.{name}" if path else name
    return joined if len(joined) <= MAX_NAME_LENGTH else joined[:MAX_NAME_LENGTH] + "…"
