"""What each opcode of protocols 0 to 5 does, by its byte.

The numbers added to `spent` are the bytes of what an opcode can leave behind at most: CPython's
object sizes, 3.11 to 3.13. Places on the stack and in the memo are counted by the machine.
"""

from __future__ import annotations

from codecs import escape_decode
from collections.abc import Callable
from struct import Struct

from dltui.inspect.pickles.machine import Machine, Stop
from dltui.inspect.pickles.nodes import (
    ByteRange,
    Entries,
    Global,
    Instance,
    Members,
    Node,
    Persistent,
)

Handler = Callable[[Machine], None]

_HIGHEST_PROTOCOL = 5
_MAX_NUMBER_BYTES = 1000
_MAX_TEXT_BYTES = 4 << 20
"""Longer texts are left where they are, as bytes."""
_MAX_KEPT_BYTES = 256
"""Longer byte strings are left where they are, which is enough to read them."""
_NUMBER, _LIST, _PAIR, _ENTRIES, _NODE, _INSTANCE, _TUPLE, _TEXT = 36, 80, 80, 120, 64, 88, 56, 64

_INT32 = Struct("<i")
_UINT16 = Struct("<H")
_UINT32 = Struct("<I")
_UINT64 = Struct("<Q")
_DOUBLE = Struct(">d")


def _unknown(machine: Machine) -> None:
    machine.fail(f"{machine.data[machine.position - 1]:#04x} is no opcode")


HANDLERS: list[Handler] = [_unknown] * 256
"""By the opcode's byte."""


def _opcode(*codes: bytes) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        for code in codes:
            HANDLERS[code[0]] = handler
        return handler

    return register


def _push(machine: Machine, value: Node, size: int = 0) -> None:
    machine.spent += size
    machine.stack.append(value)


# The frame of a pickle


@_opcode(b"\x80")
def _proto(machine: Machine) -> None:
    version = machine.take(1)[0]
    if version > _HIGHEST_PROTOCOL:
        machine.fail(f"protocol {version} is not known")


@_opcode(b"\x95")
def _frame(machine: Machine) -> None:
    machine.skip(8)


@_opcode(b".")
def _stop(machine: Machine) -> None:
    if not machine.stack:
        machine.fail("it ends without a value")
    raise Stop


# Stack and memo


@_opcode(b"(")
def _mark(machine: Machine) -> None:
    machine.marks.append(machine.stack)
    machine.under_marks += len(machine.stack)
    machine.stack = []


