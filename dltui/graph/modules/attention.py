"""Multi-head attention over `scaled_dot_product_attention`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).

    Takes `(N, T, D)` and gives `(N, T, D)`. With a second input of shape `(N, S, M)` keys and
    values come from it; with three inputs they are query, key and value. `kv_heads` below `heads`
    is grouped-query attention (Ainslie et al. 2023). Rotary positions turn the two halves of each
    head (Su et al. 2021), and are for self-attention only.
    """

    def __init__(
        self,
        width: int,
        memory_widths: tuple[int, ...],
        heads: int,
        kv_heads: int,
        head_dim: int,
        causal: bool,
        dropout: float,
        bias: bool,
        rotary_base: float | None,
    ):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, head_dim
        self.causal, self.dropout, self.rotary_base = causal, dropout, rotary_base
        inner, memory = heads * head_dim, kv_heads * head_dim
        self.sources = len(memory_widths)
        if self.sources == 0:
            self.qkv = nn.Linear(width, inner + 2 * memory, bias=bias)
        else:
            self.query = nn.Linear(width, inner, bias=bias)
            self.key = nn.Linear(memory_widths[0], memory, bias=bias)
            self.value = nn.Linear(memory_widths[-1], memory, bias=bias)
        self.out = nn.Linear(inner, width, bias=bias)

    def forward(self, x: Tensor, *memory: Tensor) -> Tensor:
        q, k, v = (self._by_head(t) for t in self._projected(x, memory))
        if self.rotary_base is not None:
            turn = _rotation(q.shape[-2], self.head_dim, self.rotary_base, q.device)
            q, k = _rotated(q, *turn), _rotated(k, *turn)
        mixed = functional.scaled_dot_product_attention(
            q,
            k,
            v,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal,
            enable_gqa=self.heads != self.kv_heads,
        )
        result: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return result

    def _projected(self, x: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        if self.sources == 0:
            shared = self.kv_heads * self.head_dim
            q, k, v = self.qkv(x).split([self.heads * self.head_dim, shared, shared], dim=-1)
            return q, k, v
        return self.query(x), self.key(memory[0]), self.value(memory[-1])

    def _by_head(self, x: Tensor) -> Tensor:
        """`(N, T, heads · head_dim)` to `(N, heads, T, head_dim)`."""
        return x.reshape(*x.shape[:2], -1, self.head_dim).transpose(1, 2)

    def extra_repr(self) -> str:
        return f"heads={self.heads}, kv_heads={self.kv_heads}, causal={self.causal}"


def _rotation(
    length: int, head_dim: int, base: float, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Cosines and sines `(T, head_dim)` of the angle of every step and pair."""
    exponents = torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim
    steps = torch.arange(length, device=device, dtype=torch.float32)
    angles = torch.outer(steps, base**-exponents).repeat(1, 2)
    return angles.cos(), angles.sin()


def _rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return x * cosine.to(x.dtype) + turned * sine.to(x.dtype)
