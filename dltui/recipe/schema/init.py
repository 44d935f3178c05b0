"""Initialisations of `model.init` by name."""

from __future__ import annotations

from dltui.recipe.catalogue import Arg, LayerSpec

_GAIN = Arg("float", 1.0, "factor on the standard deviation", minimum=0)
_HE = {
    "mode": Arg("choice", "fan_in", "which side's size is kept", choices=("fan_in", "fan_out")),
    "nonlinearity": Arg(
        "choice", "relu", "what follows", choices=("relu", "leaky_relu", "linear", "tanh", "selu")
    ),
}
_NORMAL = {"mean": Arg("float", 0.0), "std": Arg("float", 0.02, minimum=0)}

_ALL = (
    LayerSpec(
        "xavier_uniform",
        "Glorot & Bengio 2010",
        "gain",
        {"gain": _GAIN},
        aliases=("xavier", "glorot"),
    ),
    LayerSpec(
        "xavier_normal", "Glorot & Bengio 2010", "gain", {"gain": _GAIN}, aliases=("glorot_normal",)
    ),
    LayerSpec(
        "he_normal", "He et al. 2015", None, _HE, aliases=("he", "kaiming", "kaiming_normal")
    ),
    LayerSpec("he_uniform", "He et al. 2015", None, _HE, aliases=("kaiming_uniform",)),
    LayerSpec("orthogonal", "Saxe et al. 2013", "gain", {"gain": _GAIN}),
    LayerSpec("normal", "normal distribution", "std", _NORMAL),
    LayerSpec("trunc_normal", "normal distribution cut at two standard deviations", "std", _NORMAL),
    LayerSpec(
        "uniform",
        "uniform distribution",
        None,
        {"low": Arg("float", -0.1), "high": Arg("float", 0.1)},
    ),
    LayerSpec("constant", "one number", "value", {"value": Arg("float", 0.0, required=True)}),
    LayerSpec("zeros", "all 0"),
    LayerSpec("ones", "all 1"),
)

INITS: dict[str, LayerSpec] = {name: spec for spec in _ALL for name in (spec.name, *spec.aliases)}
"""By name and by alias; the parser hands on the name."""
