"""Linear layers, embeddings, positions, attention and recurrent networks."""

from __future__ import annotations

from dltui.recipe.layers.spec import Arg, LayerSpec, choice, flag, real, share, size

_RECURRENT = {
    "hidden": size("numbers in the state, per direction", required=True),
    "num_layers": size("layers on top of each other", 1),
    "bidirectional": flag("read from both ends; doubles the output", False),
    "dropout": share("between layers", 0.0),
    "bias": flag("learn biases", True),
    "return": choice("the output of every step, or of the last", "sequence", "last"),
}

SEQUENCE = (
    LayerSpec(
        "linear",
        "x · Wᵀ + b over the last dimension",
        "out",
        {"out": size("output features", required=True), "bias": flag("add b", True)},
        aliases=("dense",),
    ),
    LayerSpec(
        "tied_linear",
        "a linear layer that uses the weight of the embedding or linear layer named",
        "to",
        {
            "to": Arg("str", None, "name of that layer", required=True),
            "bias": flag("add a bias of its own", False),
        },
    ),
    LayerSpec(
        "mlp",
        "linear, activation, dropout, linear: the feed-forward part of a transformer",
        "hidden",
        {
            "hidden": size("hidden features; null: 4 times the input's"),
            "out": size("output features; null: the input's"),
            "activation": choice(
                "activation; swiglu and geglu multiply two halves",
                "gelu",
                "gelu_tanh",
                "relu",
                "silu",
                "swiglu",
                "geglu",
            ),
            "dropout": share("after the last linear layer", 0.0),
            "bias": flag("learn biases", True),
        },
    ),
    LayerSpec(
        "embedding",
        "a learned vector per token: (N, T) to (N, T, dim)",
        "dim",
        {
            "dim": size("numbers per token", required=True),
            "vocab": size("number of tokens; null: the data's vocabulary"),
            "padding": Arg("int", None, "token whose vector stays 0", optional=True, minimum=0),
        },
    ),
    LayerSpec(
        "positions",
        "adds to each step of (N, T, D) what tells its place",
        "kind",
        {
            "kind": choice(
                "learned vectors, or sines (Vaswani et al. 2017)", "learned", "sinusoidal"
            ),
            "max_length": size("longest sequence; null: the length at hand"),
        },
    ),
    LayerSpec(
        "cls_token",
        "puts a learned vector before the sequence: (N, T, D) to (N, T + 1, D)",
        aliases=("class_token",),
    ),
    LayerSpec(
        "attention",
        "multi-head attention over (N, T, D). One input: self-attention; two, `in: [x, memory]`: "
        "x asks, memory answers; three: query, key, value",
        "heads",
        {
            "heads": size("attention heads", 8),
            "kv_heads": size("heads of keys and values; null: as heads (grouped-query attention)"),
            "head_dim": size("numbers per head; null: D / heads"),
            "causal": flag("no step sees a later one", False),
            "dropout": share("of the attention weights while training", 0.0),
            "bias": flag("learn biases of the projections", True),
            "rotary": flag("rotary positions (Su et al. 2021)", False),
            "rotary_base": real("θ of the rotary positions", 10000.0, 1),
        },
        max_inputs=3,
    ),
    LayerSpec(
        "rnn",
        "plain recurrent network over (N, T, D)",
        "hidden",
        {**_RECURRENT, "nonlinearity": choice("of the state", "tanh", "relu")},
    ),
    LayerSpec(
        "lstm", "long short-term memory over (N, T, D) (Hochreiter 1997)", "hidden", _RECURRENT
    ),
    LayerSpec("gru", "gated recurrent unit over (N, T, D) (Cho et al. 2014)", "hidden", _RECURRENT),
)
