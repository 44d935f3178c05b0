"""numpy's types and scalars in pickles: a best score is often one."""

from __future__ import annotations

from struct import error as StructError  # noqa: N812
from struct import unpack

from dltui.inspect.checks import MAX_DIMENSIONS
from dltui.inspect.pickles.nodes import ByteRange, Instance, Node
from dltui.records import record

_CODES = {
    **{"b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I"},
    **{"i8": "q", "u8": "Q", "f2": "e", "f4": "f", "f8": "d"},
}
_NAMES = {
    **{"b1": "bool", "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16"},
    **{"i4": "int32", "u4": "uint32", "i8": "int64", "u8": "uint64"},
    **{"f2": "float16", "f4": "float32", "f8": "float64", "c8": "complex64", "c16": "complex128"},
}
_CORE = ("numpy.core", "numpy._core")
_SCALAR = {f"{core}.multiarray.scalar" for core in _CORE}
_RECONSTRUCT = {f"{core}.multiarray._reconstruct" for core in _CORE}
_FROM_BUFFER = {f"{core}.numeric._frombuffer" for core in _CORE}
"""What protocol 5 uses for contiguous arrays."""


def dtype_of(node: Node) -> tuple[str, bool] | None:
    """`("float64", big_endian)` of a pickled numpy type; None if it is none of a single number."""
    if not isinstance(node, Instance) or node.class_name != "numpy.dtype" or not node.args:
        return None
    name = _NAMES.get(node.args[0]) if isinstance(node.args[0], str) else None
    order = node.state[1] if isinstance(node.state, tuple) and len(node.state) > 1 else "<"
    return None if name is None else (name, order == ">")


def scalar(node: Instance) -> bool | int | float | None:
    """The number of a pickled numpy scalar, None if it is no such."""
    if node.class_name not in _SCALAR:
        return None
    match node.args:
        case (Instance(args=(str(code), *_)) as kind, data) if code in _CODES:
            found = dtype_of(kind)
        case _:
            return None
    raw = encoded_bytes(data)
    if found is None or raw is None:
        return None
    try:
        number: bool | int | float = unpack((">" if found[1] else "<") + _CODES[code], raw)[0]
    except StructError:
        return None
    return number


@record
class Array:
    """A pickled numpy array."""

    shape: tuple[int, ...]
    dtype: str
    big_endian: bool
    fortran_order: bool
    data: Node


def array(node: Instance) -> Array | None:
    """What a call rebuilds if that is a numpy array of numbers, else None."""
    if node.class_name in _FROM_BUFFER:
        match node.args:
            case (data, kind, tuple(shape), "C" | "F" as order) if _are_sizes(shape):
                found = dtype_of(kind)
                return None if found is None else Array(shape, *found, order == "F", data)
        return None
    if node.class_name not in _RECONSTRUCT:
        return None
    match node.state:
        case (int(), tuple(shape), kind, bool(fortran), data) if _are_sizes(shape):
            found = dtype_of(kind)
            return None if found is None else Array(shape, *found, fortran, data)
    return None


def _are_sizes(shape: tuple[Node, ...]) -> bool:
    return len(shape) <= MAX_DIMENSIONS and all(type(size) is int and size >= 0 for size in shape)


def encoded_bytes(node: Node) -> bytes | None:
    """Bytes as protocol 3 and later have them, or as protocol 2 wrote them: as text, encoded."""
    if isinstance(node, bytes):
        return node
    if isinstance(node, ByteRange):
        return node.data
    if isinstance(node, Instance) and node.class_name == "_codecs.encode":
        match node.args:
            case (str(text), "latin1" | "latin-1", *_):
                try:
                    return text.encode("latin-1")
                except UnicodeEncodeError:
                    return None
    return None
