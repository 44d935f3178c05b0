"""Names inside a model: `in`, `use`, `tied_linear` and `outputs` must name what exists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dltui.recipe.catalogue import LAYERS, LayerSpec
from dltui.recipe.names import unknown
from dltui.recipe.nodes import Block, For, Group, KeyPath, Layer, Node, Repeat, Residual, Use
from dltui.recipe.tree import Entry, Problems, nearest_entry

_INPUT: Final = "input"
"""The name of a list's own input; `input1`, `input2`, … are the others of `in: [a, b]`."""
_NUMBERED_INPUT: Final = re.compile(r"input[1-9][0-9]?\Z")


class References:
    """Checks one model's names; problems are put at the key that names them."""

    def __init__(self, root: Entry, problems: Problems) -> None:
        self._root = root
        self._problems = problems

    def check(self, nodes: tuple[Node, ...], visible: frozenset[str]) -> frozenset[str]:
        """Names visible after the list: those before it, and its own with those inside groups."""
        own: set[str] = set()
        named: set[str] = set()
        for node in nodes:
            seen = visible | own | {_INPUT}
            self._check_named(node, seen)
            inside = self._check_inside(node, seen)
            if node.name is not None:
                if node.name in named:
                    self._add((*node.path, "name"), f"two layers are named `{node.name}`")
                named.add(node.name)
                own.add(node.name)
                own |= {f"{node.name}.{name}" for name in inside}
            own |= inside
        return frozenset(own)

    def check_outputs(self, outputs: tuple[str, ...], path: KeyPath, known: frozenset[str]) -> None:
        for index, name in enumerate(outputs):
            if name not in known:
                self._add((*path, index), unknown("layer", name, known))

    def check_blocks(self, blocks: Mapping[str, Block]) -> bool:
        """Whether a block contains itself, which is a problem too."""
        endless = False
        for block in blocks.values():
            self.check(block.body, frozenset())
        uses = {name: _kinds(block.body) & set(blocks) for name, block in blocks.items()}
        for name, block in blocks.items():
            if (circle := _circle(name, uses)) is not None:
                self._add(block.path, f"block `{name}` contains itself: {' → '.join(circle)}")
                endless = True
        return endless

    def _check_named(self, node: Node, seen: set[str] | frozenset[str]) -> None:
        for name in node.inputs or ():
            if name not in seen and not _NUMBERED_INPUT.match(name):
                self._add((*node.path, "in"), unknown("input", name, seen))
        if isinstance(node, Use) and node.target not in seen - {_INPUT}:
            self._add((*node.path, "use"), unknown("layer", node.target, seen - {_INPUT}))
        if isinstance(node, Layer) and node.kind in LAYERS:
            self._check_values(node, LAYERS[node.kind], seen)
        if isinstance(node, Layer) and node.kind == "tied_linear":
            target = node.args.get("to")
            if isinstance(target, str) and target not in seen - {_INPUT}:
                self._add((*node.path, node.kind), unknown("layer", target, seen - {_INPUT}))

    def _check_values(self, node: Layer, spec: LayerSpec, seen: set[str] | frozenset[str]) -> None:
        for key, arg in spec.args.items():
            name = node.args.get(key) if arg.kind == "value" else None
            if isinstance(name, str) and name not in seen and not _NUMBERED_INPUT.match(name):
                self._add((*node.path, node.kind, key), unknown("input", name, seen))

    def _check_inside(self, node: Node, seen: set[str] | frozenset[str]) -> frozenset[str]:
        visible = frozenset(seen)
        if isinstance(node, Group):
            return self.check(node.body, visible)
        if isinstance(node, Residual):
            if isinstance(node.shortcut, tuple):
                self.check(node.shortcut, visible)
            return self.check(node.body, visible)
        if isinstance(node, Repeat | For):
            # Names in a loop stand for several layers, so they are not seen outside.
            self.check(node.body, visible)
        return frozenset()

    def _add(self, path: KeyPath, message: str) -> None:
        entry, exact = nearest_entry(self._root, path)
        scalar = exact and not isinstance(entry.value, dict)
        self._problems.add(entry.place if scalar else entry.key_or_value, path, message)


def _kinds(nodes: tuple[Node, ...]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, Layer):
            found.add(node.kind)
        elif not isinstance(node, Use):
            found |= _kinds(node.body)
            if isinstance(node, Residual) and isinstance(node.shortcut, tuple):
                found |= _kinds(node.shortcut)
    return found


def _circle(start: str, uses: Mapping[str, set[str]]) -> list[str] | None:
    """The way from a block back to itself, None where there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for used in sorted(uses[way[-1]]):
            if used == start:
                return [*way, start]
            if used not in seen:
                seen.add(used)
                ways.append([*way, used])
    return None