@_opcode(b"0")
def _pop(machine: Machine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_mark()


@_opcode(b"1")
def _pop_mark(machine: Machine) -> None:
    machine.pop_mark()


@_opcode(b"2")
def _dup(machine: Machine) -> None:
    _push(machine, machine.stack[-1])


@_opcode(b"q")
def _binput(machine: Machine) -> None:
    machine.keep(machine.data[machine.position])
    machine.position += 1


@_opcode(b"r")
def _long_binput(machine: Machine) -> None:
    # What is too short for `unpack_from` is told as cut, as in all places where it reads.
    key = _UINT32.unpack_from(machine.data, machine.position)[0]
    machine.position += 4
    if key == len(machine.memo) and not machine.sparse_memo:
        # A call fewer for nearly all: one opcode in five of a checkpoint is this one.
        machine.memo.append(machine.stack[-1])
    else:
        machine.keep(key)


@_opcode(b"p")
def _put(machine: Machine) -> None:
    machine.keep(_decimal(machine))


@_opcode(b"\x94")
def _memoize(machine: Machine) -> None:
    machine.keep(len(machine.memo) + len(machine.sparse_memo))


@_opcode(b"h")
def _binget(machine: Machine) -> None:
    machine.recall(machine.data[machine.position])
    machine.position += 1


@_opcode(b"j")
def _long_binget(machine: Machine) -> None:
    machine.recall(_UINT32.unpack_from(machine.data, machine.position)[0])
    machine.position += 4


@_opcode(b"g")
def _get(machine: Machine) -> None:
    machine.recall(_decimal(machine))


# Plain values


@_opcode(b"N")
def _none(machine: Machine) -> None:
    _push(machine, None)


@_opcode(b"\x88")
def _true(machine: Machine) -> None:
    machine.stack.append(True)


@_opcode(b"\x89")
def _false(machine: Machine) -> None:
    machine.stack.append(False)


@_opcode(b"K")
def _binint1(machine: Machine) -> None:
    machine.stack.append(machine.data[machine.position])
    machine.position += 1


@_opcode(b"M")
def _binint2(machine: Machine) -> None:
    _push(machine, _UINT16.unpack_from(machine.data, machine.position)[0], _NUMBER)
    machine.position += 2


@_opcode(b"J")
def _binint(machine: Machine) -> None:
    _push(machine, _INT32.unpack_from(machine.data, machine.position)[0], _NUMBER)
    machine.position += 4


@_opcode(b"I")
def _int(machine: Machine) -> None:
    line = _number_line(machine)
    if line in (b"00", b"01"):
        _push(machine, line == b"01")
    else:
        _push(machine, int(line, 0), _NUMBER + len(line))


@_opcode(b"L")
def _long(machine: Machine) -> None:
    line = _number_line(machine)
    _push(machine, int(line.removesuffix(b"L"), 0), _NUMBER + len(line))


@_opcode(b"\x8a")
def _long1(machine: Machine) -> None:
    _integer(machine, machine.take(1)[0])


@_opcode(b"\x8b")
def _long4(machine: Machine) -> None:
    _integer(machine, _INT32.unpack(machine.take(4))[0])


@_opcode(b"F")
def _float(machine: Machine) -> None:
    _push(machine, float(_number_line(machine)), _NUMBER)


@_opcode(b"G")
def _binfloat(machine: Machine) -> None:
    _push(machine, _DOUBLE.unpack_from(machine.data, machine.skip(8))[0], _NUMBER)


def _integer(machine: Machine, size: int) -> None:
    if not 0 <= size <= _MAX_NUMBER_BYTES:
        machine.fail(f"a number of {size:,} bytes")
    _push(machine, int.from_bytes(machine.take(size), "little", signed=True), _NUMBER + size)


def _number_line(machine: Machine) -> bytes:
    line = machine.line()
    if len(line) > _MAX_NUMBER_BYTES:
        machine.fail(f"a number of {len(line):,} characters")
    return line


def _decimal(machine: Machine) -> int:
    key = int(_number_line(machine))
    if key < 0:
        machine.fail("a negative place in its memo")
    return key


# Text and bytes


def _text(machine: Machine, size: int) -> None:
    begin = machine.skip(size)
    if size > _MAX_TEXT_BYTES:
        _push(machine, ByteRange(begin, size, None), _NODE)
        return
    # Text that is not ASCII takes up to four bytes a character.
    part = machine.data[begin : begin + size]
    machine.charge(_TEXT + (size if part.isascii() else 4 * size))
    machine.stack.append(str(part, "utf-8", "replace"))


@_opcode(b"\x8c")
def _short_binunicode(machine: Machine) -> None:
    _text(machine, machine.take(1)[0])


@_opcode(b"X")
def _binunicode(machine: Machine) -> None:
    _text(machine, _UINT32.unpack_from(machine.data, machine.skip(4))[0])


@_opcode(b"\x8d")
def _binunicode8(machine: Machine) -> None:
    _text(machine, _UINT64.unpack_from(machine.data, machine.skip(8))[0])


@_opcode(b"V")
def _unicode(machine: Machine) -> None:
    line = _text_line(machine)
    text = str(line, "raw-unicode-escape").encode("utf-8", "replace").decode()
    machine.stack.append(text)


def _text_line(machine: Machine) -> bytes:
    line = machine.line()
    if len(line) > _MAX_TEXT_BYTES:
        machine.fail(f"a text of {len(line):,} bytes")
    machine.charge(_TEXT + 4 * len(line))
    return line


def _bytes(machine: Machine, size: int) -> None:
    begin = machine.skip(size)
    kept = machine.data[begin : begin + size] if size <= _MAX_KEPT_BYTES else None
    _push(machine, ByteRange(begin, size, kept), _NODE + (size if kept else 0))


@_opcode(b"C")
def _short_binbytes(machine: Machine) -> None:
    _bytes(machine, machine.take(1)[0])


@_opcode(b"B")
def _binbytes(machine: Machine) -> None:
    _bytes(machine, _UINT32.unpack_from(machine.data, machine.skip(4))[0])


@_opcode(b"\x8e", b"\x96")
def _binbytes8(machine: Machine) -> None:
    _bytes(machine, _UINT64.unpack_from(machine.data, machine.skip(8))[0])


@_opcode(b"\x97", b"\x98")
def _buffer(machine: Machine) -> None:
    machine.fail("it asks for a buffer that is not in the file")


def _old_text(machine: Machine, data: bytes) -> None:
    """Python 2's str, which held text or bytes."""
    if len(data) > _MAX_TEXT_BYTES:
        machine.fail(f"a text of {len(data):,} bytes")
    machine.charge(_TEXT + 4 * len(data))
    try:
        text: Node = data.decode()
    except UnicodeDecodeError:
        text = data
    machine.stack.append(text)


@_opcode(b"U")
def _short_binstring(machine: Machine) -> None:
    _old_text(machine, machine.take(machine.take(1)[0]))


@_opcode(b"T")
def _binstring(machine: Machine) -> None:
    size = _INT32.unpack(machine.take(4))[0]
    if size < 0:
        machine.fail("a text of negative length")
    _old_text(machine, machine.take(size))


@_opcode(b"S")
def _string(machine: Machine) -> None:
    line = _text_line(machine)
    if len(line) < 2 or line[0] != line[-1] or line[:1] not in b"\"'":
        machine.fail("a text without its quotes")
    _old_text(machine, escape_decode(line[1:-1])[0])


# Containers


@_opcode(b")")
def _empty_tuple(machine: Machine) -> None:
    machine.stack.append(())


@_opcode(b"t")
def _tuple(machine: Machine) -> None:
    items = machine.pop_mark()
    machine.charge(_TUPLE + 8 * len(items))
    machine.stack.append(tuple(items))


@_opcode(b"\x85", b"\x86", b"\x87")
def _short_tuple(machine: Machine) -> None:
    size = machine.data[machine.position - 1] - 0x84
    if len(machine.stack) < size:
        raise IndexError
    machine.stack[-size:] = [tuple(machine.stack[-size:])]
    machine.spent += _TUPLE + 8 * size


@_opcode(b"]")
def _empty_list(machine: Machine) -> None:
    _push(machine, [], _LIST)


@_opcode(b"l")
def _list(machine: Machine) -> None:
    items = machine.pop_mark()
    _push(machine, items, _LIST)


@_opcode(b"}")
def _empty_dict(machine: Machine) -> None:
    _push(machine, Entries(), _ENTRIES)


@_opcode(b"d")
def _dict(machine: Machine) -> None:
    _push(machine, Entries(_pairs(machine, machine.pop_mark())), _ENTRIES)


@_opcode(b"\x8f")
def _empty_set(machine: Machine) -> None:
    _push(machine, Members([]), _ENTRIES)


@_opcode(b"\x91")
def _frozenset(machine: Machine) -> None:
    _push(machine, Members(machine.pop_mark()), _ENTRIES)


@_opcode(b"a")
def _append(machine: Machine) -> None:
    _extend(machine, [machine.stack.pop()])


@_opcode(b"e")
def _appends(machine: Machine) -> None:
    _extend(machine, machine.pop_mark())


@_opcode(b"\x90")
def _additems(machine: Machine) -> None:
    items = machine.pop_mark()
    target = machine.stack[-1]
    if not isinstance(target, Members):
        machine.fail("members are added to what is no set")
    target.items += items


def _extend(machine: Machine, items: list[Node]) -> None:
    target = machine.stack[-1]
    if isinstance(target, list):
        target += items
    elif isinstance(target, Instance):
        if target.items is None:
            target.items = []
            machine.spent += _LIST
        target.items += items
    else:
        machine.fail("items are added to what is no list")


@_opcode(b"s")
def _setitem(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _update(machine, [key, value])


@_opcode(b"u")
def _setitems(machine: Machine) -> None:
    _update(machine, machine.pop_mark())


def _update(machine: Machine, items: list[Node]) -> None:
    target = machine.stack[-1]
    if isinstance(target, Instance):
        if target.entries is None:
            target.entries = Entries()
            machine.spent += _ENTRIES
        target = target.entries
    if not isinstance(target, Entries):
        machine.fail("keys are set in what is no dictionary")
    target.pairs += _pairs(machine, items)


def _pairs(machine: Machine, items: list[Node]) -> list[tuple[Node, Node]]:
    if len(items) % 2:
        machine.fail("a key without a value")
    machine.charge(_PAIR * len(items) // 2)
    return list(zip(items[::2], items[1::2], strict=True))


# What would be code, and what it would return


@_opcode(b"c")
def _global(machine: Machine) -> None:
    module, name = machine.name_line(), machine.name_line()
    _code(machine, module, name)


@_opcode(b"\x93")
def _stack_global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if type(name) is not str or type(module) is not str:
        machine.fail("a class is named by what is no text")
    if len(name) + len(module) > _MAX_NUMBER_BYTES:
        machine.fail(f"a class whose name has {len(name) + len(module):,} characters")
    _code(machine, module, name)


@_opcode(b"\x82")
def _ext1(machine: Machine) -> None:
    _extension(machine, 1)


@_opcode(b"\x83")
def _ext2(machine: Machine) -> None:
    _extension(machine, 2)


@_opcode(b"\x84")
def _ext4(machine: Machine) -> None:
    _extension(machine, 4)


def _extension(machine: Machine, size: int) -> None:
    """A class by a number that the reading program would have registered."""
    code = int.from_bytes(machine.take(size), "little", signed=size == 4)
    _code(machine, "copyreg", f"extension {code}")


def _code(machine: Machine, module: str, name: str) -> None:
    path = f"{module}.{name}"
    known = machine.globals.get(path)
    if known is None:
        known = machine.globals[path] = Global(module, name)
        machine.spent += _NODE + 150 + 3 * (_TEXT + 4 * len(path))
    _push(machine, known)


@_opcode(b"R")
def _reduce(machine: Machine) -> None:
    arguments = machine.stack.pop()
    machine.stack[-1] = Instance(machine.stack[-1], arguments)
    machine.spent += _INSTANCE


@_opcode(b"\x81")
def _newobj(machine: Machine) -> None:
    _reduce(machine)


@_opcode(b"\x92")
def _newobj_ex(machine: Machine) -> None:
    keywords, arguments = machine.stack.pop(), machine.stack.pop()
    machine.stack[-1] = Instance(machine.stack[-1], arguments, keywords)
    machine.spent += _INSTANCE


@_opcode(b"i")
def _inst(machine: Machine) -> None:
    arguments = tuple(machine.pop_mark())
    machine.charge(_INSTANCE + _TUPLE + 8 * len(arguments))
    _global(machine)
    machine.stack[-1] = Instance(machine.stack[-1], arguments)


@_opcode(b"o")
def _obj(machine: Machine) -> None:
    made_by, *arguments = machine.pop_mark()
    machine.charge(_INSTANCE + _TUPLE + 16 * len(arguments))
    machine.stack.append(Instance(made_by, tuple(arguments)))


@_opcode(b"b")
def _build(machine: Machine) -> None:
    """The state that would have been set. On a class or a plain value it would change code or
    nothing, and is dropped."""
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, Instance):
        if isinstance(state, Entries) and isinstance(target.state, Entries):
            machine.charge(_NODE + 9 * (len(target.state.pairs) + len(state.pairs)))
            state = Entries(target.state.pairs + state.pairs)
        target.state = state


@_opcode(b"P")
def _persid(machine: Machine) -> None:
    _push(machine, None)
    _refer(machine, machine.name_line())


@_opcode(b"Q")
def _binpersid(machine: Machine) -> None:
    _refer(machine, machine.stack[-1])


def _refer(machine: Machine, id: Node) -> None:
    """Something outside the pickle in place of the top of the stack."""
    machine.stack[-1] = reference = Persistent(id)
    machine.references.append(reference)
    machine.spent += _NODE + 10
