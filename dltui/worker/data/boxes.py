"""Boxes as annotations give them, made into targets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dltui.worker.data.geometry import NO_BOX


@dataclass(frozen=True, slots=True)
class Box:
    """x1, y1, x2, y2 in pixels of the stored picture, the right and lower edge outside."""

    left: float
    top: float
    right: float
    bottom: float
    label: int


@dataclass(slots=True)
class BoxCheck:
    """Cuts boxes at their pictures' borders, and counts what had to be cut or left out."""

    outside: Counter[str] = field(default_factory=Counter)
    """Boxes left out, by picture: they lie outside it or have no area."""
    cut: Counter[str] = field(default_factory=Counter)

    def inside(self, boxes: Iterable[Box], size: tuple[int, int], picture: str) -> list[Box]:
        """What of the boxes lies in a picture of `size` (height, width)."""
        height, width = size
        found = []
        for box in boxes:
            edges = (box.left, box.top, box.right, box.bottom)
            if not all(map(math.isfinite, edges)):
                self.outside[picture] += 1
                continue
            left, right = (min(max(edge, 0.0), width) for edge in (box.left, box.right))
            top, bottom = (min(max(edge, 0.0), height) for edge in (box.top, box.bottom))
            if right <= left or bottom <= top:
                self.outside[picture] += 1
                continue
            # Half a pixel of rounding is nothing to report.
            if max(abs(a - b) for a, b in zip(edges, (left, top, right, bottom), strict=True)) > 1:
                self.cut[picture] += 1
            found.append(Box(left, top, right, bottom, box.label))
        return found

    def notes(self) -> tuple[str, ...]:
        """A line for each kind of trouble, with the pictures that it is in."""
        found = []
        for counts, what in (
            (self.outside, "boxes lie outside their pictures or have no area: left out"),
            (self.cut, "boxes reach over the border: cut there"),
        ):
            if counts:
                names = ", ".join(list(counts)[:5]) + (" …" if len(counts) > 5 else "")
                found.append(f"{counts.total():,} {what} ({names})")
        return tuple(found)


def box_targets(
    boxes: Sequence[Sequence[Box]], sizes: Sequence[tuple[int, int]], size: tuple[int, int]
) -> Tensor:
    """Targets `(N, M, 5)` of N pictures stored in `sizes` and shown in `size` (height, width).

    x1, y1, x2, y2, class; M is the most boxes of a picture, rows without one have `NO_BOX`.
    """
    most = max([1, *map(len, boxes)])
    targets = torch.zeros(len(boxes), most, 5)
    targets[:, :, 4] = NO_BOX
    for number, (found, (height, width)) in enumerate(zip(boxes, sizes, strict=True)):
        across, down = size[1] / width, size[0] / height
        for place, box in enumerate(found):
            targets[number, place] = torch.tensor(
                [
                    box.left * across,
                    box.top * down,
                    box.right * across,
                    box.bottom * down,
                    box.label,
                ]
            )
    return targets
