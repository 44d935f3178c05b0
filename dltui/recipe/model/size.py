"""How many layers a model unrolls to, so that absurd ones are refused before they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dltui.recipe.nodes import Block, For, KeyPath, Layer, Node, Repeat, Residual, Use

MOST_LAYERS: Final = 20_000
"""Layers after all loops and blocks are unrolled."""


def first_too_large(nodes: tuple[Node, ...], blocks: Mapping[str, Block]) -> KeyPath | None:
    """The innermost node that unrolls to more than `MOST_LAYERS`, else None.

    Counts that are expressions count once: the graph knows them only when it has the data.
    Blocks must not contain themselves.
    """
    sizes: dict[str, int] = {}
    for node in nodes:
        if (found := _too_large(node, blocks, sizes)) is not None:
            return found
    return nodes[0].path if _list_size(nodes, blocks, sizes) > MOST_LAYERS else None


def _too_large(node: Node, blocks: Mapping[str, Block], sizes: dict[str, int]) -> KeyPath | None:
    if isinstance(node, Layer | Use):
        return node.path if _node_size(node, blocks, sizes) > MOST_LAYERS else None
    for child in node.body:
        if (found := _too_large(child, blocks, sizes)) is not None:
            return found
    return node.path if _node_size(node, blocks, sizes) > MOST_LAYERS else None


def _list_size(nodes: tuple[Node, ...], blocks: Mapping[str, Block], sizes: dict[str, int]) -> int:
    return sum(_node_size(node, blocks, sizes) for node in nodes)


def _node_size(node: Node, blocks: Mapping[str, Block], sizes: dict[str, int]) -> int:
    if isinstance(node, Use):
        return 1
    if isinstance(node, Layer):
        if node.kind not in blocks:
            return 1
        if node.kind not in sizes:
            sizes[node.kind] = _list_size(blocks[node.kind].body, blocks, sizes)
        return sizes[node.kind]
    inside = _list_size(node.body, blocks, sizes)
    if isinstance(node, Residual) and isinstance(node.shortcut, tuple):
        inside += _list_size(node.shortcut, blocks, sizes)
    if isinstance(node, Repeat):
        return inside * (node.count if isinstance(node.count, int) else 1)
    if isinstance(node, For):
        lengths = [len(values) for values in node.variables.values() if isinstance(values, list)]
        return inside * max(lengths, default=1)
    return inside
