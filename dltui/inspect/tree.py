"""The modules of a checkpoint, from the dotted names of its tensors: a tree with sizes.

Repeated blocks (the twelve layers of a transformer) are folded into one node that says how often.
No value is read, and 20,000 tensors take a fraction of a second: this is on the screen first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dltui.inspect.contents import Checkpoint, Module, Tensor
from dltui.inspect.roles import is_buffer, natural_key
from dltui.records import record

if TYPE_CHECKING:
    from dltui.inspect.parts import Part

MAX_DEPTH = 64
"""Names with more dots than this keep the rest in their last part."""


@record
class Node:
    """One module: its own tensors, and those below it.

    A folded node stands for `times` siblings of the same structure: `children` and `tensors` are
    those of the first, `parameters` and `size_bytes` of all of them together.
    """

    name: str
    """Last part of the path; of a folded node the first one's."""
    path: str
    class_name: str
    """As the file says, or empty."""
    settings: Mapping[str, Any]
    children: tuple[Node, ...]
    tensors: tuple[Tensor, ...]
    """Its own, not those of its children."""
    parameters: int
    """Elements of all tensors below that are trained (no running statistics, no masks), each
    storage once."""
    size_bytes: int
    """Of all tensors below, buffers too, each storage once."""
    times: int = 1
    paths: tuple[str, ...] = ()
    """Of all that are folded into this one, its own first; empty where nothing is folded."""


def tree(checkpoint: Checkpoint, part: Part | None = None, folded: bool = True) -> Node:
    """The root of the modules of a checkpoint, or of one part of it.

    The order is the file's, with numbers counted up; where the file is sorted by letter, `layer2`
    stands before `layer10`.
    """
    tensors = checkpoint.tensors if part is None else part.tensors
    below = part.prefix + "." if part is not None and part.prefix else ""
    root = _planted(tensors, below)
    known = Counter(tensor.storage for tensor in tensors if tensor.storage)
    shared = {storage for storage, names in known.items() if names > 1}
    return _Growing(checkpoint.modules, below, shared, folded).node(root)


def walk(node: Node) -> Iterable[Node]:
    """The node and all below it, as they are listed."""
    yield node
    for child in node.children:
        yield from walk(child)


class _Branch:
    __slots__ = ("below", "name", "own", "path", "shared", "structure", "tensors")

    def __init__(self, name: str, path: str):
        self.name = name
        self.path = path
        self.below: dict[str, _Branch] = {}
        self.tensors: list[Tensor] = []
        self.own = (0, 0)
        """Parameters and bytes of the tensors of this branch and below that share no storage."""
        self.shared: dict[str, Tensor] = {}
        """The largest tensor of each storage that several names use, of this branch and below."""
        self.structure = -1


def _planted(tensors: Iterable[Tensor], below: str) -> _Branch:
    """Branches by the parts of the names, with the tensors at them; of names that begin with
    `below` that beginning is left out."""
    root = _Branch("", "")
    known = {"": root}
    for tensor in tensors:
        name = tensor.name.removeprefix(below)
        module = name.rpartition(".")[0]
        branch = known.get(module)
        if branch is None:
            unusual = module.count(".") >= MAX_DEPTH or module.startswith(".")
            grow = _step_by_step if unusual else _grown
            branch = known[module] = grow(known, module, below)
        branch.tensors.append(tensor)
    return root


def _grown(known: dict[str, _Branch], module: str, below: str) -> _Branch:
    """The branch of a module, and those above it that there are not yet."""
    above, _, last = module.rpartition(".")
    parent = known.get(above) or _grown(known, above, below)
    branch = known[module] = _child(known, parent, last, below)
    return branch


def _step_by_step(known: dict[str, _Branch], module: str, below: str) -> _Branch:
    """The same for names with more dots than are told apart, and for those that begin with one."""
    branch = known[""]
    for step in module.split(".", MAX_DEPTH - 1):
        branch = _child(known, branch, step, below)
    return branch


def _child(known: dict[str, _Branch], parent: _Branch, name: str, below: str) -> _Branch:
    found = parent.below.get(name)
    if found is None:
        path = below + name if parent is known[""] else f"{parent.path}.{name}"
        found = parent.below[name] = _Branch(name, path)
    return found


