"""A GPT block of the layer language is the GPT-2 block of plain torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dltui.graph import compile_model
from dltui.recipe.data_info import DataInfo

GPT = """
model:
  blocks:
    transformer:
      params: {heads: 4}
      layers:
        - residual: [layer_norm, {attention: {heads: $(heads), causal: true}}]
        - residual: [layer_norm, {mlp: {activation: gelu_tanh}}]
  layers:
    - {name: tokens, embedding: 32}
    - positions
    - {repeat: 2, name: block, layers: [transformer]}
    - layer_norm
    - tied_linear: tokens
"""


class PlainBlock(nn.Module):
    """Radford et al. 2019, with the attention written out."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        count, steps, width = x.shape
        q, k, v = (
            part.view(count, steps, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).chunk(3, dim=-1)
        )
        scores = q @ k.transpose(2, 3) / math.sqrt(width // self.heads)
        later = torch.ones(steps, steps, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(later, -torch.inf).softmax(dim=-1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(count, steps, width))
        y: Tensor = x + self.down(nn.functional.gelu(self.up(self.norm2(x)), approximate="tanh"))
        return y


class PlainGpt(nn.Module):
    def __init__(self, vocab: int, context: int, width: int):
        super().__init__()
        self.tokens = nn.Embedding(vocab, width)
        self.positions = nn.Parameter(torch.randn(context, width))
        self.blocks = nn.Sequential(PlainBlock(width, 4), PlainBlock(width, 4))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions[: tokens.shape[1]]
        result: Tensor = self.norm(self.blocks(x)) @ self.tokens.weight.T
        return result


def _gpts(write: Callable[..., Any], text: DataInfo) -> tuple[nn.Module, PlainGpt]:
    torch.manual_seed(0)
    ours, plain = compile_model(write(GPT, next_token=True), text), PlainGpt(65, 16, 32)
    rest = plain.state_dict()
    position = rest.pop("positions")
    tokens = rest.pop("tokens.weight")
    values = [tokens, position, *rest.values()]
    ours.load_state_dict(dict(zip(ours.state_dict(), values, strict=True)))
    return ours, plain


def test_gpt_agrees_with_plain_torch(write: Callable[..., Any], text: DataInfo) -> None:
    ours, plain = _gpts(write, text)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in plain.parameters())
    tokens = torch.randint(65, (3, 16))
    with torch.no_grad():
        assert (ours(tokens) - plain(tokens)).abs().max() < 1e-5
        short = tokens[:, :5]
        assert (ours(short) - plain(short)).abs().max() < 1e-5


def test_causal_attention_never_sees_a_later_token(
    write: Callable[..., Any], text: DataInfo
) -> None:
    ours, _ = _gpts(write, text)
    tokens = torch.randint(65, (1, 16))
    changed = tokens.clone()
    changed[0, 9] = (changed[0, 9] + 1) % 65
    with torch.no_grad():
        difference = (ours(tokens) - ours(changed)).abs().amax(dim=(0, 2))
    assert (difference[:9] == 0).all()
    assert (difference[9:] > 0).all()


def test_a_gpt_compiles_as_one_graph(write: Callable[..., Any], text: DataInfo) -> None:
    ours, _ = _gpts(write, text)
    tokens = torch.randint(65, (2, 16))
    with torch.no_grad():
        compiled = torch.compile(ours, fullgraph=True, backend="eager")
        assert torch.equal(compiled(tokens), ours(tokens))


def test_rotary_attention_depends_on_distance_only(
    write: Callable[..., Any], text: DataInfo
) -> None:
    recipe = write(
        "model: {layers: [{embedding: 8}, {attention: {heads: 2, kv_heads: 1, rotary: true}},"
        " {linear: 65}]}",
        next_token=True,
    )
    model = compile_model(recipe, text)
    attention = model.get_submodule("attention")
    vectors = torch.randn(1, 2, 8)
    padded = torch.cat((torch.zeros(1, 3, 8), vectors), dim=1)

    def scores(x: Tensor) -> Tensor:
        q, k, _ = attention._heads(x, ())
        return q @ k.repeat_interleave(2, dim=1).transpose(2, 3)

    with torch.no_grad():
        assert torch.allclose(scores(padded)[..., 3:, 3:], scores(vectors), atol=1e-5)
