"""The layers of the layer language by name: their arguments, defaults and meaning.

No torch here: the parser, the JSON Schema and the editor read this table; `dltui.graph`
builds from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ArgKind = Literal[
    "int", "float", "bool", "str", "ints", "floats", "strs", "int_or_ints", "choice", "any"
]


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of a layer. `required` arguments have no default."""

    kind: ArgKind
    default: Any = None
    doc: str = ""
    required: bool = False
    optional: bool = False
    """True where null is a value of its own."""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One catalogue layer. `main` is the argument that a bare scalar or list fills."""

    name: str
    doc: str
    main: str | None = None
    args: Mapping[str, Arg] = field(default_factory=dict)
    min_inputs: int = 1
    max_inputs: int | None = 1
    aliases: tuple[str, ...] = ()


LAYERS: dict[str, LayerSpec] = {}
"""Every layer by name and by alias."""
