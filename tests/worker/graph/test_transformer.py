"""Transformer blocks as one layer, mixtures of experts, pooling and embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dltui.graph import compile_model
from dltui.graph.assemble import assemble, materialise
from dltui.graph.auxiliary import auxiliary_loss, with_auxiliary_loss
from dltui.graph.modules.embeddings import ClassEmbedding, TimeEmbedding
from dltui.graph.modules.tokens import SequencePool
from dltui.recipe.data_info import DataInfo, InputInfo

Write = Callable[..., Any]
SEQUENCE = DataInfo(
    (6, 16),
    "float32",
    "class",
    classes=3,
    inputs=(InputInfo("mask", (6,), "bool"), InputInfo("memory", (4, 16), "float32")),
)


def _layer(write: Write, layer: str, inputs: str = "input") -> nn.Module:
    recipe = write(f"model: {{inputs: [{inputs}], layers: [{layer}]}}")
    torch.manual_seed(0)
    return materialise(assemble(recipe, SEQUENCE)).eval()


def _filled_like_torchs(layer: Any, torchs: Any) -> None:
    """Random numbers in torch's layer, the same in a block of ours."""
    with torch.no_grad():
        for parameter in torchs.parameters():
            parameter.normal_(0.5, 0.3)
        named = {
            "attention.qkv.weight": torchs.self_attn.in_proj_weight,
            "attention.qkv.bias": torchs.self_attn.in_proj_bias,
        }
        for ours, theirs in {
            "attention.out": torchs.self_attn.out_proj,
            "attention_norm": torchs.norm1,
            "mlp.up": torchs.linear1,
            "mlp.down": torchs.linear2,
            "mlp_norm": getattr(torchs, "norm3", torchs.norm2),
        }.items():
            named |= {f"{ours}.weight": theirs.weight, f"{ours}.bias": theirs.bias}
        if hasattr(torchs, "multihead_attn"):
            memory = torchs.multihead_attn
            weights, biases = memory.in_proj_weight.chunk(3), memory.in_proj_bias.chunk(3)
            for part, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True):
                named[f"memory_attention.{part}.weight"] = weight
                named[f"memory_attention.{part}.bias"] = bias
            for ours, theirs in (("memory_attention.out", memory.out_proj),):
                named |= {f"{ours}.weight": theirs.weight, f"{ours}.bias": theirs.bias}
            named |= {"memory_norm.weight": torchs.norm2.weight}
            named |= {"memory_norm.bias": torchs.norm2.bias}
        layer.load_state_dict(named)


@pytest.mark.parametrize("norm", ["pre", "post"])
@torch.no_grad()
def test_an_encoder_block_is_torchs(norm: str, write: Write) -> None:
    layer = f"{{transformer_encoder: {{heads: 4, hidden: 32, norm: {norm}, mask: mask}}}}"
    ours: Any = _layer(write, layer, "input, mask")
    theirs = nn.TransformerEncoderLayer(
        16, 4, 32, 0.0, "gelu", batch_first=True, norm_first=norm == "pre"
    ).eval()
    block = ours.get_submodule("transformer_encoder.blocks.0")
    _filled_like_torchs(block, theirs)
    x, mask = torch.randn(2, 6, 16), torch.ones(2, 6, dtype=torch.bool)
    mask[0, 4:] = False
    got = ours({"input": x, "mask": mask})
    last = nn.functional.layer_norm if norm == "pre" else lambda y, _: y
    expected = last(theirs(x, src_key_padding_mask=~mask), (16,))
    assert torch.allclose(got[mask], expected[mask], atol=1e-4)


