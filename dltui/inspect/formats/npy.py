"""A single numpy array, and the header that arrays in npz archives have too.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html (versions 1 to 3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

from dltui.errors import CheckpointError
from dltui.inspect.checks import damaged, shape_problem
from dltui.inspect.contents import BITS, Checkpoint, Extent, Plain, Tensor
from dltui.inspect.source import Source

_MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 12 + 10_000
"""As numpy's own limit for files that are not trusted."""

DTYPES = {
    "b1": "bool",
    **{f"i{size}": f"int{size * 8}" for size in (1, 2, 4, 8)},
    **{f"u{size}": f"uint{size * 8}" for size in (1, 2, 4, 8)},
    **{f"f{size}": f"float{size * 8}" for size in (2, 4, 8)},
    **{f"c{size}": f"complex{size * 8}" for size in (8, 16)},
}
"""Our names of numpy's types, by kind and bytes."""

RAW_BFLOAT16 = "V2"
"""numpy has no name for bfloat16: JAX's arrays are saved as two raw bytes an element."""
RAW_NOTE = "Elements of two raw bytes are taken for bfloat16, which numpy has no name for."

_DESCR = re.compile(r"""['"]descr['"]\s*:\s*(?:['"]([^'"]*)['"]|\[)""")
_ORDER = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(([\d\s,L]*)\)""")
_KINDS = {"O": "objects, as a pickle", "U": "texts", "S": "texts", "M": "times", "m": "times"}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the elements."""

    size: int
    """Bytes until the elements begin."""
    shape: tuple[int, ...]
    dtype: str
    """A key of `BITS`, or empty where the elements are no numbers."""
    why: str
    """What the elements are where they are no numbers."""
    big_endian: bool
    fortran_order: bool
    raw: bool
    """Whether the type is guessed from its size: `RAW_NOTE`."""

    @property
    def data_bytes(self) -> int:
        """Of all elements."""
        return prod(self.shape) * BITS[self.dtype] // 8


def sniff(head: bytes, source: Source) -> bool:
    """numpy's magic string."""
    return head.startswith(_MAGIC)


def read(source: Source) -> Checkpoint:
    """One tensor, by the file's name. Raises CheckpointError if it is no array of numbers."""
    try:
        header = parse_header(source.read(0, min(MAX_HEADER_BYTES, source.size)))
    except ValueError as error:
        raise damaged("numpy", source.path, str(error)) from error
    if header.why:
        raise CheckpointError(
            f"this numpy array holds {header.why}, no numbers", where=str(source.path)
        )
    extent = Extent(0, header.size, header.data_bytes)
    if extent.offset + extent.size > source.size:
        raise damaged("numpy", source.path, f"{source.size:,} bytes, which is not its shape")
    place = Plain(extent, header.big_endian, header.fortran_order)
    name = source.path.stem.encode("utf-8", "replace").decode()
    return Checkpoint(
        path=source.path,
        format="numpy npy",
        files=(source.path,),
        size_bytes=source.size,
        tensors=(Tensor(name, header.shape, header.dtype, extent.size, place),),
        notes=(RAW_NOTE,) if header.raw else (),
    )


def parse_header(data: bytes) -> Header:
    """The header at the beginning of `data`. Raises ValueError where it is none."""
    if not data.startswith(_MAGIC) or len(data) < 10 or data[6] not in (1, 2, 3):
        raise ValueError("its header is none of an array")
    length_bytes = 2 if data[6] == 1 else 4
    begin = 8 + length_bytes
    length = int.from_bytes(data[8:begin], "little")
    if begin + length > min(len(data), MAX_HEADER_BYTES):
        raise ValueError(f"its header has {length:,} bytes")
    text = data[begin : begin + length].decode("utf-8" if data[6] == 3 else "latin-1")
    descr, fortran_order, shape = _fields(text)
    problem = shape_problem(shape)
    if problem:
        raise ValueError(f"its shape has {problem}")
    dtype, why = _type(descr)
    return Header(
        begin + length,
        shape,
        dtype,
        why,
        big_endian=descr.startswith(">"),
        fortran_order=fortran_order,
        raw=descr[1:] == RAW_BFLOAT16,
    )


def _fields(text: str) -> tuple[str, bool, tuple[int, ...]]:
    """Type (empty for records), column-major order and shape, from a text such as
    `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`."""
    descr, order, shape = (pattern.search(text) for pattern in (_DESCR, _ORDER, _SHAPE))
    if not (descr and order and shape):
        raise ValueError("its header is none of an array")
    sizes = tuple(int(size) for size in re.findall(r"\d+", shape[1]))
    return descr[1] or "", order[1] == "True", sizes


def _type(descr: str) -> tuple[str, str]:
    """The type's name, or empty and what the elements are."""
    if not descr:
        return "", "records"
    dtype = DTYPES.get(descr[1:]) or ("bfloat16" if descr[1:] == RAW_BFLOAT16 else "")
    if dtype:
        return dtype, ""
    return "", _KINDS.get(descr[1:2], f"elements of numpy's type {descr[:20]!r}")
