"""Python's own containers among the inert nodes."""

from __future__ import annotations

from dltui.inspect.pickles.nodes import Entries, Instance, Members, Node

_DICTIONARIES = {
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.Counter",
    "builtins.dict",
    "__builtin__.dict",
}
_SEQUENCES = {
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("set", "list")),
    "builtins.frozenset",
    "__builtin__.frozenset",
    "collections.deque",
    "torch.Size",
    *(f"torch.jit._pickle.build_{kind}list" for kind in ("int", "double", "bool", "tensor")),
}


def entries_of(node: Node) -> Entries | None:
    """The pairs of a dictionary, None if the node is none."""
    if isinstance(node, Entries):
        return node
    if not isinstance(node, Instance) or node.class_name not in _DICTIONARIES:
        return None
    if not node.args and node.entries is not None:
        return node.entries
    given = node.args[:1] if isinstance(node.args, tuple) else ()
    # Python 2 gave an OrderedDict its items as arguments: [[key, value], …].
    pairs = [
        (item[0], item[1])
        for argument in given
        if isinstance(argument, list)
        for item in argument
        if isinstance(item, list | tuple) and len(item) == 2
    ]
    return Entries(pairs + (node.entries.pairs if node.entries else []))


def items_of(node: Node) -> list[Node] | tuple[Node, ...] | None:
    """The items of a list, tuple, set or deque, None if the node is none of these."""
    if isinstance(node, list | tuple):
        return node
    if isinstance(node, Members):
        return node.items
    if not isinstance(node, Instance) or node.class_name not in _SEQUENCES:
        return None
    given = node.args[0] if isinstance(node.args, tuple) and node.args else []
    items = given if isinstance(given, list | tuple) else []
    return [*items, *(node.items or [])]
