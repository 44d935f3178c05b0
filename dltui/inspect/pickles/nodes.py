"""What a pickle builds here in place of live objects. None of these can do anything."""

from __future__ import annotations

from typing import Any

Node = Any
"""A node of this module, or None, bool, int, float, str, bytes, list, tuple."""


class Global:
    """A class or function by name, as the pickle asks for it; never imported."""

    __slots__ = ("module", "name", "path")

    def __init__(self, module: str, name: str):
        self.module = module
        self.name = name
        self.path = f"{module}.{name}"
        """`torch.nn.modules.linear.Linear`"""


class Entries:
    """A dictionary as pairs in the order of the file: hashing a file's keys could take for ever."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[Node, Node]] | None = None):
        self.pairs: list[tuple[Node, Node]] = [] if pairs is None else pairs

    def by_name(self) -> dict[str, Node]:
        """Those whose key is a string; the last of a name, as in Python."""
        return {key: value for key, value in self.pairs if type(key) is str}


class Members:
    """A set."""

    __slots__ = ("items",)

    def __init__(self, items: list[Node]):
        self.items = items


class Instance:
    """What a call would have returned: the callable, its arguments, and what was then put in."""

    __slots__ = ("args", "entries", "items", "kwargs", "made_by", "state")

    def __init__(self, made_by: Node, args: Node, kwargs: Node = None):
        self.made_by = made_by
        self.args = args
        self.kwargs = kwargs
        self.state: Node = None
        self.items: list[Node] | None = None
        self.entries: Entries | None = None

    @property
    def class_name(self) -> str:
        """The path of the callable; empty if that is itself the result of a call."""
        made_by = self.made_by
        if isinstance(made_by, Global):
            return made_by.path
        referred = made_by.referred_class if isinstance(made_by, Persistent) else None
        return referred.path if isinstance(referred, Global) else ""


class TensorCall(Instance):
    """A call whose arguments are those of a tensor: a reference, and numbers that are none below
    zero. What `rebuilt` would find them to be, it has been found to be already."""

    __slots__ = ()


class Persistent:
    """A reference to something outside the pickle: with torch, a storage."""

    __slots__ = ("id",)

    def __init__(self, id: Node):
        self.id = id

    @property
    def referred_class(self) -> Node:
        """The class that a reference of old torch stands for, beside its source code."""
        match self.id:
            case ("module", Global() as found, *_):
                return found
        return None


class ByteRange:
    """Bytes that stand in the pickle: where, how many, and themselves if they are few."""

    __slots__ = ("data", "offset", "size")

    def __init__(self, offset: int, size: int, data: bytes | None):
        self.offset = offset
        self.size = size
        self.data = data