@torch.no_grad()
def test_a_decoder_block_is_torchs(write: Write) -> None:
    layer = "{transformer_decoder: {heads: 4, hidden: 32, norm: post}, in: [input, memory]}"
    ours: Any = _layer(write, layer, "input, memory")
    theirs = nn.TransformerDecoderLayer(16, 4, 32, 0.0, "gelu", batch_first=True).eval()
    _filled_like_torchs(ours.get_submodule("transformer_decoder.blocks.0"), theirs)
    x, memory = torch.randn(2, 6, 16), torch.randn(2, 4, 16)
    later = nn.Transformer.generate_square_subsequent_mask(6)
    expected = theirs(x, memory, tgt_mask=later, tgt_is_causal=True)
    assert torch.allclose(ours({"input": x, "memory": memory}), expected, atol=1e-4)


def test_a_llama_like_stack_has_its_options_in_every_block(write: Write) -> None:
    ours = _layer(
        write,
        "{transformer_decoder: {layers: 2, heads: 4, kv_heads: 2, hidden: 24, activation: swiglu, "
        "norm_type: rms, bias: false, rotary: true, dropout: 0.1}}",
    )
    per_block = 16 * (16 + 2 * 8) + 16 * 16 + 16 * 48 + 24 * 16 + 2 * 16
    assert sum(p.numel() for p in ours.parameters()) == 2 * per_block + 16
    x = torch.randn(1, 6, 16)
    changed = x.clone()
    changed[:, 3] += 1
    with torch.no_grad():
        difference = (ours(x) - ours(changed)).abs().amax(dim=(0, 2))
    assert (difference[:3] == 0).all()
    assert (difference[3:] > 0).all()


def test_encoder_and_decoder_compile_as_one_graph(write: Write) -> None:
    encoder = "{name: e, transformer_encoder: {layers: 2, heads: 4, qk_norm: rms, mask: mask}}"
    decoder = (
        "{transformer_decoder: {heads: 4, rotary: true, window: 3, memory_mask: mask}, in: [e, e]}"
    )
    ours = _layer(write, f"{encoder}, {decoder}", "input, mask")
    mask = torch.ones(2, 6, dtype=torch.bool)
    mask[1, 3:] = False
    given = {"input": torch.randn(2, 6, 16), "mask": mask}
    with torch.no_grad():
        compiled = torch.compile(ours, fullgraph=True, backend="eager")
        assert torch.equal(compiled(given), ours(given))


def _experts(write: Write, **options: Any) -> Any:
    told = ", ".join(f"{key}: {value}" for key, value in options.items())
    return _layer(write, f"{{mixture_of_experts: {{{told}}}}}").get_submodule("mixture_of_experts")


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_each_token_is_answered_by_the_experts_of_its_choice(top_k: int, write: Write) -> None:
    mixture = _experts(write, experts=4, top_k=top_k, hidden=8)
    x = torch.randn(2, 6, 16)
    with torch.no_grad():
        got = mixture(x)
        chances = mixture.router(x).softmax(-1)
        for place in ((0, 0), (0, 5), (1, 3)):
            weights, chosen = chances[place].topk(top_k)
            weights = weights / weights.sum() if top_k > 1 else weights
            answers = torch.stack([mixture.experts[int(e)](x[place]) for e in chosen])
            assert torch.allclose(got[place], weights @ answers, atol=1e-6)


def test_a_mixture_adds_a_loss_that_is_least_when_the_load_is_even(write: Write) -> None:
    mixture = _experts(write, experts=4, top_k=1, balance=0.5).train()
    assert auxiliary_loss(with_auxiliary_loss(mixture)) is None
    with torch.no_grad():
        mixture.router.weight.zero_()
        mixture.router.weight[:, :4] = torch.eye(4) * 50
    even = torch.zeros(1, 4, 16)
    even[0, range(4), range(4)] = 1.0
    mixture(even)
    loss = auxiliary_loss(with_auxiliary_loss(mixture))
    assert loss is not None
    assert loss.item() == pytest.approx(0.5)
    mixture(even[:, :1].expand(1, 4, 16))
    loss = auxiliary_loss(with_auxiliary_loss(mixture))
    assert loss is not None
    assert loss.item() == pytest.approx(4 * 0.5)
    loss.backward()
    assert mixture.router.weight.grad is not None
    assert auxiliary_loss(with_auxiliary_loss(mixture)) is None  # each loss is added once
    mixture.eval()(even)
    assert auxiliary_loss(with_auxiliary_loss(mixture)) is None


