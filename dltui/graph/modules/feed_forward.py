"""The feed-forward part of a transformer, and a mixture of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from dltui.graph.modules.blocks import Gated, GeGlu


class QuickGelu(nn.Module):
    """`x · sigmoid(1.702 x)`, the approximation of GELU that CLIP uses, by way of SiLU."""

    def __init__(self) -> None:
        super().__init__()
        self.silu = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.silu(1.702 * x) / 1.702
        return result


class FeedForward(nn.Module):
    """Linear, activation, linear over the last dimension: `(…, D)` to `(…, out)`.

    The gated activations take two halves from the first linear layer. `hidden_dropout` comes after
    the activation, `dropout` after the last layer.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        out: int,
        activation: str,
        dropout: float,
        bias: bool,
        hidden_dropout: float = 0.0,
    ):
        super().__init__()
        self.up = nn.Linear(width, hidden * (2 if activation in GATED else 1), bias=bias)
        self.activation = _ACTIVATIONS[activation]()
        self.hidden_dropout = nn.Dropout(hidden_dropout) if hidden_dropout else nn.Identity()
        self.down = nn.Linear(hidden, out, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.hidden_dropout(self.activation(self.up(x)))
        result: Tensor = self.dropout(self.down(hidden))
        return result


GATED: Final = ("glu", "reglu", "swiglu", "geglu", "geglu_tanh")
"""Activations that multiply two halves, and so need twice as many hidden features."""
_ACTIVATIONS: Final[dict[str, Callable[[], nn.Module]]] = {
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU("tanh"),
    "quick_gelu": QuickGelu,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "glu": nn.GLU,
    "reglu": lambda: Gated(nn.ReLU()),
    "swiglu": lambda: Gated(nn.SiLU()),
    "geglu": GeGlu,
    "geglu_tanh": lambda: Gated(nn.GELU("tanh")),
}


class MixtureOfExperts(nn.Module):
    """Each token goes to the `top_k` of several feed-forward networks that a router prefers.

    `(…, D)` to `(…, D)`: the chosen experts' answers, weighted by the router's softmax, which is
    spread over the chosen ones where there are several (Shazeer et al. 2017,
    https://arxiv.org/abs/1701.06538; Jiang et al. 2024). No token is dropped.

    While training, `auxiliary_loss` holds `balance · E · Σ fₑ Pₑ` of the last batch: fₑ is the
    share of the choices that fell on expert e, Pₑ the router's mean probability for it
    (Fedus et al. 2021, equation 4, https://arxiv.org/abs/2101.03961). It is `balance` where all
    experts are used alike. The loop adds it to the loss.
    """

    def __init__(
        self, experts: Callable[[], FeedForward], count: int, top_k: int, width: int, balance: float
    ):
        super().__init__()
        self.router = nn.Linear(width, count, bias=False)
        self.experts = nn.ModuleList(experts() for _ in range(count))
        self.top_k, self.balance = top_k, balance
        self.auxiliary_loss: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, x.shape[-1])
        chances = self.router(tokens).float().softmax(dim=-1)
        weights, chosen = chances.topk(self.top_k, dim=-1)
        if self.top_k > 1:
            weights = weights / weights.sum(dim=-1, keepdim=True)
        if self.training:
            self.auxiliary_loss = self._imbalance(chances, chosen)
        order = chosen.flatten().argsort(stable=True)
        token = order // self.top_k
        pieces: tuple[Tensor, ...] = torch.split(tokens[token], self._loads(chosen))
        answers = torch.cat(
            [expert(piece) for expert, piece in zip(self.experts, pieces, strict=True)]
        )
        answers = answers * weights.flatten()[order].to(answers.dtype)[:, None]
        mixed = torch.zeros_like(tokens, dtype=answers.dtype).index_add(0, token, answers)
        return mixed.reshape(x.shape)

    def _loads(self, chosen: Tensor) -> list[int]:
        """Tokens per expert, in their order."""
        count = len(self.experts)
        if chosen.is_meta:  # shapes alone: as if the first expert took all
            return [chosen.numel()] + [0] * (count - 1)
        loads: list[int] = torch.bincount(chosen.flatten(), minlength=count).tolist()
        return loads

    def _imbalance(self, chances: Tensor, chosen: Tensor) -> Tensor:
        count = len(self.experts)
        shares = nn.functional.one_hot(chosen, count).float().mean(dim=(0, 1))
        loss: Tensor = self.balance * count * (shares * chances.mean(dim=0)).sum()
        return loss

    def extra_repr(self) -> str:
        return f"top_k={self.top_k}, balance={self.balance}"
