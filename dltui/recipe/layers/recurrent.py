"""Recurrent networks."""

from __future__ import annotations

from dltui.recipe.layers.spec import LayerSpec, choice, flag, real, share, size, value

_RECURRENT = {
    "hidden": size("numbers in the state, per direction", required=True),
    "num_layers": size("layers on top of each other", 1),
    "bidirectional": flag("read from both ends; doubles the output", False),
    "dropout": share("between layers", 0.0),
    "bias": flag("learn biases", True),
    "return": choice(
        "the output of every step, of the last, or the state (N, layers · directions, hidden) of "
        "every layer, for `initial`",
        "sequence",
        "last",
        "state",
    ),
    "lengths": value("names the number of steps of each sequence, (N); the rest is padding"),
    "mask": value("names a mask (N, T), true at the steps and false at the padding after them"),
    "initial": value("names the state to begin with; null: zeros"),
}

RECURRENT = (
    LayerSpec(
        "rnn",
        "plain recurrent network over (N, T, D)",
        "hidden",
        {**_RECURRENT, "nonlinearity": choice("of the state", "tanh", "relu")},
    ),
    LayerSpec(
        "lstm",
        "long short-term memory over (N, T, D) (Hochreiter 1997)",
        "hidden",
        {
            **_RECURRENT,
            "forget_bias": real(
                "added to the forget gates' biases at the start: 1 to 3 for a long memory "
                "(Jozefowicz et al. 2015)",
                0.0,
            ),
        },
    ),
    LayerSpec("gru", "gated recurrent unit over (N, T, D) (Cho et al. 2014)", "hidden", _RECURRENT),
)
