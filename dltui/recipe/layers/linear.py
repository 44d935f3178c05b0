"""Linear layers and feed-forward networks."""

from __future__ import annotations

from typing import Final

from dltui.recipe.layers.spec import Arg, LayerSpec, choice, flag, real, share, size

FEED_FORWARD: Final = choice(
    "activation; glu, reglu, swiglu and geglu multiply two halves",
    "gelu",
    "gelu_tanh",
    "quick_gelu",
    "relu",
    "silu",
    "glu",
    "reglu",
    "swiglu",
    "geglu",
    "geglu_tanh",
)

LINEAR = (
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
            "activation": FEED_FORWARD,
            "dropout": share("after the last linear layer", 0.0),
            "hidden_dropout": share("after the activation", 0.0),
            "bias": flag("learn biases", True),
        },
    ),
    LayerSpec(
        "mixture_of_experts",
        "several mlps, of which a router chooses some for every token (Shazeer et al. 2017)",
        "experts",
        {
            "experts": size("number of mlps", 8),
            "top_k": size("mlps that work on a token", 2),
            "hidden": size("hidden features of each; null: 4 times the input's"),
            "activation": FEED_FORWARD,
            "dropout": share("after the last linear layer", 0.0),
            "bias": flag("learn biases", True),
            "balance": real("weight of the loss that spreads the load over the experts", 0.01, 0),
        },
        aliases=("moe",),
    ),
)
