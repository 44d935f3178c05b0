"""Synthetic pictures: circles, squares and triangles on a noisy ground, drawn from a seed.

What they are labelled with is exact, because it is drawn with them: a class for each pixel, the
boxes around the shapes, or the class of the one shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo, Target
from dltui.recipe.schema.data import ShapesData
from dltui.recipe.tasks import TASKS
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import TensorExamples
from dltui.worker.data.geometry import NO_BOX
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.picture_files import image_size

BACKGROUND = "background"
_RADIUS = (0.1, 0.22)
"""Smallest and largest distance of a shape's corners from its centre, share of the side."""
_TRIES = 12
"""Places looked at for a shape that must not touch another; without a free one it is left out."""
_AT_ONCE = 256


def outline(section: ShapesData, task: str) -> Outline:
    """Draws nothing."""
    fewest, most = _objects(section)
    learns = TASKS[task].learns
    target: Target = "mask" if "mask" in learns else "boxes" if "boxes" in learns else "class"
    names: tuple[str, ...] = tuple(dict.fromkeys(section.shapes))
    if target == "mask":
        names = (BACKGROUND, *names)
    if target == "class" and len(names) < 2:
        raise DataError(
            "there is one class only",
            where="data.shapes",
            remedy="Name two shapes or more, or use the task segment or detect.",
        )
    shown = "1 shape" if target == "class" else f"{fewest} to {most} shapes"
    info = DataInfo(
        shape=(3, *image_size(section.size)),
        dtype="float32",
        target=target,
        classes=len(names),
        class_names=names,
        notes=(f"synthetic pictures of {shown} each, drawn from seed {section.seed}",),
    )
    check_task(info, task, "shapes data")
    return Outline(info, {"all": section.count})


def _objects(section: ShapesData) -> tuple[int, int]:
    if len(section.objects) != 2 or not 0 <= section.objects[0] <= section.objects[1] > 0:
        raise DataError(
            f"{section.objects} is no range of shapes in a picture",
            where="data.objects",
            remedy="Give the fewest and the most: [1, 4].",
        )
    return section.objects[0], section.objects[1]


def read(section: ShapesData, task: str, say: Say | None = None) -> Loaded:
    """Draws all pictures: uint8 `(N, 3, H, W)`."""
    known = outline(section, task)
    height, width = known.info.shape[1:]
    least, most = _objects(section) if known.info.target != "class" else (1, 1)
    chance = torch.Generator().manual_seed(section.seed)
    names = list(dict.fromkeys(section.shapes))
    pieces = []
    for start in range(0, section.count, _AT_ONCE):
        count = min(_AT_ONCE, section.count - start)
        placed = _placed(count, (height, width), (least, most), len(names), chance)
        inside = torch.stack([_inside(shape, placed, (height, width)) for shape in names], 2)
        chosen = placed.kind[:, :, None, None, None].expand(-1, -1, 1, height, width)
        drawn = inside.gather(2, chosen.clamp_min(0)).squeeze(2)
        drawn &= (placed.kind >= 0)[:, :, None, None]
        pictures = _painted(drawn, section.noise, chance)
        pieces.append((pictures, _targets(drawn, placed.kind, known.info.target)))
    pictures, targets = (torch.cat(parts) for parts in zip(*pieces, strict=True))
    return Loaded(known, {"all": TensorExamples(pictures, targets)}, "images")


@dataclass(frozen=True, slots=True)
class _Placed:
    """Shapes of N pictures, each entry `(N, M)`; `kind` is `NO_BOX` where there is none."""

    row: Tensor
    column: Tensor
    radius: Tensor
    angle: Tensor
    kind: Tensor


