"""The landmark transformers answer as Hugging Face's do with the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dltui.graph import compile_model
from dltui.graph.attention_maps import recorded_attention
from dltui.recipe import load_recipe
from dltui.recipe.data_info import DataInfo, InputInfo
from tests.worker.graph import transformers_weights as weights

transformers = pytest.importorskip("transformers")

VOCAB, STEPS = 40, 11


def _tokens_info(*others: InputInfo) -> DataInfo:
    return DataInfo((STEPS,), "int64", "token", vocab=VOCAB, context=STEPS, inputs=others)


def _ours(name: str, info: DataInfo, **params: Any) -> nn.Module:
    overrides = [f"model.params.{key}={value}" for key, value in params.items()]
    return compile_model(load_recipe(f"landmarks/{name}", overrides), info).eval()


def _reference(kind: str, config: Any) -> nn.Module:
    """Random weights large enough that nothing hides: norms away from 1, biases away from 0."""
    torch.manual_seed(0)
    config._attn_implementation = "eager"
    model: nn.Module = getattr(transformers, kind)(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_norm = "norm" in name.lower() or ".ln_" in name
            parameter.normal_(1.0 if is_norm and name.endswith("weight") else 0.0, 0.2)
    return model


def _tokens(batch: int = 3) -> Tensor:
    return torch.randint(1, VOCAB, (batch, STEPS))


def _differ(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape
    assert theirs.std() > 0.01
    return float((ours - theirs).abs().max())


@pytest.fixture(scope="module")
def gpt2() -> tuple[nn.Module, nn.Module]:
    config = transformers.GPT2Config(
        n_layer=2, n_embd=32, n_head=4, vocab_size=VOCAB, n_positions=16,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    theirs = _reference("GPT2LMHeadModel", config)
    ours = _ours("gpt2-small", _tokens_info(), width=32, heads=4, layers=2, context=16)
    ours.load_state_dict(weights.renamed(theirs.state_dict(), weights.GPT2, transposed=True))
    return ours, theirs


@torch.no_grad()
def test_gpt2_answers_as_transformers_does(gpt2: tuple[nn.Module, nn.Module]) -> None:
    ours, theirs = gpt2
    tokens = _tokens()
    assert _differ(ours(tokens), theirs(tokens).logits) < 1e-4


@torch.no_grad()
def test_gpt2s_attention_can_be_looked_at(gpt2: tuple[nn.Module, nn.Module]) -> None:
    ours, theirs = gpt2
    tokens = _tokens()
    with recorded_attention(ours) as maps:
        ours(tokens)
    expected = theirs(tokens, output_attentions=True).attentions
    assert list(maps) == ["block0.mix.attention", "block1.mix.attention"]
    for mine, reference in zip(maps.values(), expected, strict=True):
        assert torch.allclose(mine, reference, atol=1e-5)


@torch.no_grad()
def test_llama_with_grouped_queries_answers_as_transformers_does() -> None:
    config = transformers.LlamaConfig(
        num_hidden_layers=2, hidden_size=32, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, vocab_size=VOCAB, rms_norm_eps=1e-5,
    )  # fmt: skip
    theirs = _reference("LlamaForCausalLM", config)
    sizes = {"width": 32, "heads": 4, "kv_heads": 2, "hidden": 48, "layers": 2}
    ours = _ours("tinyllama-1.1b", _tokens_info(), **sizes)
    ours.load_state_dict(weights.renamed(theirs.state_dict(), weights.LLAMA))
    tokens = _tokens()
    assert _differ(ours(tokens), theirs(tokens).logits) < 1e-4


@torch.no_grad()
def test_gpt2_compiles_as_one_graph(gpt2: tuple[nn.Module, nn.Module]) -> None:
    tokens = _tokens()
    compiled = torch.compile(gpt2[0], fullgraph=True, backend="eager")
    assert torch.equal(compiled(tokens), gpt2[0](tokens))
