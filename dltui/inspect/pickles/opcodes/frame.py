"""The frame of a pickle, its stack and its memo, but for what `unpickle` does itself."""

from __future__ import annotations

from dltui.inspect.pickles.machine import Machine, Stop
from dltui.inspect.pickles.opcodes.table import UINT32, number_line, opcode, push

_HIGHEST_PROTOCOL = 5


@opcode(b"\x80")
def _proto(machine: Machine) -> None:
    version = machine.take(1)[0]
    if version > _HIGHEST_PROTOCOL:
        machine.fail(f"protocol {version} is not known")


@opcode(b"\x95")
def _frame(machine: Machine) -> None:
    machine.skip(8)


@opcode(b".")
def _stop(machine: Machine) -> None:
    if not machine.stack:
        machine.fail("it ends without a value")
    raise Stop


@opcode(b"0")
def _pop(machine: Machine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_mark()


@opcode(b"1")
def _pop_mark(machine: Machine) -> None:
    machine.pop_mark()


@opcode(b"2")
def _dup(machine: Machine) -> None:
    push(machine, machine.stack[-1])


@opcode(b"q")
def _binput(machine: Machine) -> None:
    machine.keep(machine.data[machine.position])
    machine.position += 1


@opcode(b"p")
def _put(machine: Machine) -> None:
    machine.keep(_decimal(machine))


@opcode(b"\x94")
def _memoize(machine: Machine) -> None:
    machine.keep(len(machine.memo) + len(machine.sparse_memo))


@opcode(b"j")
def _long_binget(machine: Machine) -> None:
    machine.recall(UINT32.unpack_from(machine.data, machine.position)[0])
    machine.position += 4


@opcode(b"g")
def _get(machine: Machine) -> None:
    machine.recall(_decimal(machine))


def _decimal(machine: Machine) -> int:
    key = int(number_line(machine))
    if key < 0:
        machine.fail("a negative place in its memo")
    return key
