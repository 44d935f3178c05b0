"""The calls by which torch's pickles rebuild tensors, read as what they say of a tensor.

Source: torch/_utils.py and torch/_tensor.py (`_rebuild_…`), torch 0.1 to 2.15.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Protocol

from dltui.errors import CheckpointError
from dltui.inspect.checks import MAX_DIMENSIONS, MAX_ELEMENTS, shape_problem
from dltui.inspect.contents import BITS, Deflated, Extent, Packed, Place, View
from dltui.inspect.pickles.nodes import Entries, Global, Instance, Node, Persistent, TensorCall

STORAGE_DTYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "int8",
    "QUInt8Storage": "uint8",
    "QInt32Storage": "int32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
    "UntypedStorage": "uint8",
}
_ALIASES = {
    "double": "float64",
    "float": "float32",
    "half": "float16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "chalf": "complex32",
    "cfloat": "complex64",
    "cdouble": "complex128",
    "qint8": "int8",
    "quint8": "uint8",
    "qint32": "int32",
}
_PACKED_BYTES = {"bits16": 2, "bcomplex32": 4}
"""Bytes of one element of types that have no numbers here; 1 of all others."""


class Storage:
    """One storage of a file, found. (Here and below no record: 20,000 are made, and gone again.)"""

    __slots__ = ("big_endian", "dtype", "extent", "has_data", "inflated_bytes", "key", "offset")

    def __init__(
        self,
        key: str,
        dtype: str,
        extent: Extent,
        inflated_bytes: int | None = None,
        *,
        offset: int = 0,
        big_endian: bool = False,
        has_data: bool = True,
    ):
        self.key = key
        self.dtype = dtype
        """Of the storage itself; a tensor on an untyped one has its own."""
        self.extent = extent
        self.inflated_bytes = inflated_bytes
        """Set where the extent is compressed."""
        self.offset = offset
        """In elements: where a view of another storage begins (legacy files)."""
        self.big_endian = big_endian
        self.has_data = has_data
        """False for storages on the meta device."""


class Storages(Protocol):
    """What finds the storages of one file."""

    path: Path

    def find(self, reference: Persistent) -> Storage:
        """Raises CheckpointError if the reference names none, or the file does not have it."""
        ...


class Rebuilt:
    """A tensor as the pickle describes it."""

    __slots__ = (
        *("dtype", "is_conjugated", "kind", "offset", "shape", "state", "storage", "stride"),
    )

    def __init__(
        self,
        storage: Persistent | None,
        offset: int,
        shape: tuple[int, ...],
        stride: tuple[int, ...],
        dtype: str | None = None,
        kind: str = "",
    ):
        self.storage = storage
        """None where it has no values of its own."""
        self.offset = offset
        self.shape = shape
        self.stride = stride
        self.dtype = dtype
        """None if it is the storage's."""
        self.kind = kind
        self.state: Node = None
        """What a subclass of Tensor keeps beside its elements."""
        self.is_conjugated = False


def rebuilt(node: Instance) -> Rebuilt | None:
    """The tensor that a call would rebuild, None if the call is no such.

    Raises ValueError where its arguments are not those of the call, CheckpointError (without the
    file) where the tensor is kept in a way that is not read here.
    """
    name = node.class_name
    if type(node) is TensorCall and name in _OF_STORAGE:
        return Rebuilt(*node.args[:4])
    if name in _REBUILDERS:
        return _called(name, node.args)
    return _unwrapped(node) if name in _WRAPPERS else None


def _called(name: str, args: Node) -> Rebuilt:
    """The tensor that the function of this name rebuilds."""
    if type(args) is not tuple or len(args) > _MAX_ARGUMENTS:
        raise ValueError(f"{name} is called without proper arguments")
    try:
        found = _REBUILDERS[name](*args)
    except (TypeError, IndexError) as error:
        raise ValueError(f"{name} is called with other arguments than it takes") from error
    if len(args) > 6:
        found.is_conjugated = _is_conjugated(args)
    return found


def _unwrapped(node: Node) -> Rebuilt | None:
    """The tensor inside of what torch wraps around parameters and subclasses."""
    kind, state = "", None
    for _ in range(_MAX_WRAPPERS):
        if not isinstance(node, Instance):
            return None
        name, args = node.class_name, node.args
        if name in _REBUILDERS:
            found = _called(name, args)
            found.kind, found.state = kind, state
            return found
        if name not in _WRAPPERS:
            return None
        if not isinstance(args, tuple) or len(args) > _MAX_ARGUMENTS:
            raise ValueError(f"{name} is called without proper arguments")
        if not args:
            raise ValueError(f"{name} is called with no arguments")
        if name in _PARAMETERS:
            node, kind = args[0], "parameter"
        elif name in _TYPED:
            function, _, inner, state = _at_least(name, args, 4)
            node = Instance(function, inner)
        else:
            node = args[0]
    raise ValueError("a tensor in more wrappings than torch makes")


