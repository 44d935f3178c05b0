"""Multi-head attention over `scaled_dot_product_attention`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from dltui.graph.modules.rotary import Rotary, rotated


@dataclass(frozen=True, slots=True)
class AttentionSettings:
    """What kind of attention. `inputs` are the named inputs that come after the memory."""

    heads: int
    kv_heads: int
    head_dim: int
    causal: bool = False
    dropout: float = 0.0
    qkv_bias: bool = True
    out_bias: bool = True
    rotary: Rotary | None = None
    window: int | None = None
    qk_norm: Literal["none", "rms", "layer"] = "none"
    scale: float | None = None
    inputs: tuple[str, ...] = ()


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).

    Takes `(N, T, D)` and gives `(N, T, D)`. With a second input of shape `(N, S, M)` keys and
    values come from it; with three inputs they are query, key and value. `kv_heads` below `heads`
    is grouped-query attention (Ainslie et al. 2023, https://arxiv.org/abs/2305.13245), a `window`
    lets a step see only so many around it (Beltagy et al. 2020).

    Two more inputs come last where `settings.inputs` names them: `mask`, `(N, S)`, true (or not 0)
    where a key may be seen (a query to which it leaves nothing sees all); and `position_bias`,
    `(N or 1, heads, T, S)`, added to the scores.
    """

    def __init__(self, width: int, memory_widths: tuple[int, ...], settings: AttentionSettings):
        super().__init__()
        self.settings = settings
        inner = settings.heads * settings.head_dim
        shared = settings.kv_heads * settings.head_dim
        self.sources = len(memory_widths)
        if self.sources == 0:
            self.qkv = nn.Linear(width, inner + 2 * shared, bias=settings.qkv_bias)
        else:
            self.query = nn.Linear(width, inner, bias=settings.qkv_bias)
            self.key = nn.Linear(memory_widths[0], shared, bias=settings.qkv_bias)
            self.value = nn.Linear(memory_widths[-1], shared, bias=settings.qkv_bias)
        if settings.qk_norm != "none":
            norm = nn.RMSNorm if settings.qk_norm == "rms" else nn.LayerNorm
            self.query_norm = norm(settings.head_dim, eps=1e-6)
            self.key_norm = norm(settings.head_dim, eps=1e-6)
        self.out = nn.Linear(inner, width, bias=settings.out_bias)

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        q, k, v = self._heads(x, others[: self.sources])
        mask = self._mask(q, k, others[self.sources :])
        mixed = functional.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            dropout_p=self.settings.dropout if self.training else 0.0,
            is_causal=self.settings.causal and mask is None,
            scale=self.settings.scale,
            enable_gqa=self.settings.heads != self.settings.kv_heads,
        )
        result: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return result

    def attention_weights(self, x: Tensor, *others: Tensor) -> Tensor:
        """What each query takes from each key, `(N, heads, T, S)` in float32.

        Rows sum to 1. For looking at, with the inputs of `forward`: it holds the whole matrix and
        leaves dropout out.
        """
        q, k, _ = self._heads(x, others[: self.sources])
        k = k.repeat_interleave(self.settings.heads // self.settings.kv_heads, dim=1)
        scale = self.settings.scale or 1 / math.sqrt(self.settings.head_dim)
        with torch.autocast(q.device.type, enabled=False):
            scores = q.float() @ k.float().transpose(2, 3) * scale
        mask = self._mask(q, k, others[self.sources :])
        if mask is None and self.settings.causal:
            mask = self._reach(q.shape[2], k.shape[2], q.device)
        if mask is None or mask.dtype != torch.bool:
            return (scores if mask is None else scores + mask).softmax(dim=-1)
        return scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)

    def _heads(self, x: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries `(N, heads, T, head_dim)`, keys and values `(N, kv_heads, S, head_dim)`."""
        q, k, v = (self._by_head(part) for part in self._projected(x, memory))
        if self.settings.qk_norm != "none":
            q = self.query_norm(q.float()).to(v.dtype)
            k = self.key_norm(k.float()).to(v.dtype)
        if self.settings.rotary is not None:
            turn = self.settings.rotary.angles(q.shape[-2], self.settings.head_dim, q.device)
            q, k = rotated(q, *turn), rotated(k, *turn)
        return q, k, v

    def _projected(self, x: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        if self.sources == 0:
            inner = self.settings.heads * self.settings.head_dim
            shared = self.settings.kv_heads * self.settings.head_dim
            q, k, v = self.qkv(x).split([inner, shared, shared], dim=-1)
            return q, k, v
        return self.query(x), self.key(memory[0]), self.value(memory[-1])

    def _by_head(self, x: Tensor) -> Tensor:
        """`(N, T, heads · head_dim)` to `(N, heads, T, head_dim)`."""
        return x.reshape(*x.shape[:2], -1, self.settings.head_dim).transpose(1, 2)

    def _mask(self, q: Tensor, k: Tensor, named: tuple[Tensor, ...]) -> Tensor | None:
        """Booleans or numbers `(N or 1, heads or 1, T or 1, S)`; None: `is_causal` says all."""
        given = dict(zip(self.settings.inputs, named, strict=True))
        seen = given["mask"].bool()[:, None, None, :] if "mask" in given else None
        if self.settings.window is not None or (self.settings.causal and given):
            reach = self._reach(q.shape[2], k.shape[2], q.device)
            seen = reach if seen is None else seen & reach
        if "mask" in given and seen is not None:
            # Some kernels give NaN for a query that may see nothing; it may see all instead.
            seen = seen | ~seen.any(dim=-1, keepdim=True)
        if "position_bias" not in given:
            return seen
        bias = given["position_bias"].to(q.dtype)
        return bias if seen is None else bias.masked_fill(~seen, torch.finfo(bias.dtype).min)

    def _reach(self, queries: int, keys: int, device: torch.device) -> Tensor:
        """`(T, S)`: whether the step of the query may see that of the key, by place alone."""
        ahead = torch.arange(keys, device=device) - torch.arange(queries, device=device)[:, None]
        window = self.settings.window
        if self.settings.causal:
            return (ahead <= 0) if window is None else (ahead <= 0) & (ahead > -window)
        return ahead.abs() < (keys + queries if window is None else window)

    def extra_repr(self) -> str:
        told = self.settings
        return f"heads={told.heads}, kv_heads={told.kv_heads}, causal={told.causal}"