def _placed(
    count: int, size: tuple[int, int], objects: tuple[int, int], kinds: int, chance: torch.Generator
) -> _Placed:
    """Shapes that lie inside their pictures and do not touch."""
    height, width = size
    least, most = objects
    wanted = torch.randint(least, most + 1, (count,), generator=chance)
    kind = torch.randint(kinds, (count, most), generator=chance)
    share = torch.rand(count, most, generator=chance)
    radius = (_RADIUS[0] + (_RADIUS[1] - _RADIUS[0]) * share) * min(size)
    angle = torch.rand(count, most, generator=chance) * (2 * math.pi)
    tried = torch.rand(count, most, _TRIES, 2, generator=chance)
    room = radius[:, :, None] + 1
    rows = room + tried[..., 0] * (height - 2 * room)
    columns = room + tried[..., 1] * (width - 2 * room)
    row, column = torch.zeros(count, most), torch.zeros(count, most)
    for place in range(most):
        away = torch.hypot(
            rows[:, place, :, None] - row[:, None, :place],
            columns[:, place, :, None] - column[:, None, :place],
        )
        touching = away < radius[:, None, :place] + radius[:, place, None, None] + 1
        free = ~(touching & (kind[:, None, :place] >= 0)).any(2)
        first = free.int().argmax(1, keepdim=True)
        row[:, place] = rows[:, place].gather(1, first).squeeze(1)
        column[:, place] = columns[:, place].gather(1, first).squeeze(1)
        kind[:, place].masked_fill_(~free.any(1) | (place >= wanted), NO_BOX)
    return _Placed(row, column, radius, angle, kind)


def _inside(shape: str, placed: _Placed, size: tuple[int, int]) -> Tensor:
    """Which pixels lie in each shape, were it of this kind; bool `(N, M, H, W)`."""
    rows = torch.arange(size[0]).view(-1, 1) + 0.5 - placed.row[:, :, None, None]
    columns = torch.arange(size[1]).view(1, -1) + 0.5 - placed.column[:, :, None, None]
    radius = placed.radius[:, :, None, None]
    if shape == "circle":
        return rows.square() + columns.square() <= (0.85 * radius).square()
    sides = {"triangle": 3, "square": 4}[shape]
    # A regular polygon is where every side's normal reaches at most the inner radius.
    inner = radius * math.cos(math.pi / sides)
    inside = torch.ones_like(rows + columns, dtype=torch.bool)
    for side in range(sides):
        normal = placed.angle[:, :, None, None] + 2 * math.pi * side / sides
        inside &= rows * normal.sin() + columns * normal.cos() <= inner
    return inside


def _painted(drawn: Tensor, noise: float, chance: torch.Generator) -> Tensor:
    """Pictures uint8 `(N, 3, H, W)`: every colour differs clearly from its ground."""
    count, most, height, width = drawn.shape
    ground = torch.rand(count, 1, 3, generator=chance)
    # Around the circle of values, so that light grounds get dark shapes and the reverse.
    colors = (ground + 0.35 + 0.3 * torch.rand(count, most, 3, generator=chance)) % 1
    pictures = ground[:, 0, :, None, None].expand(count, 3, height, width)
    for place in range(most):
        color = colors[:, place, :, None, None]
        pictures = torch.where(drawn[:, place, None], color, pictures)
    pictures = pictures + noise * torch.randn(count, 3, height, width, generator=chance)
    return pictures.clamp(0, 1).mul(255).round().to(torch.uint8)


def _targets(drawn: Tensor, kind: Tensor, target: Target) -> Tensor:
    if target == "class":
        return kind[:, 0].clone()
    if target == "mask":
        numbers = (drawn * (kind + 1)[:, :, None, None]).amax(1)
        return numbers.to(torch.uint8)
    return torch.cat([_extent(drawn), kind[:, :, None].float()], 2)


def _extent(drawn: Tensor) -> Tensor:
    """x1, y1, x2, y2 `(N, M, 4)` around the pixels drawn; zeros where there are none."""
    edges = []
    for dimension in (2, 3):
        along = drawn.any(dimension)
        first = along.int().argmax(2)
        last = along.shape[2] - along.flip(2).int().argmax(2)
        edges.append((first, torch.where(along.any(2), last, first)))
    (left, right), (top, bottom) = edges
    return torch.stack([left, top, right, bottom], 2).float()