def test_every_expert_learns(write: Write) -> None:
    mixture = _experts(write, experts=4, top_k=2).train()
    mixture(torch.randn(8, 6, 16)).square().mean().backward()
    for parameter in mixture.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


def test_pooling_leaves_padding_out() -> None:
    x = torch.arange(24.0).reshape(2, 4, 3) - 100
    mask = torch.tensor([[True, True, False, False], [True, True, True, True]])

    def pooled(kind: Any, *masks: Tensor) -> Tensor:
        return SequencePool(kind)(x, *masks)

    assert torch.equal(pooled("mean", mask)[0], x[0, :2].mean(0))
    assert torch.equal(pooled("max", mask)[0], x[0, 1])
    assert torch.equal(pooled("last", mask), torch.stack((x[0, 1], x[1, 3])))
    assert torch.equal(pooled("cls", mask), x[:, 0])
    assert torch.equal(pooled("mean"), x.mean(1))
    assert torch.equal(pooled("last"), x[:, -1])
    assert pooled("mean", torch.zeros(2, 4)).isfinite().all()


def test_a_time_is_told_by_waves_of_falling_speed() -> None:
    layer = TimeEmbedding(6, frequencies=8, hidden=5, max_period=100.0, scale=2.0)
    seen: list[Tensor] = []
    layer.up.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    output = layer(torch.tensor([0.0, 3.0]))
    assert output.shape == (2, 6)
    speeds = 100.0 ** -(torch.arange(4) / 4)
    expected = torch.cat(((6 * speeds).sin(), (6 * speeds).cos()))
    assert torch.allclose(seen[0][1], expected)
    assert torch.equal(seen[0][0], torch.tensor([0.0] * 4 + [1.0] * 4))
    assert torch.equal(output, layer(torch.tensor([[0], [3]])))


def test_labels_are_dropped_to_the_class_any_while_training() -> None:
    torch.manual_seed(0)
    layer = ClassEmbedding(classes=3, width=4, dropout=0.25)
    assert layer.weight.shape == (4, 4)
    labels = torch.zeros(4000, dtype=torch.int64)
    dropped = (layer(labels) == layer.weight[3]).all(1).float().mean()
    assert dropped == pytest.approx(0.25, abs=0.03)
    assert torch.equal(layer.eval()(labels), layer.weight[:1].expand(4000, 4))
    assert ClassEmbedding(classes=3, width=4, dropout=0.0).weight.shape == (3, 4)


def test_similarity_is_a_cosine_by_a_learned_scale(write: Write) -> None:
    recipe = write(
        "model: {inputs: [x, y], layers: [{similarity: {temperature: 0.5}, in: [x, y]}]}"
    )
    network = materialise(assemble(recipe, DataInfo((5,), "float32", "class", classes=2)))
    x, y = torch.randn(3, 5), torch.randn(4, 5)
    expected = 2 * nn.functional.cosine_similarity(x[:, None], y[None], dim=-1)
    assert torch.allclose(network({"x": x, "y": y}), expected, atol=1e-6)
    with torch.no_grad():
        network.get_parameter("similarity.logit_scale").fill_(20.0)
        assert network({"x": x, "y": x}).diagonal().max() == pytest.approx(100, abs=1e-3)


def test_init_rules_may_use_the_models_sizes(write: Write, digits: DataInfo) -> None:
    model = compile_model(
        write(
            "model: {params: {width: 400}, layers: [flatten, {linear: $(width)}, {linear: 10}], "
            "init: [{match: linear0.weight, init: normal, std: $(1 / sqrt(width))}]}"
        ),
        digits,
    )
    assert model.get_parameter("linear0.weight").std().item() == pytest.approx(0.05, rel=0.05)
