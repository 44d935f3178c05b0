"""Texts and bytes. Long ones stay where they are in the file."""

from __future__ import annotations

from codecs import escape_decode

from dltui.inspect.pickles.machine import Machine
from dltui.inspect.pickles.nodes import ByteRange, Node
from dltui.inspect.pickles.opcodes.table import (
    INT32,
    NODE_BYTES,
    TEXT_BYTES,
    UINT32,
    UINT64,
    opcode,
    push,
)

_MAX_TEXT_BYTES = 4 << 20
"""Longer texts are left where they are, as bytes."""
_SHORT_BYTES = 256
_MAX_KEPT_BYTES = 256
"""Longer byte strings are left where they are, which is enough to read them."""


def _text(machine: Machine, size: int) -> None:
    begin = machine.skip(size)
    if size > _MAX_TEXT_BYTES:
        push(machine, ByteRange(begin, size, None), NODE_BYTES)
        return
    # Text that is not ASCII takes up to four bytes a character.
    part = machine.data[begin : begin + size]
    machine.charge(TEXT_BYTES + (size if part.isascii() else 4 * size))
    machine.stack.append(str(part, "utf-8", "replace"))


@opcode(b"\x8c")
def _short_binunicode(machine: Machine) -> None:
    _text(machine, machine.take(1)[0])


@opcode(b"X")
def _binunicode(machine: Machine) -> None:
    data, begin = machine.data, machine.position + 4
    end = begin + UINT32.unpack_from(data, begin - 4)[0]
    part = data[begin:end] if end - begin <= _SHORT_BYTES else b""
    if part.isascii() and len(part) == end - begin:
        # Nearly all: without a look at what longer texts may ask for, in half the time.
        machine.position = end
        machine.spent += TEXT_BYTES + len(part)
        machine.stack.append(part.decode())
        return
    machine.skip(4)
    _text(machine, end - begin)


@opcode(b"\x8d")
def _binunicode8(machine: Machine) -> None:
    _text(machine, UINT64.unpack_from(machine.data, machine.skip(8))[0])


@opcode(b"V")
def _unicode(machine: Machine) -> None:
    line = _text_line(machine)
    text = str(line, "raw-unicode-escape").encode("utf-8", "replace").decode()
    machine.stack.append(text)


def _text_line(machine: Machine) -> bytes:
    line = machine.line()
    if len(line) > _MAX_TEXT_BYTES:
        machine.fail(f"a text of {len(line):,} bytes")
    machine.charge(TEXT_BYTES + 4 * len(line))
    return line


def _bytes(machine: Machine, size: int) -> None:
    begin = machine.skip(size)
    kept = machine.data[begin : begin + size] if size <= _MAX_KEPT_BYTES else None
    push(machine, ByteRange(begin, size, kept), NODE_BYTES + (size if kept else 0))


@opcode(b"C")
def _short_binbytes(machine: Machine) -> None:
    _bytes(machine, machine.take(1)[0])


@opcode(b"B")
def _binbytes(machine: Machine) -> None:
    _bytes(machine, UINT32.unpack_from(machine.data, machine.skip(4))[0])


@opcode(b"\x8e", b"\x96")
def _binbytes8(machine: Machine) -> None:
    _bytes(machine, UINT64.unpack_from(machine.data, machine.skip(8))[0])


@opcode(b"\x97", b"\x98")
def _buffer(machine: Machine) -> None:
    machine.fail("it asks for a buffer that is not in the file")


def _old_text(machine: Machine, data: bytes) -> None:
    """Python 2's str, which held text or bytes."""
    if len(data) > _MAX_TEXT_BYTES:
        machine.fail(f"a text of {len(data):,} bytes")
    machine.charge(TEXT_BYTES + 4 * len(data))
    try:
        text: Node = data.decode()
    except UnicodeDecodeError:
        text = data
    machine.stack.append(text)


@opcode(b"U")
def _short_binstring(machine: Machine) -> None:
    _old_text(machine, machine.take(machine.take(1)[0]))


@opcode(b"T")
def _binstring(machine: Machine) -> None:
    size = INT32.unpack(machine.take(4))[0]
    if size < 0:
        machine.fail("a text of negative length")
    _old_text(machine, machine.take(size))


@opcode(b"S")
def _string(machine: Machine) -> None:
    line = _text_line(machine)
    if len(line) < 2 or line[0] != line[-1] or line[:1] not in b"\"'":
        machine.fail("a text without its quotes")
    _old_text(machine, escape_decode(line[1:-1])[0])
