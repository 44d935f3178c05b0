"""What the catalogue says about one layer and its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ArgKind = Literal[
    "int", "float", "bool", "str", "ints", "floats", "strs", "int_or_ints", "choice", "value", "any"
]


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of a layer. `required` arguments have no default.

    A `value` names an earlier layer or input, whose output becomes one more input of the layer.
    """

    kind: ArgKind
    default: Any = None
    doc: str = ""
    required: bool = False
    optional: bool = False
    """True where null is a value of its own."""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    """Smallest value allowed, of every entry where the argument is a list."""
    maximum: float | None = None


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


def size(doc: str, default: int | None = None, *, required: bool = False) -> Arg:
    """A whole number of at least 1; without a default and not required, null is allowed."""
    return Arg(
        "int", default, doc, required=required, optional=default is None and not required, minimum=1
    )


def extent(doc: str, default: int | None, *, minimum: int = 1) -> Arg:
    """One number for every spatial dimension, or a list with one a dimension."""
    return Arg("int_or_ints", default, doc, optional=default is None, minimum=minimum)


def flag(doc: str, default: bool) -> Arg:
    return Arg("bool", default, doc)


def real(doc: str, default: float, minimum: float | None = None) -> Arg:
    return Arg("float", default, doc, minimum=minimum)


def share(doc: str, default: float) -> Arg:
    """A number from 0 to 1."""
    return Arg("float", default, doc, minimum=0, maximum=1)


def axis(doc: str, default: int) -> Arg:
    """A dimension; 0 is the batch, negative ones count from the end."""
    return Arg("int", default, doc)


def value(doc: str) -> Arg:
    """The name of an earlier layer or of a model's input, or null."""
    return Arg("value", None, doc, optional=True)


def choice(doc: str, default: str, *others: str) -> Arg:
    return Arg("choice", default, doc, choices=(default, *others))
