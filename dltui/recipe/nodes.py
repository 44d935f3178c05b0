"""The model of a recipe as it was written: layer lists, blocks, loops, shared weights.

The parser makes these from YAML without knowing sizes; `dltui.graph` evaluates the
expressions, infers the sizes and builds the modules. `path` is the key path of the node, which
`Recipe.where` turns into file, line and column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """`$(4 * d)`: arithmetic over block parameters, loop variables and `data.*` facts."""

    text: str
    path: KeyPath


Value = Any
"""A YAML scalar, list or map in which strings of the form `$(…)` are `Expression`s."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One catalogue layer, block or plugin layer: `relu`, `linear: 128`, `basic: {out: 64}`.

    A scalar (or a list where the main argument takes one) fills the main argument.
    """

    kind: str
    args: Mapping[str, Value]
    path: KeyPath
    name: str | None = None
    inputs: tuple[str, ...] | None = None
    """Names of earlier layers or of model inputs (`in: [a, b]`); None takes the layer before."""


@dataclass(frozen=True, slots=True)
class Group:
    """A nested list under a name: `{name: stem, layers: […]}`."""

    body: tuple[Node, ...]
    path: KeyPath
    name: str | None = None
    inputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Residual:
    """`residual: […]` adds the body's output to its input, or to `shortcut` of its input.

    `shortcut` is None (identity), "project" (1×1 convolution and norm, or linear, where the
    shapes differ), or a layer list.
    """

    body: tuple[Node, ...]
    path: KeyPath
    shortcut: str | tuple[Node, ...] | None = None
    name: str | None = None
    inputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """`repeat: 6` with `layers: […]`: the list six times, each with weights of its own."""

    count: Value
    body: tuple[Node, ...]
    path: KeyPath
    name: str | None = None
    inputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class For:
    """`for: {out: [64, 128], stride: [1, 2]}`: zipped lists; `$(index)` counts from 0."""

    variables: Mapping[str, Value]
    body: tuple[Node, ...]
    path: KeyPath
    name: str | None = None
    inputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """`use: enc` runs an earlier layer or group again with the same weights."""

    target: str
    path: KeyPath
    name: str | None = None
    inputs: tuple[str, ...] | None = None


Node = Layer | Group | Residual | Repeat | For | Use


@dataclass(frozen=True, slots=True)
class Block:
    """A named, parametrised layer list under `model.blocks`."""

    name: str
    params: Mapping[str, Value]
    body: tuple[Node, ...]
    path: KeyPath


@dataclass(frozen=True, slots=True)
class InitRule:
    """`{match: "*.weight", init: xavier_uniform, …}`; the first rule that matches wins."""

    match: str
    kind: str
    args: Mapping[str, Value]
    path: KeyPath


@dataclass(frozen=True, slots=True)
class Pretrained:
    """`from: torchvision/resnet50` and what is done to it."""

    source: str
    path: KeyPath
    args: Mapping[str, Value] = field(default_factory=dict)
    weights: str | None = None
    freeze: tuple[str, ...] = ()
    replace_head: bool | int = False
    lora: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """The `model` section: a layer list or a ready-made network."""

    path: KeyPath
    layers: tuple[Node, ...] = ()
    blocks: Mapping[str, Block] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    """Numbers, texts and lists that every layer and block may use in `$(…)`."""
    inputs: tuple[str, ...] = ()
    """Names of the model's inputs; empty for the one unnamed input."""
    outputs: tuple[str, ...] = ()
    """Names of the layers returned; empty for the last one."""
    init: tuple[InitRule, ...] = ()
    pretrained: Pretrained | None = None
