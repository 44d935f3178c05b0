"""Objects as points (Zhou et al. 2019, https://arxiv.org/abs/1904.07850): boxes to maps and back.

A map is `(N, C + 4, h, w)`: for each class a logit that an object has its centre in the cell, then
the centre's place in the cell (x, y, each 0 to 1) and the logarithm of width and height in cells.
The classes' logits are counted from `PRIOR`, so that an untrained network finds nothing
(Lin et al. 2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  (the name that torch's own documentation uses)
from torch import Tensor

PRIOR = math.log(0.1 / 0.9)
"""The logit of the chance 0.1."""

_SPREAD = 0.54 / 6
"""Standard deviations of a centre's neighbourhood in widths of its box, Liu et al. 2019,
https://arxiv.org/abs/1909.00700."""


@dataclass(frozen=True, slots=True)
class Points:
    """What a map should say. `heat` `(N, C, h, w)` is 1 at centres and falls off around them.

    The others are of the P objects of the batch: `cell` `(P, 3)` (picture, row, column), `place`
    and `size` `(P, 2)` as in the map.
    """

    heat: Tensor
    cell: Tensor
    place: Tensor
    size: Tensor


def points_of(boxes: Tensor, classes: int, grid: tuple[int, int], size: tuple[int, int]) -> Points:
    """Of box targets `(N, M, 5)` in pictures of `size`, on a grid; both (height, width)."""
    count = len(boxes)
    rows, columns = grid
    cell = boxes.new_tensor([size[1] / columns, size[0] / rows])
    there = boxes[..., 4] >= 0
    low, high = boxes[..., :2] / cell, boxes[..., 2:4] / cell
    extent = (high - low).clamp_min(1e-3)
    center = (low + high) / 2
    corner = center.floor().minimum(center.new_tensor([columns - 1, rows - 1])).clamp_min(0)
    deviation = (_SPREAD * extent).clamp_min(1e-2)
    across = torch.arange(columns, device=boxes.device) - corner[..., :1]
    down = torch.arange(rows, device=boxes.device) - corner[..., 1:]
    bumps_across = torch.exp(-across.square() / (2 * deviation[..., :1].square()))
    bumps_down = torch.exp(-down.square() / (2 * deviation[..., 1:].square()))
    bumps = bumps_down.unsqueeze(3) * bumps_across.unsqueeze(2) * there[..., None, None]
    label = boxes[..., 4].long().clamp_min(0)[..., None, None].expand_as(bumps)
    heat = boxes.new_zeros(count, classes, rows, columns).scatter_reduce(1, label, bumps, "amax")
    picture, place = there.nonzero().unbind(1)
    found = corner[picture, place]
    where = torch.stack([picture, found[:, 1].long(), found[:, 0].long()], 1)
    return Points(heat, where, center[picture, place] - found, extent[picture, place].log())


def heat_loss(logits: Tensor, heat: Tensor) -> Tensor:
    """The focal loss with fewer penalties around centres, equation 1 of the paper (α 2, β 4).

    Summed over the cells, divided by the number of centres.
    """
    logits = logits.float()
    chance = logits.sigmoid()
    centers = heat == 1
    hit = (1 - chance).square() * F.logsigmoid(logits)
    miss = (1 - heat).pow(4) * chance.square() * F.logsigmoid(-logits)
    return -torch.where(centers, hit, miss).sum() / centers.sum().clamp_min(1)


def at_centers(maps: Tensor, cell: Tensor) -> Tensor:
    """`(P, channels)` of maps `(N, channels, h, w)` at the cells `(P, 3)`."""
    picture, row, column = cell.unbind(1)
    return maps.permute(0, 2, 3, 1)[picture, row, column]


def boxes_of(
    output: Tensor, size: tuple[int, int], most: int, nms_iou: float
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For each picture boxes `(K, 4)` in pixels, scores `(K,)` and classes `(K,)`, the surest
    first: the highest cells among their neighbours, less what overlaps with surer ones of the
    class."""
    from torchvision.ops import batched_nms  # 3 s of start-up that other tasks do not need

    output = output.float()
    rows, columns = output.shape[2:]
    classes = output.shape[1] - 4
    heat = (output[:, :classes] + PRIOR).sigmoid()
    heat = heat * (F.max_pool2d(heat, 3, stride=1, padding=1) == heat)
    scores, flat = heat.flatten(1).topk(min(most, heat[0].numel()))
    label, place = flat // (rows * columns), flat % (rows * columns)
    told = output[:, classes:].flatten(2)
    told = told.gather(2, place.unsqueeze(1).expand(-1, 4, -1))
    corner = torch.stack([place % columns, place // columns], 1)
    cell = output.new_tensor([size[1] / columns, size[0] / rows]).view(1, 2, 1)
    center = (corner + told[:, :2]) * cell
    # e^10 cells are more than any picture has.
    half = told[:, 2:].clamp(max=10).exp() * cell / 2
    boxes = torch.cat([center - half, center + half], 1).transpose(1, 2)
    side = boxes.new_tensor([size[1], size[0], size[1], size[0]])
    boxes = boxes.clamp_min(0).minimum(side)
    found = []
    for kept_boxes, kept_scores, kept_labels in zip(boxes, scores, label, strict=True):
        kept = batched_nms(kept_boxes, kept_scores, kept_labels, nms_iou)
        found.append((kept_boxes[kept], kept_scores[kept], kept_labels[kept]))
    return found
