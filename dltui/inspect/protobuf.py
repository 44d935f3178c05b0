"""Protocol buffers field by field, over a file, without reading what is not looked at.

Source: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct

from dltui.errors import CheckpointError
from dltui.inspect.cursor import Cursor

_U64, _U32 = Struct("<Q"), Struct("<I")
_MAX_VARINT_BYTES = 10


class Wire(IntEnum):
    """How a field's value is written."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


def fields(cursor: Cursor, size: int) -> Iterator[tuple[int, int, int]]:
    """Number, wire type and value of each field of the message in the next `size` bytes.

    Of bytes the value is their length, and the cursor stands at their beginning: the caller may
    take them, or look at them as a message, or leave them. Raises CheckpointError where a field
    does not fit in the message.
    """
    end = cursor.position + size
    if size > cursor.left:
        raise _damaged(cursor, "a message is longer than what it is in")
    while cursor.position < end:
        tag = varint(cursor)
        wire = tag & 7
        if wire == Wire.BYTES:
            length = varint(cursor)
            after = cursor.position + length
            if after > end:
                raise _damaged(cursor, f"a field of {length:,} bytes does not fit in its message")
            yield tag >> 3, wire, length
            cursor.go_to(after)
        elif wire == Wire.VARINT:
            yield tag >> 3, wire, varint(cursor)
        elif wire == Wire.FIXED32:
            yield tag >> 3, wire, cursor.unpack(_U32)[0]
        elif wire == Wire.FIXED64:
            yield tag >> 3, wire, cursor.unpack(_U64)[0]
        else:
            raise _damaged(cursor, f"a field of the unknown kind {wire}")
    if cursor.position != end:
        raise _damaged(cursor, "a field does not fit in its message")


def varint(cursor: Cursor) -> int:
    """The next number of variable length, unsigned."""
    byte = cursor.take(1)[0]
    found = byte & 0x7F
    shift = 7
    while byte & 0x80:
        if shift >= 7 * _MAX_VARINT_BYTES:
            raise _damaged(cursor, "a number has more than ten bytes")
        byte = cursor.take(1)[0]
        found |= (byte & 0x7F) << shift
        shift += 7
    return found & 0xFFFFFFFFFFFFFFFF


def signed(value: int) -> int:
    """A 64-bit number as two's complement."""
    return value - (1 << 64) if value >> 63 else value


def _damaged(cursor: Cursor, what: str) -> CheckpointError:
    return CheckpointError(
        f"this file is damaged: {what} (byte {cursor.position:,})",
        where=str(cursor.source.path),
        remedy="copy or download it again",
    )
