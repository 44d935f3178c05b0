"""Attention, transformer blocks, masks and pooling over tokens."""

from __future__ import annotations

from typing import Any

from torch import nn

from dltui.graph.building import SEQUENCE, Args, Inputs, LayerError, builds, shape_text
from dltui.graph.modules.attention import Attention, AttentionSettings
from dltui.graph.modules.rotary import Rotary
from dltui.graph.modules.tokens import AttentionMask, SequencePool, Similarity
from dltui.graph.modules.transformer import BlockSettings, Transformer


@builds("attention")
def _attention(args: Args, inputs: Inputs) -> nn.Module:
    _check_sequences(inputs)
    _check_mask(inputs, "mask", inputs.shapes[min(1, len(inputs.shapes) - 1)])
    qkv_bias = args["bias"] if args["qkv_bias"] is None else args["qkv_bias"]
    settings = _settings(args, inputs, qkv_bias=qkv_bias, named=tuple(inputs.named))
    if settings.rotary is not None and len(inputs.shapes) > 1:
        raise LayerError("rotary positions are for self-attention", "rotary")
    return Attention(inputs.width, tuple(shape[-1] for shape in inputs.shapes[1:]), settings)


@builds("transformer_encoder", "transformer_decoder")
def _transformer(args: Args, inputs: Inputs) -> nn.Module:
    _check_sequences(inputs)
    width, memory = inputs.width, inputs.shapes[1:]
    if "memory_mask" in inputs.named and not memory:
        raise LayerError("there is no memory to mask: give `in: [x, memory]`", "memory_mask")
    _check_mask(inputs, "mask", inputs.shape)
    if memory:
        _check_mask(inputs, "memory_mask", memory[0])
    own = tuple(name for name in inputs.named if name != "memory_mask")
    settings = BlockSettings(
        attention=_settings(args, inputs, qkv_bias=args["bias"], named=own),
        memory=AttentionSettings(
            **_heads(args, width),
            dropout=args["dropout"],
            qkv_bias=args["bias"],
            out_bias=args["bias"],
            qk_norm=args["qk_norm"],
            scale=args["scale"],
            inputs=("mask",) if "memory_mask" in inputs.named else (),
        ),
        hidden=args["hidden"] or 4 * width,
        activation=args["activation"],
        dropout=args["dropout"],
        bias=args["bias"],
        norm=lambda: _norm(args, width),
        is_pre_norm=args["norm"] == "pre",
    )
    memory_width = memory[0][-1] if memory else None
    return Transformer(width, memory_width, args["layers"], settings, tuple(inputs.named))


def _norm(args: Args, width: int) -> nn.Module:
    if args["norm_type"] == "rms":
        return nn.RMSNorm(width, args["eps"])
    return nn.LayerNorm(width, args["eps"], bias=args["bias"])


def _settings(
    args: Args, inputs: Inputs, *, qkv_bias: bool, named: tuple[str, ...]
) -> AttentionSettings:
    heads = _heads(args, inputs.width)
    if args["rotary"] and heads["head_dim"] % 2:
        raise LayerError("rotary positions need an even head size", "rotary")
    _check_bias(inputs, heads["heads"])
    return AttentionSettings(
        **heads,
        causal=args["causal"],
        dropout=args["dropout"],
        qkv_bias=qkv_bias,
        out_bias=args["bias"],
        rotary=Rotary(args["rotary_base"], args["rotary_scaling"], args["rotary_factor"])
        if args["rotary"]
        else None,
        window=args["window"],
        qk_norm=args["qk_norm"],
        scale=args["scale"],
        inputs=named,
    )


def _heads(args: Args, width: int) -> dict[str, Any]:
    heads = args["heads"]
    kv_heads = args["kv_heads"] or heads
    if args["head_dim"] is None and width % heads:
        raise LayerError(f"{width} features do not divide into {heads} heads", "heads")
    if heads % kv_heads:
        raise LayerError(f"{heads} heads do not divide into {kv_heads} kv_heads", "kv_heads")
    return {
        "heads": heads,
        "kv_heads": kv_heads,
        "head_dim": args["head_dim"] or width // heads,
    }


def _check_sequences(inputs: Inputs) -> None:
    inputs.need_rank(3, 3, SEQUENCE)
    if any(len(shape) != 3 for shape in inputs.shapes):
        raise LayerError(f"it needs {SEQUENCE} for every input")


def _check_mask(inputs: Inputs, name: str, keys: tuple[int, ...]) -> None:
    mask = inputs.named.get(name)
    if mask is not None and mask != keys[:2]:
        raise LayerError(f"it needs {shape_text(keys[:2])}, one entry a key", name)


def _check_bias(inputs: Inputs, heads: int) -> None:
    bias = inputs.named.get("position_bias")
    if bias is not None and (len(bias) != 4 or bias[1] not in (1, heads)):
        raise LayerError(f"it needs (1,{heads},T,S), a number a head and pair", "position_bias")


@builds("attention_mask")
def _attention_mask(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(2, 2, "tokens (N, T)")
    return AttentionMask(args["padding"])


@builds("sequence_pool")
def _sequence_pool(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, 3, SEQUENCE)
    _check_mask(inputs, "mask", inputs.shape)
    return SequencePool(args["kind"])


@builds("similarity")
def _similarity(args: Args, inputs: Inputs) -> nn.Module:
    if any(len(shape) != 2 for shape in inputs.shapes):
        raise LayerError("it needs one vector an example, (N, D)")
    return Similarity(args["temperature"], args["learned"])
