"""What torch.save writes for one tensor, read at one go: thirty opcodes that are always the same.

A file of 20,000 tensors consists of little else, and opcode by opcode they take twice as long. What
has exactly this form is read to exactly the same nodes; everything else is left to the machine.

Source: torch/_tensor.py (`_reduce_ex_internal`); CPython, Modules/_pickle.c (protocol 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct

from dltui.inspect.pickles.machine import Machine
from dltui.inspect.pickles.nodes import Instance, Persistent, TensorCall
from dltui.inspect.pickles.opcodes.table import (
    INSTANCE_BYTES,
    NODE_BYTES,
    NUMBER_BYTES,
    TEXT_BYTES,
    TUPLE_BYTES,
)

_NUMBER = rb"(?:K.|M..|J...[\0-\x7f])"
_SIZES = rb"(\)|%b\x85|%b{2}\x86|%b{3}\x87|\(%b{4,32}t)" % ((_NUMBER,) * 4)
_KEPT, _RECALLED = rb"r(....)", rb"h(.)"
_STORAGE = (
    *(_RECALLED, _RECALLED, rb"X(.)\0\0\0([0-9]{1,20})", _KEPT, _RECALLED),
    *(rb"(", _NUMBER, rb")t", _KEPT, rb"Q"),
)
"""The word "storage", its class, its key, its device, how many elements it has."""
_VIEW = (
    *(rb"(", _NUMBER, rb")", _SIZES, rb"(?:", _KEPT, rb")?", _SIZES, rb"(?:", _KEPT, rb")?"),
    *(rb"([\x88\x89])", _RECALLED, rb"\)R", _KEPT),
)
"""Offset, shape and strides; whether it has a gradient; an empty dictionary of hooks."""
_TENSOR = re.compile(rb"".join((rb"\(\(", *_STORAGE, *_VIEW, rb"t", _KEPT, rb"R")), re.DOTALL)

_FOUR, _SIX = Struct("<4I"), Struct("<6I")
_NODES_BYTES = (
    *(TEXT_BYTES, TUPLE_BYTES + 8 * 5, NODE_BYTES + 10, INSTANCE_BYTES, TUPLE_BYTES + 8 * 6),
    INSTANCE_BYTES,
)
_SPENT = sum(_NODES_BYTES)
_OPERAND_BYTES = {ord("K"): 1, ord("M"): 2, ord("J"): 4}
_MAX_KNOWN = 1000


def tensor_calls(machine: Machine) -> Callable[[int], int]:
    """What does, for one machine, all that the opcodes of a tensor's call do.

    It is given the position of the mark at which the call's arguments begin, and returns that of
    the next opcode; 0 where something else stands there, and then nothing has been done.
    """
    data, memo, references = machine.data, machine.memo, machine.references
    match, known = _TENSOR.match, _Numbers(machine)

    def read(begin: int) -> int:
        found = match(data, begin)
        if found is None:
            return 0
        (
            word, kind, key_size, key, key_kept, device, elements, id_kept,
            offset, shape, shape_kept, stride, stride_kept, trained, hooks, hooks_kept, args_kept,
        ) = found.groups()  # fmt: skip
        end, stack = len(memo), machine.stack
        if shape_kept is not None and stride_kept is not None:
            kept = b"".join((key_kept, id_kept, shape_kept, stride_kept, hooks_kept, args_kept))
            is_next = kept == _SIX.pack(end, end + 1, end + 2, end + 3, end + 4, end + 5)
        else:
            kept = key_kept + id_kept + hooks_kept + args_kept
            is_next = kept == _FOUR.pack(end, end + 1, end + 2, end + 3)
            is_next &= shape_kept is stride_kept
        if not is_next or key_size[0] != len(key) or machine.sparse_memo or not stack or end < 256:
            return 0

        # A number below 256 recalls what was kept long before.
        text = key.decode()
        id = (memo[word[0]], memo[kind[0]], text, memo[device[0]], known[elements][0])
        storage, hook = Persistent(id), Instance(memo[hooks[0]], ())
        sizes, steps = known[shape], known[stride]
        args = (storage, known[offset][0], sizes, steps, trained == b"\x88", hook)
        memo.extend(
            (text, id, hook, args) if shape_kept is None else (text, id, sizes, steps, hook, args)
        )
        references.append(storage)
        stack[-1] = TensorCall(stack[-1], args)
        machine.spent += _SPENT + len(key)
        return found.end()

    return read


class _Numbers(dict[bytes, tuple[int, ...]]):
    """Shapes, strides and single numbers by the opcodes that make them; most are made often."""

    def __init__(self, machine: Machine):
        super().__init__()
        self._machine = machine

    def __missing__(self, opcodes: bytes) -> tuple[int, ...]:
        found: list[int] = []
        at = 0
        while at < len(opcodes):
            size = _OPERAND_BYTES.get(opcodes[at], 0)
            if size:
                found.append(int.from_bytes(opcodes[at + 1 : at + 1 + size], "little"))
            at += 1 + size
        numbers = tuple(found)
        self._machine.spent += TUPLE_BYTES + (8 + NUMBER_BYTES) * len(found)
        if len(self) < _MAX_KNOWN:
            self[opcodes] = numbers
        return numbers
