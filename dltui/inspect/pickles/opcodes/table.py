"""The table of opcodes, and what the modules that fill it share."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from dltui.inspect.pickles.machine import Machine
from dltui.inspect.pickles.nodes import Node

Handler = Callable[[Machine], None]

MAX_NUMBER_BYTES = 1000
NUMBER_BYTES, LIST_BYTES, PAIR_BYTES, ENTRIES_BYTES = 36, 80, 80, 120
NODE_BYTES, INSTANCE_BYTES, TUPLE_BYTES, TEXT_BYTES = 64, 88, 56, 64
"""What an opcode can leave behind at most: CPython's object sizes, 3.11 to 3.13. Places on the
stack and in the memo are counted by the machine."""

INT32 = Struct("<i")
UINT16 = Struct("<H")
UINT32 = Struct("<I")
UINT64 = Struct("<Q")
DOUBLE = Struct(">d")


def _unknown(machine: Machine) -> None:
    machine.fail(f"{machine.data[machine.position - 1]:#04x} is no opcode")


HANDLERS: list[Handler] = [_unknown] * 256
"""By the opcode's byte."""


def opcode(*codes: bytes) -> Callable[[Handler], Handler]:
    """Puts a handler into the table at these bytes."""

    def register(handler: Handler) -> Handler:
        for code in codes:
            HANDLERS[code[0]] = handler
        return handler

    return register


def push(machine: Machine, value: Node, size: int = 0) -> None:
    """One value onto the stack, for which so many bytes are spent."""
    machine.spent += size
    machine.stack.append(value)


def number_line(machine: Machine) -> bytes:
    """A number in digits. Raises CheckpointError where it is longer than any that is meant."""
    line = machine.line()
    if len(line) > MAX_NUMBER_BYTES:
        machine.fail(f"a number of {len(line):,} characters")
    return line
