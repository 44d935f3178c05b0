"""None, truth values and numbers."""

from __future__ import annotations

from dltui.inspect.pickles.machine import Machine
from dltui.inspect.pickles.opcodes.table import (
    DOUBLE,
    INT32,
    MAX_NUMBER_BYTES,
    NUMBER_BYTES,
    UINT16,
    number_line,
    opcode,
    push,
)


@opcode(b"N")
def _none(machine: Machine) -> None:
    push(machine, None)


@opcode(b"\x88")
def _true(machine: Machine) -> None:
    machine.stack.append(True)


@opcode(b"\x89")
def _false(machine: Machine) -> None:
    machine.stack.append(False)


@opcode(b"M")
def _binint2(machine: Machine) -> None:
    push(machine, UINT16.unpack_from(machine.data, machine.position)[0], NUMBER_BYTES)
    machine.position += 2


@opcode(b"J")
def _binint(machine: Machine) -> None:
    push(machine, INT32.unpack_from(machine.data, machine.position)[0], NUMBER_BYTES)
    machine.position += 4


@opcode(b"I")
def _int(machine: Machine) -> None:
    line = number_line(machine)
    if line in (b"00", b"01"):
        push(machine, line == b"01")
    else:
        push(machine, int(line, 0), NUMBER_BYTES + len(line))


@opcode(b"L")
def _long(machine: Machine) -> None:
    line = number_line(machine)
    push(machine, int(line.removesuffix(b"L"), 0), NUMBER_BYTES + len(line))


@opcode(b"\x8a")
def _long1(machine: Machine) -> None:
    _integer(machine, machine.take(1)[0])


@opcode(b"\x8b")
def _long4(machine: Machine) -> None:
    _integer(machine, INT32.unpack(machine.take(4))[0])


@opcode(b"F")
def _float(machine: Machine) -> None:
    push(machine, float(number_line(machine)), NUMBER_BYTES)


@opcode(b"G")
def _binfloat(machine: Machine) -> None:
    push(machine, DOUBLE.unpack_from(machine.data, machine.skip(8))[0], NUMBER_BYTES)


def _integer(machine: Machine, size: int) -> None:
    if not 0 <= size <= MAX_NUMBER_BYTES:
        machine.fail(f"a number of {size:,} bytes")
    push(machine, int.from_bytes(machine.take(size), "little", signed=True), NUMBER_BYTES + size)
