"""Attention, transformer blocks, masks and pooling over tokens."""

from __future__ import annotations

from typing import Any, Final

from dltui.recipe.layers.linear import FEED_FORWARD
from dltui.recipe.layers.spec import Arg, LayerSpec, choice, flag, real, share, size, value

_MASK: Final = value("names a mask (N, S), true where a key may be seen; padding is false")
_BIAS: Final = value("names numbers (N or 1, heads, T, S) added to the scores: `relative_bias`")
_HEADS: Final = {
    "heads": size("attention heads", 8),
    "kv_heads": size("heads of keys and values; null: as heads (grouped-query attention)"),
    "head_dim": size("numbers per head; null: D / heads"),
}
_ROTARY: Final = {
    "rotary": flag("rotary positions (Su et al. 2021)", False),
    "rotary_base": real("θ of the rotary positions", 10000.0, 1),
    "rotary_scaling": choice(
        "stretches them: slower steps, or a higher base", "none", "linear", "ntk"
    ),
    "rotary_factor": real("by how much rotary_scaling stretches", 1.0, 1),
}
_REACH: Final = {
    "window": size("a step sees so many steps, itself counted, to each side; null: all"),
    "qk_norm": choice("normalise queries and keys of each head", "none", "rms", "layer"),
    "scale": Arg("float", None, "of the scores; null: 1 / √head_dim", optional=True, minimum=0),
}


def _transformer(causal: bool) -> dict[str, Any]:
    return {
        "layers": size("blocks on top of each other", 1),
        **_HEADS,
        "hidden": size("hidden features of the mlp; null: 4 times the input's"),
        "activation": FEED_FORWARD,
        "norm": choice("norms before each part or after each sum", "pre", "post"),
        "norm_type": choice("kind of norm", "layer", "rms"),
        "eps": real("added to the norm's variance", 1e-5, 0),
        "dropout": share("of attention weights, hidden features and each part's output", 0.0),
        "bias": flag("learn biases of the linear layers", True),
        "causal": flag("no step sees a later one", causal),
        **_ROTARY,
        **_REACH,
        "mask": _MASK,
        "position_bias": _BIAS,
    }


ATTENTION = (
    LayerSpec(
        "attention",
        "multi-head attention over (N, T, D). One input: self-attention; two, `in: [x, memory]`: "
        "x asks, memory answers; three: query, key, value",
        "heads",
        {
            **_HEADS,
            "causal": flag("no step sees a later one", False),
            "dropout": share("of the attention weights while training", 0.0),
            "bias": flag("learn biases of the projections", True),
            "qkv_bias": Arg(
                "bool", None, "of queries, keys and values alone; null: as bias", optional=True
            ),
            **_ROTARY,
            **_REACH,
            "mask": _MASK,
            "position_bias": _BIAS,
        },
        max_inputs=3,
    ),
    LayerSpec(
        "transformer_encoder",
        "blocks of self-attention and mlp over (N, T, D)",
        "layers",
        _transformer(causal=False),
    ),
    LayerSpec(
        "transformer_decoder",
        "blocks of causal self-attention and mlp; with `in: [x, memory]` attention to the memory "
        "in between",
        "layers",
        {
            **_transformer(causal=True),
            "memory_mask": value("names a mask (N, S), true where the memory may be seen"),
        },
        max_inputs=2,
    ),
    LayerSpec(
        "attention_mask",
        "true where a token stands, false where padding does: (N, T) to (N, T), for `mask`",
        "padding",
        {"padding": Arg("int", 0, "the token that is padding", minimum=0)},
    ),
    LayerSpec(
        "sequence_pool",
        "one vector a sequence: (N, T, D) to (N, D)",
        "kind",
        {
            "kind": choice(
                "mean or largest of all steps, the first, or the last", "mean", "max", "cls", "last"
            ),
            "mask": value("names a mask (N, T), true at the steps that count"),
        },
    ),
    LayerSpec(
        "similarity",
        "cosine of every x with every y, times a learned scale: `in: [x, y]`, (N, D) and (M, D) "
        "to (N, M) (Radford et al. 2021)",
        "temperature",
        {
            "temperature": real("1 / scale at the start", 0.07, 1e-4),
            "learned": flag("train the scale", True),
        },
        min_inputs=2,
        max_inputs=2,
    ),
)
