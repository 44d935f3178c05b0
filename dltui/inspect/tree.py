"""The modules of a checkpoint, from the dotted names of its tensors: a tree with sizes.

Repeated blocks (the twelve layers of a transformer) are folded into one node that says how often.
No value is read, and what lies below a module is found when somebody asks for it: of 20,000
tensors a screen shows forty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from dltui.inspect.contents import Checkpoint, Module, Tensor, distinct
from dltui.inspect.roles import is_buffer, natural_key

if TYPE_CHECKING:
    from dltui.inspect.parts import Part

MAX_DEPTH = 64
"""Names with more dots than this keep the rest in their last part."""

MAX_NODES = 200_000
"""Beyond so many modules those that are left are not looked into: their tensors keep the rest of
their names. The largest mixtures of experts have 140,000; a file of 30 MB could ask for ten
million, and 7 GB."""


class Node:
    """One module: its own tensors, and those below it.

    A folded node stands for `times` siblings of the same structure: `children` and `tensors` are
    those of the first, `parameters` and `size_bytes` of all of them together.
    """

    def __init__(self, blocks: Sequence[_Block], naming: _Naming):
        """`blocks` are the siblings that it stands for, at least one."""
        self._blocks = blocks
        self._naming = naming

    @property
    def name(self) -> str:
        """Last part of the path; of a folded node the first one's."""
        return self._blocks[0].name

    @property
    def path(self) -> str:
        """The way to it from the file's root, of a folded node to the first; empty for the root."""
        return self._blocks[0].path

    @property
    def times(self) -> int:
        """How many siblings are folded into it."""
        return len(self._blocks)

    @property
    def paths(self) -> tuple[str, ...]:
        """Of all that are folded into it, its own first; empty where nothing is folded."""
        return tuple(block.path for block in self._blocks) if self.times > 1 else ()

    @property
    def class_name(self) -> str:
        """As the file says, or empty."""
        return self._naming.module(self.path).class_name

    @property
    def settings(self) -> Mapping[str, Any]:
        """As the file says."""
        return self._naming.module(self.path).settings

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """Its own, not those of its children."""
        return self._split[0]

    @cached_property
    def children(self) -> tuple[Node, ...]:
        """The modules in it: numbers counted up, others as in the file, or by letter if that is."""
        return self._naming.nodes(self._split[1])

    @cached_property
    def _split(self) -> tuple[tuple[Tensor, ...], list[_Block]]:
        return self._naming.split(self._blocks[0])

    @property
    def tensors_below(self) -> Iterator[Tensor]:
        """Its own and those of all modules below, of every sibling that is folded into it."""
        return chain.from_iterable(block.tensors for block in self._blocks)

    @property
    def parameters(self) -> int:
        """Elements of all tensors below that are trained (no running statistics, no masks), each
        storage once."""
        return self._totals[0]

    @property
    def size_bytes(self) -> int:
        """Of all tensors below, buffers too, each storage once."""
        return self._totals[1]

    @cached_property
    def _totals(self) -> tuple[int, int]:
        tensors: Iterable[Tensor] = self._blocks[0].tensors
        times = self.times
        if self._naming.are_shared:
            tensors, times = distinct(tuple(self.tensors_below)), 1
        parameters = size_bytes = 0
        for tensor in tensors:
            size_bytes += tensor.size_bytes
            if not is_buffer(tensor):
                parameters += tensor.elements
        return times * parameters, times * size_bytes


def tree(checkpoint: Checkpoint, part: Part | None = None, folded: bool = True) -> Node:
    """The root of the modules of a checkpoint, or of one part of it.

    The order is the file's, with numbers counted up; where the file is sorted by letter, `layer2`
    stands before `layer10`.
    """
    tensors = checkpoint.tensors if part is None else part.tensors
    below = part.prefix + "." if part is not None and part.prefix else ""
    naming = _Naming(tensors, checkpoint.modules, len(below), folded)
    return Node([_Block("", "", tensors, len(below), 0)], naming)


def walk(node: Node) -> Iterable[Node]:
    """The node and all below it, as they are listed."""
    yield node
    for child in node.children:
        yield from walk(child)


class _Block:
    """All tensors whose names begin with one path."""

    __slots__ = ("begin", "depth", "name", "path", "tensors")

    def __init__(self, name: str, path: str, tensors: Sequence[Tensor], begin: int, depth: int):
        self.name = name
        self.path = path
        self.tensors = tensors
        self.begin = begin
        """Where in the tensors' names that begins which comes after the path and its dot."""
        self.depth = depth


