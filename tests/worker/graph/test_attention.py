"""Attention in its kinds: masks, windows, shared heads, biases, and what it looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dltui.errors import RecipeError
from dltui.graph import compile_model
from dltui.graph.attention_maps import recorded_attention
from dltui.recipe.data_info import DataInfo, InputInfo

Write = Callable[..., Any]
STEPS = 6


def _info(*inputs: InputInfo) -> DataInfo:
    mask = InputInfo("mask", (STEPS,), "bool")
    return DataInfo((STEPS, 8), "float32", "class", classes=3, inputs=(mask, *inputs))


def _model(write: Write, layers: str, *inputs: InputInfo) -> nn.Module:
    names = ["x", "mask", *(entry.name for entry in inputs)]
    text = (
        f"model: {{inputs: [{', '.join(names)}], layers: [{layers}, {{mean: 1}}, {{linear: 3}}]}}"
    )
    torch.manual_seed(0)
    return compile_model(write(text), _info(*inputs)).eval()


def _weights(model: nn.Module, x: Tensor, mask: Tensor | None = None) -> Tensor:
    seen = torch.ones(len(x), STEPS, dtype=torch.bool) if mask is None else mask
    with recorded_attention(model) as maps:
        model({"x": x, "mask": seen})
    return next(iter(maps.values()))


@pytest.mark.parametrize(
    "kind",
    [
        "heads: 2",
        "heads: 4, kv_heads: 2, rotary: true",
        "heads: 4, kv_heads: 1, causal: true",
        "heads: 2, causal: true, window: 3",
        "heads: 2, window: 2, qk_norm: rms, mask: mask",
        "heads: 2, causal: true, mask: mask, scale: 1.0, qkv_bias: true, bias: false",
        "heads: 2, rotary: true, rotary_scaling: ntk, rotary_factor: 4, mask: mask",
    ],
)
def test_the_weights_looked_at_are_those_that_mix_the_values(kind: str, write: Write) -> None:
    model = _model(write, f"{{attention: {{{kind}}}}}")
    attention: Any = model.get_submodule("attention")
    x, mask = torch.randn(3, STEPS, 8), torch.ones(3, STEPS, dtype=torch.bool)
    mask[1, 5:] = False
    with torch.no_grad():
        named = (mask,) if "mask: mask" in kind else ()
        looked = attention.attention_weights(x, *named)
        assert torch.allclose(looked.sum(-1), torch.ones(3, attention.settings.heads, STEPS))
        values = attention._heads(x, ())[2]
        values = values.repeat_interleave(looked.shape[1] // values.shape[1], dim=1)
        expected = attention.out((looked @ values).transpose(1, 2).flatten(2))
        assert torch.allclose(attention(x, *named), expected, atol=1e-5)


def test_what_it_looked_at_is_told_in_full_precision_under_autocast(write: Write) -> None:
    model = _model(write, "{attention: {heads: 2, qk_norm: rms, mask: mask}}")
    x = torch.randn(2, STEPS, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        weights = _weights(model, x)
    assert weights.dtype == torch.float32
    assert torch.allclose(weights.sum(-1), torch.ones(2, 2, STEPS), atol=1e-6)


def test_padding_is_never_looked_at_and_does_not_change_the_rest(write: Write) -> None:
    model = _model(write, "{attention: {heads: 2, mask: mask}}")
    attention: Any = model.get_submodule("attention")
    x, mask = torch.randn(2, STEPS, 8), torch.ones(2, STEPS, dtype=torch.bool)
    mask[0, 4:] = False
    with torch.no_grad():
        assert (_weights(model, x, mask)[0, :, :, 4:] == 0).all()
        other = x.clone()
        other[0, 4:] = 100.0
        assert torch.allclose(attention(x, mask)[0, :4], attention(other, mask)[0, :4], atol=1e-6)
        assert torch.allclose(attention(x, mask)[0, :4], attention(x, mask.long())[0, :4])
        short = attention(x[:1, :4], mask[:1, :4])
        assert torch.allclose(attention(x, mask)[:1, :4], short, atol=1e-6)


def test_an_empty_sequence_gives_numbers_and_gradients(write: Write) -> None:
    model = _model(write, "{relative_bias: 2, name: b}, {attention: {heads: 2, mask: mask}, in: x},"
                   " {attention: {heads: 2, mask: mask, position_bias: b}}")  # fmt: skip
    mask = torch.zeros(2, STEPS, dtype=torch.bool)
    mask[0] = True
    x = torch.randn(2, STEPS, 8, requires_grad=True)
    output = model({"x": x, "mask": mask})
    output.sum().backward()
    assert output.isfinite().all()
    alone: Any = model.get_submodule("attention0")
    with torch.no_grad():
        everything = alone(x, torch.ones(2, STEPS, dtype=torch.bool))
        assert torch.allclose(alone(x, mask)[1], everything[1], atol=1e-6)
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_a_window_sees_so_many_steps(write: Write) -> None:
    x = torch.randn(1, STEPS, 8)
    ahead = torch.arange(STEPS) - torch.arange(STEPS)[:, None]
    with torch.no_grad():
        causal = _weights(_model(write, "{attention: {heads: 2, causal: true, window: 2}}"), x)
        both = _weights(_model(write, "{attention: {heads: 2, window: 2}}"), x)
    assert torch.equal(causal[0, 0] > 0, (ahead == 0) | (ahead == -1))
    assert torch.equal(both[0, 0] > 0, ahead.abs() <= 1)


def test_attention_to_a_memory_of_another_length_and_width(write: Write) -> None:
    memory, seen = InputInfo("memory", (4, 5), "float32"), InputInfo("seen", (4,), "bool")
    layers = "{attention: {heads: 2, mask: seen}, in: [x, memory]}"
    model = _model(write, layers, memory, seen)
    kept = torch.tensor([[True, True, False, False]])
    given = {"x": torch.randn(1, STEPS, 8), "mask": kept, "seen": kept}
    first = torch.randn(1, 4, 5)
    second = first.clone()
    second[:, 2:] = 9.0
    with torch.no_grad():
        assert torch.equal(model({**given, "memory": first}), model({**given, "memory": second}))
        with recorded_attention(model) as maps:
            model({**given, "memory": first})
    assert maps["attention"].shape == (1, 2, STEPS, 4)


def test_rotary_scaling_slows_the_turning_down() -> None:
    from dltui.graph.modules.rotary import Rotary

    cpu = torch.device("cpu")
    plain = Rotary(10000.0).angles(16, 8, cpu)
    linear = Rotary(10000.0, "linear", 4.0).angles(16, 8, cpu)
    assert torch.allclose(linear[1][::4][:4], plain[1][:4], atol=1e-6)
    ntk = Rotary(10000.0, "ntk", 4.0).angles(16, 8, cpu)
    assert torch.allclose(ntk[1][:, 0], plain[1][:, 0])  # the fastest wave stays
    assert torch.allclose(ntk[1][::4, 3][:4], plain[1][:4, 3], atol=1e-6)  # the slowest: 4 times


def test_one_relative_bias_serves_several_layers_and_learns(write: Write) -> None:
    layers = (
        "{name: near, relative_bias: {heads: 2, buckets: 8, max_distance: 16}, in: x},"
        "{attention: {heads: 2, position_bias: near}, in: x}, {attention: {heads: 2, "
        "position_bias: near}}"
    )
    model = _model(write, layers)
    x = torch.randn(2, STEPS, 8)
    model({"x": x, "mask": torch.ones(2, STEPS, dtype=torch.bool)}).sum().backward()
    bias: Any = model.get_submodule("near")
    assert [name for name, _ in model.named_parameters() if name.startswith("near")] == [
        "near.weight"
    ]
    assert (bias.weight.grad.abs().sum(1) > 0).tolist() == [True] * 3 + [False] + [False] + [
        True
    ] * 2 + [False]
    assert bias(x).shape == (1, 2, STEPS, STEPS)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("{attention: {heads: 2, mask: x}}", r"it needs \(2,6\), one entry a key"),
        ("{attention: {heads: 2, mask: maks}}", "unknown input `maks`; did you mean `mask`"),
        ("{attention: {heads: 2, position_bias: mask}}", r"it needs \(1,2,T,S\)"),
        ("{attention: {heads: 3}}", "8 features do not divide into 3 heads"),
        ("{attention: {heads: 8, rotary: true}}", "an even head size"),
        ("{attention: {heads: 2, rotary: true}, in: [x, x]}", "for self-attention"),
        ("{transformer_decoder: {memory_mask: mask}}", "there is no memory to mask"),
        ("{sequence_pool: {mask: x}}", r"it needs \(2,6\)"),
        ("{relative_bias: {buckets: 7}}", "their number is even"),
        ("{mixture_of_experts: {experts: 2, top_k: 3}}", "cannot go to 3 of 2 experts"),
        ("{lstm: {hidden: 4, mask: mask, lengths: mask}}", "lengths and a mask say the same"),
        ("{gru: {hidden: 4, initial: mask}}", r"it needs \(2,1,4\)"),
        ("{attention_mask: 0}", r"it needs tokens \(N, T\)"),
        ("{time_embedding: 8}", "one time an example"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_it_needs(
    layers: str, message: str, write: Write
) -> None:
    with pytest.raises(RecipeError, match=message):
        _model(write, layers)
