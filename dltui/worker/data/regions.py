"""Regions of a picture as COCO writes them: polygons, and run lengths column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Segmentation = Sequence[Sequence[float]] | Mapping[str, Any]
"""Polygons `[[x1, y1, x2, y2, …], …]`, or `{"counts": runs, "size": [height, width]}`."""


@dataclass(frozen=True, slots=True)
class Region:
    segmentation: Segmentation
    number: int
    """The class of its pixels."""


@dataclass(frozen=True, slots=True)
class RegionMask:
    """Regions painted over each other in their order, on class 0."""

    size: tuple[int, int]
    """Height and width."""
    regions: tuple[Region, ...]

    def read(self) -> np.ndarray:
        """Class numbers uint8 `(H, W)`. Raises ValueError where a region is in no known format."""
        numbers = np.zeros(self.size, np.uint8)
        for region in self.regions:
            drawn = region.segmentation
            if isinstance(drawn, Mapping):
                numbers[run_length_mask(drawn, self.size)] = region.number
                continue
            for polygon in drawn:
                numbers[polygon_mask(polygon, self.size)] = region.number
        return numbers


def polygon_mask(polygon: Sequence[float], size: tuple[int, int]) -> np.ndarray:
    """bool `(H, W)`: the pixels whose centres lie inside x, y in turn, by the even-odd rule.

    Raises ValueError where that is no polygon.
    """
    edges = np.asarray(polygon, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 6 or len(edges) % 2 or not np.isfinite(edges).all():
        raise ValueError("a polygon has at least three corners of two numbers each")
    height, width = size
    x, y = edges.reshape(-1, 2).T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    centers = np.arange(height) + 0.5
    row, edge = np.nonzero((y <= centers[:, None]) != (next_y <= centers[:, None]))
    along = (centers[row] - y[edge]) / (next_y[edge] - y[edge])
    crossing = x[edge] + along * (next_x[edge] - x[edge])
    # Inside begins or ends with the first centre right of a crossing.
    column = np.ceil(crossing - 0.5).clip(0, width).astype(np.int64)
    turns = np.zeros((height, width + 1), np.int64)
    np.add.at(turns, (row, column), 1)
    inside: np.ndarray = turns.cumsum(1)[:, :-1] % 2 == 1
    return inside


def run_length_mask(region: Mapping[str, Any], size: tuple[int, int]) -> np.ndarray:
    """bool `(H, W)` of runs that start outside and go down the columns.

    Raises ValueError where they do not fill the picture's `size`.
    """
    try:
        counts = region["counts"]
        given = tuple(map(int, region["size"]))
        runs = decompressed(counts) if isinstance(counts, str) else [int(run) for run in counts]
    except (KeyError, TypeError) as error:
        raise ValueError(f"run lengths need counts and size: {error}") from error
    if given != size or sum(runs) != size[0] * size[1] or min(runs, default=0) < 0:
        raise ValueError(f"run lengths of {sum(runs)} pixels do not fill {size[1]}×{size[0]}")
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(size[1], size[0]).T


def decompressed(text: str) -> list[int]:
    """Run lengths of COCO's compressed strings: 5 bits a character from `0` on, the sixth says
    that more follow; from the third run on the difference to the run before the last."""
    runs: list[int] = []
    place = 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            if place >= len(text) or not 0 <= ord(text[place]) - 48 < 64:
                raise ValueError("the compressed run lengths are cut off or broken")
            bits = ord(text[place]) - 48
            value |= (bits & 31) << (5 * shift)
            more = bool(bits & 32)
            place, shift = place + 1, shift + 1
            if not more and bits & 16:
                value -= 1 << (5 * shift)
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return runs