class _Naming:
    """What the names of tensors say of modules, and which modules are alike."""

    def __init__(
        self,
        tensors: Sequence[Tensor],
        modules: Mapping[str, Module],
        skipped: int,
        folded: bool,
    ):
        """`skipped` letters at the beginning of each name are no module's."""
        storages = [tensor.storage for tensor in tensors if tensor.storage]
        self.are_shared = len(set(storages)) < len(storages)
        """Whether the bytes of some tensors are those of others."""
        self._modules = modules
        self._skipped = skipped
        self._folded = folded
        self._made = 0

    def module(self, path: str) -> Module:
        """What the file says of the module at a path."""
        return self._modules.get(path) or self._modules.get(path[self._skipped :]) or _UNKNOWN

    def split(self, block: _Block) -> tuple[tuple[Tensor, ...], list[_Block]]:
        """The tensors of the module itself, and the modules in it in the file's order."""
        if self._made > MAX_NODES:
            return tuple(block.tensors), []
        own: list[Tensor] = []
        found: dict[str, list[Tensor]] = {}
        begin, is_last = block.begin, block.depth == MAX_DEPTH - 1
        for tensor in block.tensors:
            name = tensor.name
            # A part between two dots that is empty belongs to the next one.
            end = name.find(".", begin + 1) if not is_last else name.rfind(".", begin + 1)
            if end < 0:
                own.append(tensor)
            elif (known := found.get(part := name[begin:end])) is not None:
                known.append(tensor)
            else:
                found[part] = [tensor]
        return tuple(own), [
            _Block(
                part,
                tensors[0].name[: begin + len(part)],
                tensors,
                begin + len(part) + 1,
                block.depth + 1,
            )
            for part, tensors in found.items()
        ]

    def nodes(self, blocks: list[_Block]) -> tuple[Node, ...]:
        """Siblings in their order; neighbours that differ in their number alone as one node."""
        ordered = _in_order(blocks)
        groups = self._fold(ordered) if self._folded else [[block] for block in ordered]
        self._made += len(groups)
        return tuple(Node(group, self) for group in groups)

    def _fold(self, blocks: list[_Block]) -> list[list[_Block]]:
        groups: list[list[_Block]] = []
        stem: str | None = None
        structure: dict[object, object] | None = None
        """Of the last group's first block, once it was asked for."""
        for block in blocks:
            former, stem = stem, _stem(block.name)
            if groups and stem is not None and stem == former:
                first = groups[-1][0]
                if len(block.tensors) == len(first.tensors):
                    if structure is None:
                        structure = self._structure(first)
                    if self._structure(block) == structure:
                        groups[-1].append(block)
                        continue
            groups.append([block])
            structure = None
        return groups

    def _structure(self, block: _Block) -> dict[object, object]:
        """What blocks that are alike have in common: names below them, shapes, types, classes."""
        begin = block.begin
        found: dict[object, object] = {t.name[begin:]: (t.shape, t.dtype) for t in block.tensors}
        if self._modules:
            for path in {path for t in block.tensors for path in _paths(t.name, begin - 1)}:
                module = self.module(path)
                found["module", path[begin:]] = (module.class_name, repr(module.settings))
        return found


_UNKNOWN = Module("")


def _paths(name: str, begin: int) -> Iterator[str]:
    """The modules that a tensor is in, from the one on whose path ends at `begin`."""
    while begin >= 0:
        yield name[:begin]
        begin = name.find(".", begin + 1)


def _in_order(blocks: list[_Block]) -> list[_Block]:
    """Siblings by their numbers; by letter only where the file itself is sorted so."""
    if len(blocks) < 2:
        return blocks
    names = [block.name for block in blocks]
    if all(name.isdecimal() for name in names):
        return sorted(blocks, key=lambda block: int(block.name[:18]))
    if names != sorted(names) or _count_up(names):
        return blocks
    return sorted(blocks, key=lambda block: natural_key(block.name))


def _count_up(names: list[str]) -> bool:
    """Whether names that are sorted by letter only differ in a number of as many digits."""
    return len({len(name) for name in names}) == 1 and len({_stem(name) for name in names}) == 1


def _stem(name: str) -> str | None:
    """What stands before the number at the end of a name; None where there is no number."""
    stem = name.rstrip("0123456789")
    return None if stem == name else stem