_MAX_WRAPPERS = 16
_MAX_ARGUMENTS = 16
_PARAMETERS = {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"}
_TYPED = {"torch._tensor._rebuild_from_type", "torch._tensor._rebuild_from_type_v2"}
_WRAPPERS = {
    *_PARAMETERS,
    *_TYPED,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
    "torch.tensor._rebuild_from_type",
    "torch.tensor._rebuild_from_type_v2",
}


def _at_least(name: str, args: tuple[Node, ...], count: int) -> tuple[Node, ...]:
    if len(args) < count:
        raise ValueError(f"{name} is called with {len(args)} arguments")
    return args[:count]


def _plain(storage: Node, offset: Node, shape: Node, stride: Node, *_: Node) -> Rebuilt:
    if type(storage) is not Persistent:
        raise _no_storage(storage)
    return Rebuilt(storage, _count(offset), _sizes(shape), _sizes(stride))


def _no_storage(node: Node) -> Exception:
    if isinstance(node, Instance) and node.class_name == "torch.storage._load_from_bytes":
        return CheckpointError(
            "pickle.dump wrote its tensors, each as a file of its own inside the pickle",
            remedy="load it where you trust it, and write it with torch.save",
        )
    return ValueError("a tensor without a storage")


def _typed(
    storage: Node,
    offset: Node,
    shape: Node,
    stride: Node,
    requires_grad: Node,
    hooks: Node,
    dtype: Node,
    *_: Node,
) -> Rebuilt:
    found = _plain(storage, offset, shape, stride)
    found.dtype = dtype_name(dtype)
    return found


def _meta(dtype: Node, shape: Node, stride: Node, *_: Node) -> Rebuilt:
    return Rebuilt(None, 0, _sizes(shape), _sizes(stride), dtype_name(dtype))


def _wrapper(class_: Node, dtype: Node, shape: Node, stride: Node, *_: Node) -> Rebuilt:
    return _meta(dtype, shape, stride)


_OF_STORAGE = {"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"}
_REBUILDERS: dict[str, Callable[..., Rebuilt]] = {
    "torch._utils._rebuild_tensor": _plain,
    "torch._utils._rebuild_tensor_v2": _plain,
    "torch._utils._rebuild_tensor_v3": _typed,
    "torch._utils._rebuild_qtensor": _plain,
    "torch._utils._rebuild_meta_tensor_no_storage": _meta,
    "torch._utils._rebuild_wrapper_subclass": _wrapper,
}


def _is_conjugated(args: tuple[Node, ...]) -> bool:
    return any(isinstance(arg, Entries) and ("conj", True) in arg.pairs[:4] for arg in args[6:])


def dtype_name(node: Node) -> str:
    """`float32` of the class `torch.float32`. Raises ValueError for anything else."""
    if not isinstance(node, Global) or node.module != "torch":
        raise ValueError("a tensor without a type")
    return _ALIASES.get(node.name, node.name)


def item_bytes(dtype: str) -> int:
    """Bytes of one element as torch stores it."""
    return BITS[dtype] // 8 if dtype in BITS else _PACKED_BYTES.get(dtype, 1)


def _count(node: Node) -> int:
    if type(node) is not int or node < 0:
        raise ValueError("a tensor whose place is no number")
    return node


def _sizes(node: Node) -> tuple[int, ...]:
    """A shape or stride. Raises ValueError if it is none, or larger than any tensor's."""
    if type(node) is not tuple:
        if isinstance(node, Instance) and node.class_name == "torch.Size" and node.args:
            node = node.args[0]
        if not isinstance(node, tuple | list):
            raise ValueError("a tensor whose shape is not numbers")
    if len(node) > MAX_DIMENSIONS:
        raise ValueError(f"a tensor of {len(node):,} dimensions")
    for size in node:
        if type(size) is not int or size < 0:
            raise ValueError("a tensor whose shape is not numbers")
    return tuple(node)


def checked_place(found: Rebuilt, storage: Storage, dtype: str) -> tuple[Place, int]:
    """Where the elements are, and how many of the file's bytes they touch.

    Raises ValueError if they reach beyond the storage or the shape is no tensor's.
    """
    shape, stride = found.shape, found.stride
    elements, span = _reach(shape, stride)
    item = item_bytes(dtype)
    offset = found.offset + storage.offset
    whole = storage.extent.size if storage.inflated_bytes is None else storage.inflated_bytes
    if span and (offset + span) * item > whole and dtype in BITS:
        raise ValueError(f"a tensor of shape {list(shape)} reaches beyond its storage")
    touched = min(elements, span) * item
    if dtype not in BITS:
        return Packed(storage.extent, dtype), min(touched, whole)
    if storage.inflated_bytes is None:
        return View(storage.extent, offset, stride, storage.big_endian), touched
    place = Deflated(
        storage.extent,
        storage.inflated_bytes,
        big_endian=storage.big_endian,
        stride=stride,
        offset=offset,
    )
    return place, touched


@lru_cache(maxsize=1000)
def _reach(shape: tuple[int, ...], stride: tuple[int, ...]) -> tuple[int, int]:
    """How many elements there are, and in how many places of the storage: a file of thousands of
    tensors has few shapes. Raises ValueError if it is no tensor's."""
    check_shape(shape, stride)
    elements, span = prod(shape), 1
    for size, step in zip(shape, stride, strict=True):
        span += (size - 1) * step
    return elements, span if elements else 0


def check_shape(shape: tuple[int, ...], stride: tuple[int, ...]) -> None:
    """Raises ValueError if torch could not have made such a tensor."""
    if len(shape) != len(stride):
        raise ValueError(f"a tensor of {len(shape)} dimensions with {len(stride)} strides")
    problem = shape_problem(shape)
    if problem or max(stride, default=0) > MAX_ELEMENTS:
        raise ValueError(f"a tensor of {problem or 'impossible strides'}")


def not_readable(path: Path, what: object) -> CheckpointError:
    """A pickle that says of a tensor what cannot be."""
    return CheckpointError(
        f"the pickle in it is damaged: {what}",
        where=str(path),
        remedy="copy or download it again",
    )