class _Growing:
    """Turns branches into nodes; structures that are equal get the same number."""

    def __init__(
        self, modules: Mapping[str, Module], below: str, shared: set[str], folded: bool
    ) -> None:
        self._modules = modules
        self._below = below
        self._shared = shared
        self._folded = folded
        self._structures: dict[object, int] = {}

    def node(self, branch: _Branch) -> Node:
        branches = _in_order(list(branch.below.values())) if branch.below else []
        made = [self.node(child) for child in branches]
        module = self._module(branch.path) if self._modules else None
        class_name = module.class_name if module else ""
        settings = module.settings if module else {}
        tensors = tuple(branch.tensors)
        self._count(branch, branches)
        if self._folded:
            branch.structure = self._number(branch, branches, class_name, settings)
            children = tuple(_fold(branches, made)) if made else ()
        else:
            children = tuple(made)
        return Node(
            branch.name,
            branch.path,
            class_name,
            settings,
            children,
            tensors,
            *(_together([branch]) if branch.shared else branch.own),
        )

    def _module(self, path: str) -> Module | None:
        return self._modules.get(path) or self._modules.get(path.removeprefix(self._below))

    def _count(self, branch: _Branch, children: list[_Branch]) -> None:
        """Sums of what is below; a storage that several names use counts as its largest tensor."""
        parameters = size_bytes = 0
        shared = self._shared
        for tensor in branch.tensors:
            if shared and tensor.storage in shared:
                _keep_larger(branch.shared, tensor)
            else:
                parameters += 0 if is_buffer(tensor) else tensor.elements
                size_bytes += tensor.size_bytes
        for child in children:
            parameters += child.own[0]
            size_bytes += child.own[1]
            for tensor in child.shared.values():
                _keep_larger(branch.shared, tensor)
        branch.own = parameters, size_bytes

    def _number(
        self, branch: _Branch, children: list[_Branch], class_name: str, settings: Mapping[str, Any]
    ) -> int:
        key = (
            class_name,
            repr(settings) if settings else "",
            tuple((t.name.rpartition(".")[2], t.shape, t.dtype) for t in branch.tensors),
            tuple((child.name, child.structure) for child in children),
        )
        return self._structures.setdefault(key, len(self._structures))


def _in_order(branches: list[_Branch]) -> list[_Branch]:
    """Siblings by their numbers; by letter only where the file itself is sorted so."""
    if len(branches) < 2:
        return branches
    names = [branch.name for branch in branches]
    if all(name.isdecimal() for name in names):
        return sorted(branches, key=lambda branch: int(branch.name[:18]))
    if names != sorted(names) or _count_up(names):
        return branches
    return sorted(branches, key=lambda branch: natural_key(branch.name))


def _count_up(names: list[str]) -> bool:
    """Whether names that are sorted by letter only differ in a number of as many digits."""
    return len({len(name) for name in names}) == 1 and len({_stem(name) for name in names}) == 1


def _fold(branches: list[_Branch], nodes: list[Node]) -> Iterable[Node]:
    """Neighbours that differ in their number alone, as one node each."""
    if len(nodes) < 2:
        yield from nodes
        return
    begin = 0
    while begin < len(nodes):
        stem, end = _stem(branches[begin].name), begin + 1
        while (
            end < len(nodes)
            and stem is not None
            and branches[end].structure == branches[begin].structure
            and _stem(branches[end].name) == stem
        ):
            end += 1
        first = nodes[begin]
        if end - begin == 1:
            yield first
        else:
            same = branches[begin:end]
            yield Node(
                first.name,
                first.path,
                first.class_name,
                first.settings,
                first.children,
                first.tensors,
                *_together(same),
                end - begin,
                tuple(branch.path for branch in same),
            )
        begin = end


def _stem(name: str) -> str | None:
    """What stands before the number at the end of a name; None where there is no number."""
    stem = name.rstrip("0123456789")
    return None if stem == name else stem


def _together(branches: list[_Branch]) -> tuple[int, int]:
    """Parameters and bytes of siblings, each storage once."""
    if len(branches) == 1 and not branches[0].shared:
        return branches[0].own
    shared: dict[str, Tensor] = {}
    for branch in branches:
        for tensor in branch.shared.values():
            _keep_larger(shared, tensor)
    once = shared.values()
    return (
        sum(branch.own[0] for branch in branches)
        + sum(tensor.elements for tensor in once if not is_buffer(tensor)),
        sum(branch.own[1] for branch in branches) + sum(tensor.size_bytes for tensor in once),
    )


def _keep_larger(shared: dict[str, Tensor], tensor: Tensor) -> None:
    known = shared.get(tensor.storage)
    if known is None or tensor.elements > known.elements:
        shared[tensor.storage] = tensor
