"""What the attention layers of a network look at, as pictures of one validation example."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the name that torch's own documentation uses)

from dltui.graph.attention_maps import attention_layers, recorded_attention

if TYPE_CHECKING:
    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Data
    from dltui.worker.networks import Networks

_MOST_LAYERS = 6
_MOST_HEADS = 8
_MOST_PIXELS = 64


def publish_attention(networks: Networks, data: Data, out: Artefacts) -> None:
    """A sheet with a row for each layer and a column for each head; queries down, keys across.

    Nothing where the network has no attention. A map is as bright as the root of its weight over
    its largest, so that what is looked at a little is seen as well.
    """
    module = next(iter(networks.modules().values()))
    names = list(attention_layers(module))
    if not names or data.val is None:
        return
    chosen = tuple(names[place] for place in _spread(len(names), _MOST_LAYERS))
    example = next(next(data.val.epoch(0)).split(1))
    with recorded_attention(module, chosen) as maps:
        module(example.inputs)
    if not maps:
        return
    heads = min(_MOST_HEADS, *(found.shape[1] for found in maps.values()))
    pictures = torch.cat([_pictures(found[0, :heads]) for found in maps.values()])
    captions = [f"head {head + 1}" for _ in maps for head in range(heads)]
    out.pictures("attention", pictures, heads, captions, list(maps))


def _pictures(weights: Tensor) -> Tensor:
    """`(heads, T, S)` as grey pictures `(heads, 1, 64, 64)`; what is shrunk keeps its brightest."""
    bright = (weights / weights.amax((1, 2), keepdim=True).clamp_min(1e-12)).sqrt().unsqueeze(1)
    size = [min(side, _MOST_PIXELS) for side in bright.shape[2:]]
    return F.interpolate(F.adaptive_max_pool2d(bright, size), (_MOST_PIXELS, _MOST_PIXELS))


def _spread(count: int, most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]
