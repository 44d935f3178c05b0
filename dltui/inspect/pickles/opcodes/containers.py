"""Tuples, lists, dictionaries and sets."""

from __future__ import annotations

from dltui.inspect.pickles.machine import Machine
from dltui.inspect.pickles.nodes import Entries, Instance, Members, Node
from dltui.inspect.pickles.opcodes.table import (
    ENTRIES_BYTES,
    LIST_BYTES,
    PAIR_BYTES,
    TUPLE_BYTES,
    opcode,
    push,
)


@opcode(b")")
def _empty_tuple(machine: Machine) -> None:
    machine.stack.append(())


@opcode(b"t")
def _tuple(machine: Machine) -> None:
    items = machine.pop_mark()
    machine.charge(TUPLE_BYTES + 8 * len(items))
    machine.stack.append(tuple(items))


@opcode(b"\x85", b"\x86", b"\x87")
def _short_tuple(machine: Machine) -> None:
    size = machine.data[machine.position - 1] - 0x84
    if len(machine.stack) < size:
        raise IndexError
    machine.stack[-size:] = [tuple(machine.stack[-size:])]
    machine.spent += TUPLE_BYTES + 8 * size


@opcode(b"]")
def _empty_list(machine: Machine) -> None:
    push(machine, [], LIST_BYTES)


@opcode(b"l")
def _list(machine: Machine) -> None:
    items = machine.pop_mark()
    push(machine, items, LIST_BYTES)


@opcode(b"}")
def _empty_dict(machine: Machine) -> None:
    push(machine, Entries(), ENTRIES_BYTES)


@opcode(b"d")
def _dict(machine: Machine) -> None:
    push(machine, Entries(_pairs(machine, machine.pop_mark())), ENTRIES_BYTES)


@opcode(b"\x8f")
def _empty_set(machine: Machine) -> None:
    push(machine, Members([]), ENTRIES_BYTES)


@opcode(b"\x91")
def _frozenset(machine: Machine) -> None:
    push(machine, Members(machine.pop_mark()), ENTRIES_BYTES)


@opcode(b"a")
def _append(machine: Machine) -> None:
    _extend(machine, [machine.stack.pop()])


@opcode(b"e")
def _appends(machine: Machine) -> None:
    _extend(machine, machine.pop_mark())


@opcode(b"\x90")
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
            machine.spent += LIST_BYTES
        target.items += items
    else:
        machine.fail("items are added to what is no list")


@opcode(b"s")
def _setitem(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _update(machine, [key, value])


@opcode(b"u")
def _setitems(machine: Machine) -> None:
    _update(machine, machine.pop_mark())


def _update(machine: Machine, items: list[Node]) -> None:
    target = machine.stack[-1]
    if isinstance(target, Instance):
        if target.entries is None:
            target.entries = Entries()
            machine.spent += ENTRIES_BYTES
        target = target.entries
    if not isinstance(target, Entries):
        machine.fail("keys are set in what is no dictionary")
    target.pairs += _pairs(machine, items)


def _pairs(machine: Machine, items: list[Node]) -> list[tuple[Node, Node]]:
    if len(items) % 2:
        machine.fail("a key without a value")
    machine.charge(PAIR_BYTES * len(items) // 2)
    return list(zip(items[::2], items[1::2], strict=True))
