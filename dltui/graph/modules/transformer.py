"""Encoder and decoder of the transformer as one layer of the language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from dltui.graph.modules.attention import Attention, AttentionSettings
from dltui.graph.modules.feed_forward import FeedForward


@dataclass(frozen=True, slots=True)
class BlockSettings:
    """One block: its attentions, its feed-forward part, and where the norms stand."""

    attention: AttentionSettings
    memory: AttentionSettings
    """Of the attention to the memory, where there is one."""
    hidden: int
    activation: str
    dropout: float
    bias: bool
    norm: Callable[[], nn.Module]
    is_pre_norm: bool


class TransformerBlock(nn.Module):
    """Self-attention, attention to the memory where there is one, and a feed-forward network.

    Each is added to its input. Norms stand before each part (Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745) or after each sum (Vaswani et al. 2017).
    """

    def __init__(self, width: int, memory_width: int | None, settings: BlockSettings):
        super().__init__()
        self.is_pre_norm = settings.is_pre_norm
        self.attention_norm = settings.norm()
        self.attention = Attention(width, (), settings.attention)
        self.dropout = nn.Dropout(settings.dropout)
        self.has_memory = memory_width is not None
        if memory_width is not None:
            self.memory_norm = settings.norm()
            self.memory_attention = Attention(width, (memory_width,), settings.memory)
        self.mlp_norm = settings.norm()
        self.mlp = FeedForward(
            width,
            settings.hidden,
            width,
            settings.activation,
            settings.dropout,
            settings.bias,
            settings.dropout,
        )

    def forward(self, x: Tensor, memory: tuple[Tensor, ...], own: tuple[Tensor, ...]) -> Tensor:
        """`own`: the named inputs of the self-attention; `memory`: the memory and its mask."""
        x = self._added(x, self.attention_norm, lambda y: self.dropout(self.attention(y, *own)))
        if self.has_memory:
            attend = self.memory_attention
            x = self._added(x, self.memory_norm, lambda y: self.dropout(attend(y, *memory)))
        return self._added(x, self.mlp_norm, self.mlp)

    def _added(self, x: Tensor, norm: nn.Module, part: Callable[[Tensor], Tensor]) -> Tensor:
        if self.is_pre_norm:
            return x + part(norm(x))
        result: Tensor = norm(x + part(x))
        return result


class Transformer(nn.Module):
    """Blocks on top of each other, `(N, T, D)` to `(N, T, D)`, with a last norm where pre-norm.

    The memory `(N, S, M)`, if any, comes second; `inputs` names what comes after: `mask`,
    `position_bias`, `memory_mask`.
    """

    def __init__(
        self,
        width: int,
        memory_width: int | None,
        layers: int,
        settings: BlockSettings,
        inputs: tuple[str, ...],
    ):
        super().__init__()
        self.inputs = inputs
        self.sources = 0 if memory_width is None else 1
        self.blocks = nn.ModuleList(
            TransformerBlock(width, memory_width, settings) for _ in range(layers)
        )
        self.norm = settings.norm() if settings.is_pre_norm else nn.Identity()

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        given = dict(zip(self.inputs, others[self.sources :], strict=True))
        memory = others[: self.sources]
        if "memory_mask" in given:
            memory = (*memory, given.pop("memory_mask"))
        for block in self.blocks:
            x = block(x, memory, tuple(given.values()))
        result: Tensor = self.norm(x)
        return result
