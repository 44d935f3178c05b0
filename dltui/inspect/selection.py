"""Which tensors are wanted: `conv dtype:bf16 >1M shape:64,*`.

Terms are joined by "and"; `-` before a term turns it round.

| term | holds for |
|---|---|
| `conv`, `layer*.weight` | names that hold the word, or that the pattern with `*` and `?` fits |
| `name:…` | the same, for words that look like another term |
| `dtype:bf16,float16` | these types, by torch's name or its short form |
| `shape:64,*,3,3` | so many dimensions of these sizes, `*` for any; `shape:64,...`: or more |
| `dims:4` | so many dimensions |
| `>1M`, `<=512`, `=64` | so many elements; K, M, G and T are thousands, millions, … |
| `>10MB`, `<1GiB` | so many bytes |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dltui.errors import UsageError
from dltui.inspect.contents import Tensor

SHORT_DTYPES = {
    "bool": "bool",
    "u8": "uint8",
    "u16": "uint16",
    "u32": "uint32",
    "u64": "uint64",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "long": "int64",
    "int": "int32",
    "f8_e4m3": "float8_e4m3fn",
    "f8_e5m2": "float8_e5m2",
    "f16": "float16",
    "fp16": "float16",
    "half": "float16",
    "bf16": "bfloat16",
    "f32": "float32",
    "fp32": "float32",
    "float": "float32",
    "f64": "float64",
    "fp64": "float64",
    "double": "float64",
}
"""Short names of types, as people type them."""

_TERM = re.compile(r"(?P<key>name|dtype|type|shape|dims):(?P<value>.*)", re.DOTALL)
_SIZE = re.compile(
    r"(?P<operator>>=|<=|>|<|=)(?P<number>\d+(?:\.\d+)?)(?P<prefix>[kmgt]?)(?P<bytes>i?b)?",
    re.IGNORECASE,
)
_PREFIXES = "kmgt"

_EXAMPLE = "for example conv dtype:bf16 >1M shape:64,*"

Check = Callable[[Tensor], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """All terms of a filter line; an empty one takes every tensor."""

    text: str = ""
    checks: tuple[Check, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Selection:
        """Reads a filter line. Raises UsageError naming the term that makes no sense."""
        return cls(text.strip(), tuple(_check(term) for term in text.split()))

    def matches(self, tensor: Tensor) -> bool:
        """Whether the tensor passes every term."""
        return all(check(tensor) for check in self.checks)

    def of(self, tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
        """Those that pass, in their order."""
        return tuple(tensor for tensor in tensors if self.matches(tensor))

    def __bool__(self) -> bool:
        return bool(self.checks)


def _check(term: str) -> Check:
    if term.startswith("-") and len(term) > 1:
        inner = _check(term[1:])
        return lambda tensor: not inner(tensor)
    if (size := _SIZE.fullmatch(term)) is not None:
        return _size_check(size)
    if term[0] in "<>=":
        raise UsageError(f"{term!r} compares with no number", remedy=_EXAMPLE)
    if (keyed := _TERM.fullmatch(term)) is None:
        return _name_check(term)
    key, value = keyed["key"], keyed["value"]
    if not value:
        raise UsageError(f"{term!r} has no value", remedy=_EXAMPLE)
    if key in ("dtype", "type"):
        return _dtype_check(value)
    if key == "shape":
        return _shape_check(value)
    if key == "dims":
        return _dims_check(value)
    return _name_check(value)


def _name_check(word: str) -> Check:
    wanted = word.lower()
    if "*" in wanted or "?" in wanted:
        pattern = f"*{wanted}*"
        return lambda tensor: fnmatchcase(tensor.name.lower(), pattern)
    return lambda tensor: wanted in tensor.name.lower()


def _dtype_check(value: str) -> Check:
    wanted = {SHORT_DTYPES.get(name, name) for name in value.lower().split(",") if name}
    return lambda tensor: tensor.dtype.lower() in wanted


def _dims_check(value: str) -> Check:
    if not value.isdecimal():
        raise UsageError(f"dims:{value} is no number of dimensions", remedy="for example dims:4")
    return lambda tensor: len(tensor.shape) == int(value)


def _shape_check(value: str) -> Check:
    sizes = value.strip("()[]").replace("×", ",").replace("x", ",").split(",")
    is_open = sizes[-1] in ("...", "…")
    if is_open:
        sizes.pop()
    if not all(size == "*" or size.isdecimal() for size in sizes):
        raise UsageError(f"shape:{value} is no shape", remedy="for example shape:64,*,3,3")

    def check(tensor: Tensor) -> bool:
        shape = tensor.shape
        if len(shape) < len(sizes) or (len(shape) > len(sizes) and not is_open):
            return False
        return all(w in ("*", str(size)) for w, size in zip(sizes, shape, strict=False))

    return check


def _size_check(match: re.Match[str]) -> Check:
    is_bytes = bool(match["bytes"])
    base = 1024 if (match["bytes"] or "").lower() == "ib" else 1000
    power = _PREFIXES.index(match["prefix"].lower()) + 1 if match["prefix"] else 0
    limit = float(match["number"]) * float(base**power)
    operator = match["operator"]

    def check(tensor: Tensor) -> bool:
        size = tensor.size_bytes if is_bytes else tensor.elements
        if operator == ">":
            return size > limit
        if operator == "<":
            return size < limit
        if operator == ">=":
            return size >= limit
        return size <= limit if operator == "<=" else size == limit

    return check
