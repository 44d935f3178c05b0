"""What would be code, and what it would return: inert nodes in place of both."""

from __future__ import annotations

from dltui.inspect.pickles.machine import Machine
from dltui.inspect.pickles.nodes import Entries, Global, Instance, Node, Persistent
from dltui.inspect.pickles.opcodes.table import (
    INSTANCE_BYTES,
    MAX_NUMBER_BYTES,
    NODE_BYTES,
    TEXT_BYTES,
    TUPLE_BYTES,
    opcode,
    push,
)


@opcode(b"c")
def _global(machine: Machine) -> None:
    module, name = machine.name_line(), machine.name_line()
    _code(machine, module, name)


@opcode(b"\x93")
def _stack_global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if type(name) is not str or type(module) is not str:
        machine.fail("a class is named by what is no text")
    if len(name) + len(module) > MAX_NUMBER_BYTES:
        machine.fail(f"a class whose name has {len(name) + len(module):,} characters")
    _code(machine, module, name)


@opcode(b"\x82")
def _ext1(machine: Machine) -> None:
    _extension(machine, 1)


@opcode(b"\x83")
def _ext2(machine: Machine) -> None:
    _extension(machine, 2)


@opcode(b"\x84")
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
        machine.spent += NODE_BYTES + 150 + 3 * (TEXT_BYTES + 4 * len(path))
    push(machine, known)


@opcode(b"R")
def _reduce(machine: Machine) -> None:
    arguments = machine.stack.pop()
    machine.stack[-1] = Instance(machine.stack[-1], arguments)
    machine.spent += INSTANCE_BYTES


@opcode(b"\x81")
def _newobj(machine: Machine) -> None:
    _reduce(machine)


@opcode(b"\x92")
def _newobj_ex(machine: Machine) -> None:
    keywords, arguments = machine.stack.pop(), machine.stack.pop()
    machine.stack[-1] = Instance(machine.stack[-1], arguments, keywords)
    machine.spent += INSTANCE_BYTES


@opcode(b"i")
def _inst(machine: Machine) -> None:
    arguments = tuple(machine.pop_mark())
    machine.charge(INSTANCE_BYTES + TUPLE_BYTES + 8 * len(arguments))
    _global(machine)
    machine.stack[-1] = Instance(machine.stack[-1], arguments)


@opcode(b"o")
def _obj(machine: Machine) -> None:
    made_by, *arguments = machine.pop_mark()
    machine.charge(INSTANCE_BYTES + TUPLE_BYTES + 16 * len(arguments))
    machine.stack.append(Instance(made_by, tuple(arguments)))


@opcode(b"b")
def _build(machine: Machine) -> None:
    """The state that would have been set. On a class or a plain value it would change code or
    nothing, and is dropped."""
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, Instance):
        if isinstance(state, Entries) and isinstance(target.state, Entries):
            machine.charge(NODE_BYTES + 9 * (len(target.state.pairs) + len(state.pairs)))
            state = Entries(target.state.pairs + state.pairs)
        target.state = state


@opcode(b"P")
def _persid(machine: Machine) -> None:
    push(machine, None)
    _refer(machine, machine.name_line())


@opcode(b"Q")
def _binpersid(machine: Machine) -> None:
    _refer(machine, machine.stack[-1])


def _refer(machine: Machine, id: Node) -> None:
    """Something outside the pickle in place of the top of the stack."""
    machine.stack[-1] = reference = Persistent(id)
    machine.references.append(reference)
    machine.spent += NODE_BYTES + 10
