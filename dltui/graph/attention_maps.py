"""The attention weights of a model, on request: what every step looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dltui.graph.modules.attention import Attention


def attention_layers(model: nn.Module) -> dict[str, Attention]:
    """The attention layers of a model by their dotted names."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Attention)}


@contextmanager
def recorded_attention(
    model: nn.Module, layers: tuple[str, ...] = ()
) -> Iterator[dict[str, Tensor]]:
    """Keeps what the forward passes inside attend to: `(N, heads, T, S)` in float32 by layer.

    `layers` names those wanted, else it is all of them. The weights are computed a second time,
    beside `scaled_dot_product_attention`, which never holds them; nothing is changed otherwise, and
    nothing remains afterwards. For the module itself: compiled code does not call hooks.
    """
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            assert isinstance(module, Attention)
            with torch.no_grad():
                found[name] = module.attention_weights(*inputs)

        return hook

    handles = [
        module.register_forward_pre_hook(keep(name))
        for name, module in attention_layers(model).items()
        if not layers or name in layers
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
