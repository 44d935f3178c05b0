"""What an architecture is told by: names that must be there, sizes that tell its variants."""

from __future__ import annotations

from collections.abc import Mapping

from dltui.records import made, record

Shape = tuple[int | None, ...]
ANY: None = None
"""A tensor of any shape; within a shape, of any size."""
Variants = Mapping[tuple[int, ...], str]
"""Titles by what was measured."""


@record
class Blocks:
    """How many numbers stand at the `*` of names that begin so: `layer1.*`."""

    pattern: str


@record
class Size:
    """One size of a tensor's shape; 0 where there is no such tensor."""

    name: str
    dimension: int = 0


@record
class Has:
    """1 where there is such a tensor, else 0."""

    name: str


Measure = Blocks | Size | Has


@record
class Signature:
    """One architecture, as one library names its tensors."""

    needs: Mapping[str, Shape | None]
    """Names that must be there, and their shapes."""
    measures: tuple[Measure, ...] = ()
    variants: Variants = made(default_factory=dict)
    """Titles by the numbers measured."""
    otherwise: str = ""
    """Title for other numbers, which stand in it as `{0}`, `{1}`, …; without it, no match."""
    origin: str = ""
    """The library with these names, in parentheses after the title."""
    below: tuple[str, ...] = ("",)
    """What may stand in front of all names."""
    without: tuple[str, ...] = ()
    """Names that belong to relatives."""


class Layout:
    """Names and shapes of a model, to be asked for what signatures look at."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]):
        self.shapes = shapes

    def title(self, signature: Signature) -> str | None:
        """What the signature calls this model; None where it does not fit."""
        for before in signature.below:
            if self._fits(signature, before):
                measured = tuple(self.measured(each, before) for each in signature.measures)
                title = signature.variants.get(measured) or signature.otherwise.format(*measured)
                if title:
                    return f"{title} ({signature.origin})" if signature.origin else title
        return None

    def _fits(self, signature: Signature, before: str) -> bool:
        for name, asked in signature.needs.items():
            shape = self.shapes.get(before + name)
            if shape is None:
                return False
            if asked is not None and (
                len(shape) != len(asked)
                or any(a is not None and a != b for a, b in zip(asked, shape, strict=True))
            ):
                return False
        return not any(before + name in self.shapes for name in signature.without)

    def measured(self, measure: Measure, before: str) -> int:
        """The number that a measure means here."""
        if isinstance(measure, Blocks):
            return self._blocks(before + measure.pattern)
        shape = self.shapes.get(before + measure.name)
        if isinstance(measure, Has):
            return int(shape is not None)
        return shape[measure.dimension] if shape and len(shape) > measure.dimension else 0

    def _blocks(self, pattern: str) -> int:
        begin, _, _ = pattern.partition("*")
        found = {
            name[len(begin) :].partition(".")[0] for name in self.shapes if name.startswith(begin)
        }
        return sum(1 for number in found if number.isdecimal())
