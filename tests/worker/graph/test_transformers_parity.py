"""The landmark transformers answer as Hugging Face's do with the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dltui.graph import compile_model
from dltui.graph.attention_maps import recorded_attention
from dltui.graph.modules.positions import RelativeBias
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


@pytest.fixture(scope="module")
def bert() -> tuple[nn.Module, nn.Module]:
    config = transformers.BertConfig(
        num_hidden_layers=2, hidden_size=32, num_attention_heads=4, intermediate_size=128,
        vocab_size=VOCAB, max_position_embeddings=16,
    )  # fmt: skip
    theirs = _reference("BertForPreTraining", config)
    ours = _ours("bert-base", _tokens_info(), width=32, heads=4, layers=2, context=16)
    ours.load_state_dict(weights.renamed(theirs.state_dict(), weights.BERT))
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
def test_bert_answers_as_transformers_does_with_padding(
    bert: tuple[nn.Module, nn.Module],
) -> None:
    ours, theirs = bert
    tokens = _tokens()
    tokens[0, 7:] = 0
    tokens[2, 3:] = 0
    got = ours(tokens)
    expected = theirs(tokens, attention_mask=(tokens != 0).long())
    kept = tokens != 0
    assert _differ(got["logits"][kept], expected.prediction_logits[kept]) < 1e-4
    pooled = theirs.bert(tokens, attention_mask=kept.long()).pooler_output
    assert _differ(got["pooled"], pooled) < 1e-4


@torch.no_grad()
def test_t5_answers_as_transformers_does_with_padding() -> None:
    config = transformers.T5Config(
        num_layers=2, d_model=32, num_heads=4, d_kv=6, d_ff=48, vocab_size=VOCAB,
        relative_attention_max_distance=9, relative_attention_num_buckets=8,
        decoder_start_token_id=0,
    )  # fmt: skip
    theirs = _reference("T5ForConditionalGeneration", config)
    sizes = {"width": 32, "heads": 4, "head_dim": 6, "hidden": 48, "layers": 2}
    near = {"buckets": 8, "max_distance": 9}
    info = _tokens_info(InputInfo("target", (STEPS - 4,), "int64"))
    ours = _ours("t5-small", info, **sizes, **near)
    found = weights.renamed(theirs.state_dict(), weights.T5)
    ours.load_state_dict({**found, "scale.weight": torch.tensor(32**-0.5)})
    source, target = _tokens(), _tokens()[:, : STEPS - 4]
    source[1, 6:] = 0
    expected = theirs(
        input_ids=source, attention_mask=(source != 0).long(), decoder_input_ids=target
    ).logits
    assert _differ(ours({"source": source, "target": target}), expected) < 1e-4


@pytest.mark.parametrize("bidirectional", [True, False])
def test_distances_fall_into_t5s_buckets_however_long_the_text(bidirectional: bool) -> None:
    from transformers.models.t5.modeling_t5 import T5Attention

    ahead = torch.arange(-400, 401)
    ours = RelativeBias(2, buckets=32, max_distance=128, bidirectional=bidirectional)
    theirs = T5Attention._relative_position_bucket(ahead, bidirectional, 32, 128)
    assert torch.equal(ours._bucket(ahead), theirs)
    assert len(theirs.unique()) > 30 if bidirectional else len(theirs.unique()) == 32


@torch.no_grad()
def test_clip_answers_as_transformers_does() -> None:
    config = transformers.CLIPConfig(
        text_config={
            "hidden_size": 24, "intermediate_size": 96, "num_hidden_layers": 2,
            "num_attention_heads": 2, "vocab_size": VOCAB, "max_position_embeddings": STEPS,
            "eos_token_id": VOCAB - 1, "bos_token_id": 1, "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 4, "image_size": 16, "patch_size": 8,
        },
        projection_dim=20,
    )  # fmt: skip
    theirs = _reference("CLIPModel", config)
    image = InputInfo("image", (3, 16, 16), "float32")
    text = InputInfo("text", (STEPS,), "int64")
    sizes = {"space": 20, "patch": 8, "width": 32, "heads": 4, "layers": 2}
    words = {"text_width": 24, "text_heads": 2, "text_layers": 2, "vocab": VOCAB}
    info = DataInfo((3, 16, 16), "float32", "class", vocab=VOCAB, inputs=(image, text))
    ours = _ours("clip-vit-b-32", info, **sizes, **words)
    ours.load_state_dict(weights.renamed(theirs.state_dict(), weights.CLIP))
    images, tokens = torch.randn(3, 3, 16, 16), torch.randint(2, VOCAB - 1, (4, STEPS))
    for number, end in enumerate((10, 4, 7, 9)):
        tokens[number, end], tokens[number, end + 1 :] = VOCAB - 1, 0
    got = ours({"image": images, "text": tokens})
    expected = theirs(input_ids=tokens, pixel_values=images)
    assert _differ(got["image_features"], expected.image_embeds) < 1e-4
    assert _differ(got["text_features"], expected.text_embeds) < 1e-4
    assert _differ(got["logits"], expected.logits_per_image) < 1e-4


@torch.no_grad()
def test_gpt2_and_bert_compile_as_one_graph(
    gpt2: tuple[nn.Module, nn.Module], bert: tuple[nn.Module, nn.Module]
) -> None:
    tokens = _tokens()
    tokens[1, 5:] = 0
    compiled = torch.compile(gpt2[0], fullgraph=True, backend="eager")
    assert torch.equal(compiled(tokens), gpt2[0](tokens))
    compiled = torch.compile(bert[0], fullgraph=True, backend="eager")
    assert torch.equal(compiled(tokens)["logits"], bert[0](tokens)["logits"])
