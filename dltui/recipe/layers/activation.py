"""Activations: all of torch.nn's by their snake-case names, and gated ones."""

from __future__ import annotations

from dltui.recipe.layers.spec import Arg, LayerSpec, axis, choice, real, size

_DIM = {"dim": axis("dimension that sums to 1", -1)}
_HALVES = {"dim": axis("dimension that is halved", -1)}

ACTIVATION = (
    LayerSpec("relu", "max(0, x)"),
    LayerSpec("relu6", "min(max(0, x), 6)"),
    LayerSpec(
        "leaky_relu",
        "x where positive, slope · x elsewhere",
        "slope",
        {"slope": real("slope below 0", 0.01)},
    ),
    LayerSpec(
        "prelu",
        "leaky ReLU with learned slopes (He et al. 2015)",
        "slope",
        {
            "slope": real("slope at the start", 0.25),
            "per_channel": Arg("bool", False, "a slope for each channel"),
        },
    ),
    LayerSpec(
        "rrelu",
        "leaky ReLU with a random slope while training",
        None,
        {"lower": real("smallest slope", 0.125), "upper": real("largest slope", 1 / 3)},
    ),
    LayerSpec("elu", "x where positive, α(eˣ − 1) elsewhere", "alpha", {"alpha": real("α", 1.0)}),
    LayerSpec("celu", "ELU, smooth for every α", "alpha", {"alpha": real("α", 1.0)}),
    LayerSpec("selu", "self-normalising ELU (Klambauer et al. 2017)"),
    LayerSpec(
        "gelu",
        "x · Φ(x) (Hendrycks & Gimpel 2016)",
        "approximate",
        {"approximate": choice("the exact Φ, or its tanh approximation", "none", "tanh")},
    ),
    LayerSpec("silu", "x · sigmoid(x)", aliases=("swish",)),
    LayerSpec("mish", "x · tanh(softplus(x))"),
    LayerSpec("hardswish", "piecewise linear SiLU", aliases=("hard_swish",)),
    LayerSpec("sigmoid", "1 / (1 + e⁻ˣ)"),
    LayerSpec("hardsigmoid", "piecewise linear sigmoid", aliases=("hard_sigmoid",)),
    LayerSpec("log_sigmoid", "log of sigmoid", aliases=("logsigmoid",)),
    LayerSpec("tanh", "hyperbolic tangent"),
    LayerSpec("tanhshrink", "x − tanh(x)"),
    LayerSpec(
        "hardtanh",
        "x held between min and max",
        None,
        {"min": real("lower limit", -1.0), "max": real("upper limit", 1.0)},
        aliases=("hard_tanh",),
    ),
    LayerSpec(
        "softplus",
        "log(1 + e^βx) / β",
        "beta",
        {"beta": real("β", 1.0), "threshold": real("linear above", 20.0)},
    ),
    LayerSpec("softsign", "x / (1 + |x|)"),
    LayerSpec("softshrink", "x moved towards 0 by λ", "lambd", {"lambd": real("λ", 0.5, 0)}),
    LayerSpec("hardshrink", "0 where |x| ≤ λ", "lambd", {"lambd": real("λ", 0.5, 0)}),
    LayerSpec(
        "threshold",
        "x where above the threshold, value elsewhere",
        "threshold",
        {"threshold": real("threshold", 0.0), "value": real("value below it", 0.0)},
    ),
    LayerSpec("softmax", "eˣ over its sum", "dim", _DIM),
    LayerSpec("log_softmax", "log of softmax", "dim", _DIM),
    LayerSpec("softmin", "softmax of −x", "dim", _DIM),
    LayerSpec("softmax2d", "softmax over the channels of every pixel"),
    LayerSpec("glu", "a · sigmoid(b) for the halves a, b (Dauphin et al. 2017)", "dim", _HALVES),
    LayerSpec("geglu", "a · gelu(b) for the halves a, b (Shazeer 2020)", "dim", _HALVES),
    LayerSpec("swiglu", "silu(a) · b for the halves a, b (Shazeer 2020)", "dim", _HALVES),
    LayerSpec(
        "maxout",
        "largest of each k neighbouring channels (Goodfellow et al. 2013)",
        "pieces",
        {"pieces": size("k", 2)},
    ),
)
