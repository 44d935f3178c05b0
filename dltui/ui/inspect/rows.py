"""The module tree as rows: what is open, what the filter leaves, folded blocks told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from dltui.inspect.contents import Tensor
from dltui.inspect.tree import Node, walk
from dltui.records import record

if TYPE_CHECKING:
    from dltui.inspect.selection import Selection


@record
class Row:
    """One line of the tree: a module, or a tensor of `node`."""

    key: str
    depth: int
    name: str
    node: Node
    tensor: Tensor | None = None
    is_open: bool = False

    @property
    def is_group(self) -> bool:
        """Several blocks that are alike, folded into one."""
        return self.tensor is None and self.node.times > 1

    @property
    def can_open(self) -> bool:
        """Whether something lies below it."""
        return self.tensor is None


class Outline:
    """Which rows are shown. `unfolded_root` is asked for only when blocks are told apart."""

    def __init__(self, title: str, root: Node, unfolded_root: Callable[[], Node]):
        """`title` is what the root's row is called: the file."""
        self.title = title
        self.root = root
        self.opened: set[str] = {node_key(root)}
        self.unfolded: set[str] = set()
        self.selection: Selection | None = None
        """What is looked for; None shows all."""
        self._unfolded_root = unfolded_root

    def rows(self) -> list[Row]:
        """From top to bottom. With a filter all modules that hold something are open."""
        if self.selection:
            return self._selected()
        return list(self._below(self.root, 0))

    def open_while_it_fits(self, height: int) -> None:
        """Opens modules level by level as long as everything fits into `height` rows."""
        level, shown = [self.root], 1
        while level:
            below = [child for node in level for child in node.children if not is_leaf(child)]
            shown += sum(len(node.children) + len(node.tensors) for node in level)
            if shown > height and level != [self.root]:
                return
            self.opened |= {node_key(node) for node in level}
            level = below

    def toggle(self, row: Row, *, opened: bool | None = None) -> None:
        """Opens or closes a module."""
        if row.tensor is None and not self.selection:
            if opened is None:
                opened = row.key not in self.opened
            (self.opened.add if opened else self.opened.discard)(row.key)

    def toggle_all(self, row: Row) -> None:
        """Opens the module with everything below it, or closes all of it."""
        keys = {node_key(node) for node in walk(row.node)}
        if keys <= self.opened:
            self.opened -= keys
        else:
            self.opened |= keys

    def unfold(self, row: Row) -> None:
        """Shows the blocks of a group one by one."""
        if row.is_group:
            self.unfolded.add(row.key)

    def fold(self, row: Row) -> str | None:
        """Puts the blocks among which `row` lies back into their group; the group's key."""
        for key in sorted(self.unfolded, key=len, reverse=True):
            group = self._groups.get(key)
            if group is not None and any(
                row.node.path == path or row.node.path.startswith(f"{path}.")
                for path in group.paths
            ):
                self.unfolded.discard(key)
                return key
        return None

    def reveal(self, tensor_name: str) -> str | None:
        """Opens what leads to the tensor, and unfolds its block; the key of its row."""
        way = _way_to(self._single_root, tensor_name)
        if way is None:
            return None
        paths = {node.path for node in way}
        for key, group in self._groups.items():
            # The first block is shown as the group itself.
            if paths & set(group.paths[1:]):
                self.unfolded.add(key)
        self.opened |= {node_key(node) for node in way}
        for key, group in self._groups.items():
            if key not in self.unfolded and group.paths[0] in paths:
                self.opened |= {node_key(node) for node in walk(group)}
        return tensor_key(tensor_name)

    @cached_property
    def _single_root(self) -> Node:
        return self._unfolded_root()

    @cached_property
    def _by_path(self) -> dict[str, Node]:
        return {node.path: node for node in walk(self._single_root)}

    @cached_property
    def _groups(self) -> dict[str, Node]:
        return {node_key(node): node for node in walk(self.root) if node.times > 1}

    def _below(self, node: Node, depth: int) -> Iterator[Row]:
        key = node_key(node)
        if node.times > 1 and key in self.unfolded:
            for path in node.paths:
                if path in self._by_path:
                    yield from self._below(self._by_path[path], depth)
            return
        if is_leaf(node) and depth:
            tensor = node.tensors[0]
            name = f"{node.name}.{leaf_name(tensor, node)}"
            yield Row(tensor_key(tensor.name), depth, name, node, tensor)
            return
        is_open = key in self.opened
        yield Row(key, depth, node.name if depth else self.title, node, None, is_open)
        if is_open:
            for tensor in node.tensors:
                yield _tensor_row(tensor, node, depth + 1)
            for child in node.children:
                yield from self._below(child, depth + 1)

    def _selected(self) -> list[Row]:
        rows: list[Row] = []
        self._select(self._single_root, 0, rows)
        return rows or [Row(node_key(self.root), 0, self.title, self.root, None, True)]

    def _select(self, node: Node, depth: int, rows: list[Row]) -> bool:
        """Appends what passes, below its modules; False where nothing did."""
        before = len(rows)
        single = is_leaf(node) and depth > 0
        if not single:
            rows.append(
                Row(node_key(node), depth, node.name if depth else self.title, node, None, True)
            )
        for tensor in node.tensors:
            if self.selection is None or self.selection.matches(tensor):
                name = f"{node.name}.{leaf_name(tensor, node)}" if single else None
                rows.append(_tensor_row(tensor, node, depth + (not single), name))
        for child in node.children:
            self._select(child, depth + 1, rows)
        if not single and len(rows) == before + 1:
            rows.pop()
        return len(rows) > before


def is_leaf(node: Node) -> bool:
    """A module of one tensor alone, which is shown as one row with it."""
    return node.times == 1 and not node.children and len(node.tensors) == 1


def leaf_name(tensor: Tensor, node: Node) -> str:
    """The last part of a tensor's name, below its module."""
    prefix = f"{node.path}." if node.path else ""
    return tensor.name[len(prefix) :] if tensor.name.startswith(prefix) else tensor.name


def node_key(node: Node) -> str:
    """What tells a module's row from all others."""
    return f"m:{node.path}" if node.times == 1 else f"g:{node.path}:{node.name}"


def tensor_key(name: str) -> str:
    """What tells a tensor's row from all others."""
    return f"t:{name}"


def _tensor_row(tensor: Tensor, node: Node, depth: int, name: str | None = None) -> Row:
    return Row(tensor_key(tensor.name), depth, name or leaf_name(tensor, node), node, tensor)


def _way_to(node: Node, name: str) -> tuple[Node, ...] | None:
    """The modules from the root to the one that holds the tensor."""
    if any(tensor.name == name for tensor in node.tensors):
        return (node,)
    for child in node.children:
        if name.startswith(f"{child.path}."):
            way = _way_to(child, name)
            if way is not None:
                return (node, *way)
    return None
