"""The pickle machine: a stack, a memo, and opcodes that only ever build inert nodes.

Source: CPython, Lib/pickletools.py (protocols 0 to 5).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import NoReturn

from dltui.errors import CheckpointError
from dltui.inspect.budget import Budget
from dltui.inspect.pickles.nodes import Global, Node, Persistent
from dltui.records import record

_LONG_BINPUT, _BINGET, _BININT1, _MARK = b"rhK("
_UINT32 = Struct("<I")
LONG_BYTES = 100_000
"""Of a pickle, a thousand tensors: with so many to come their calls are read at one go."""
_BATCH = 512
"""Operations between two looks at the budget."""
_ASK_FOR_BYTES = 1 << 20
"""As much as one operation may take without asking for it before."""
_MAX_NAME_BYTES = 4096
_SLOT_BYTES, _MARK_BYTES, _SPARSE_BYTES = 18, 90, 150


class PickleCutError(CheckpointError):
    """The pickle goes on after the end of the bytes given."""


class Stop(Exception):  # noqa: N818  (an end, no error)
    """The STOP opcode."""


@record
class Unpickled:
    """What one pickle says."""

    value: Node
    end: int
    """The position after its last byte."""
    globals: tuple[str, ...]
    """What code it names, `module.name`, each once, in its own order."""
    references: tuple[Persistent, ...]
    """All that it refers to outside of itself, in order."""


class Machine:
    """The state while one pickle is read. `opcodes/` holds what each opcode does to it."""

    __slots__ = (
        *("budget", "data", "globals", "marks", "memo", "path", "position", "references"),
        *("sparse_memo", "spent", "stack", "under_marks"),
    )

    def __init__(self, data: bytes, start: int, budget: Budget):
        self.data = data
        self.position = start
        self.budget = budget
        self.path = budget.path
        self.stack: list[Node] = []
        self.marks: list[list[Node]] = []
        self.under_marks = 0
        """Values on all stacks but the present one."""
        self.memo: list[Node] = []
        self.sparse_memo: dict[int, Node] = {}
        """What is kept under numbers that leave some out."""
        self.globals: dict[str, Global] = {}
        self.references: list[Persistent] = []
        self.spent = 0
        """Estimated bytes of what was built since the budget was last asked."""

    def take(self, size: int) -> bytes:
        """The next bytes. Raises PickleCutError where there are fewer."""
        begin = self.skip(size)
        return self.data[begin : self.position]

    def skip(self, size: int) -> int:
        """Go on by `size` bytes; the position before. Raises PickleCutError."""
        begin = self.position
        if begin + size > len(self.data):
            raise self.cut()
        self.position = begin + size
        return begin

    def line(self) -> bytes:
        """The bytes up to the next line feed, which is left out."""
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise self.cut()
        found = self.data[self.position : end]
        self.position = end + 1
        return found

    def name_line(self) -> str:
        """A line that names code. Raises CheckpointError where it is too long for that."""
        line = self.line()
        if len(line) > _MAX_NAME_BYTES:
            self.fail(f"a name of {len(line):,} bytes")
        return line.decode()

    def charge(self, size_bytes: int) -> None:
        """For what may be large: ask before it is made."""
        self.spent += size_bytes
        if self.spent > _ASK_FOR_BYTES:
            self.settle()

    def settle(self) -> None:
        """Take what was spent from the budget, and see that there is room for stack and memo, which
        go with the machine. Raises CheckpointError where there is not enough."""
        self.budget.take(self.spent)
        self.spent = 0
        slots = len(self.stack) + self.under_marks + len(self.memo)
        self.budget.check(slots * _SLOT_BYTES + len(self.marks) * _MARK_BYTES)

    def pop_mark(self) -> list[Node]:
        """All that was pushed since the last mark."""
        items = self.stack
        self.stack = self.marks.pop()
        self.under_marks -= len(self.stack)
        return items

    def keep(self, key: int) -> None:
        """Remember the top of the stack under a number."""
        memo = self.memo
        if key == len(memo):
            memo.append(self.stack[-1])
            if self.sparse_memo:
                self.sparse_memo.pop(key, None)
        elif key < len(memo):
            memo[key] = self.stack[-1]
        else:
            self.sparse_memo[key] = self.stack[-1]
            self.spent += _SPARSE_BYTES

    def recall(self, key: int) -> None:
        """Push what was kept under a number. Raises KeyError if nothing was."""
        memo = self.memo
        self.stack.append(memo[key] if key < len(memo) else self.sparse_memo[key])

    def cut(self) -> PickleCutError:
        return PickleCutError(
            "the pickle in it ends too early",
            where=str(self.path),
            remedy="the file is truncated; copy it again",
        )

    def fail(self, what: str) -> NoReturn:
        """Raises CheckpointError with the position."""
        raise CheckpointError(
            f"the pickle in it is damaged: {what}, at byte {self.position:,}",
            where=str(self.path),
            remedy="copy or download it again",
        )


def unpickle(data: bytes, budget: Budget, start: int = 0) -> Unpickled:
    """The value of the pickle that begins at `start`, as inert nodes.

    Raises PickleCutError where the data ends before the pickle, CheckpointError where it is
    damaged or would take more memory than the budget has.
    """
    from dltui.inspect.pickles.opcodes import HANDLERS  # it builds on this module

    machine = Machine(data, start, budget)
    handlers, memo, marks = HANDLERS, machine.memo, machine.marks
    tensor_call: Callable[[int], int] | None = None
    position, stack = start, machine.stack
    try:
        while True:
            for _ in range(_BATCH):
                code = data[position]
                # Four opcodes are more than half of a checkpoint: they do without a call each.
                if code == _LONG_BINPUT:
                    key = _UINT32.unpack_from(data, position + 1)[0]
                    position += 5
                    if key == len(memo) and not machine.sparse_memo:
                        memo.append(stack[-1])
                    else:
                        machine.keep(key)
                elif code == _BINGET:
                    key = data[position + 1]
                    position += 2
                    if key < len(memo):
                        stack.append(memo[key])
                    else:
                        machine.recall(key)
                elif code == _BININT1:
                    stack.append(data[position + 1])
                    position += 2
                elif code == _MARK:
                    if tensor_call is not None and (end := tensor_call(position)):
                        position = end
                        continue
                    position += 1
                    marks.append(stack)
                    machine.under_marks += len(stack)
                    machine.stack = stack = []
                else:
                    machine.position = position + 1
                    handlers[code](machine)
                    position, stack = machine.position, machine.stack
            machine.position = position
            machine.settle()
            if tensor_call is None and len(data) - position >= LONG_BYTES:
                # To compile its regular expression takes as long as 300 tensors without it.
                from dltui.inspect.pickles.shortcut import tensor_calls

                tensor_call = tensor_calls(machine)
    except Stop:
        machine.settle()
    except (IndexError, StructError) as error:
        machine.position = max(machine.position, position)
        if machine.position + 1 >= len(data) or isinstance(error, StructError):
            raise machine.cut() from error
        machine.fail("it takes more from its stack than is there")
    except KeyError as error:
        machine.position = max(machine.position, position)
        machine.fail(f"it recalls {error}, which it never kept")
    except (ValueError, TypeError) as error:
        machine.fail(str(error))
    return Unpickled(
        machine.stack[-1], machine.position, tuple(machine.globals), tuple(machine.references)
    )
