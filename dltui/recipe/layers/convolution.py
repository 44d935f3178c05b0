"""Convolutions, poolings and what changes the spatial size."""

from __future__ import annotations

from dltui.recipe.layers.spec import Arg, LayerSpec, choice, extent, flag, real, size

_PADDING_MODE = choice(
    "what stands outside the border", "zeros", "reflect", "replicate", "circular"
)
_CONV = {
    "out": size("output channels", required=True),
    "kernel": extent("kernel size", 3),
    "stride": extent("step of the kernel", 1),
    "padding": extent(
        "border added on each side; null: keeps the size at stride 1 (odd kernels)", None, minimum=0
    ),
    "dilation": extent("distance between the kernel's points", 1),
    "groups": size("input channels are split into so many independent groups", 1),
    "bias": flag("add a learned number per output channel", True),
    "padding_mode": _PADDING_MODE,
}
_TRANSPOSED = {
    "out": size("output channels", required=True),
    "kernel": extent("kernel size", 2),
    "stride": extent("growth of the spatial size", 2),
    "padding": extent("border taken away on each side", 0, minimum=0),
    "output_padding": extent("added to one side of the output", 0, minimum=0),
    "dilation": extent("distance between the kernel's points", 1),
    "groups": size("independent groups of channels", 1),
    "bias": flag("add a learned number per output channel", True),
}
_DEPTHWISE = {
    "kernel": extent("kernel size", 3),
    "stride": extent("step of the kernel", 1),
    "padding": extent("null: keeps the size at stride 1 (odd kernels)", None, minimum=0),
    "dilation": extent("distance between the kernel's points", 1),
    "multiplier": size("output channels per input channel", 1),
    "bias": flag("add a learned number per output channel", True),
    "padding_mode": _PADDING_MODE,
}
_POOL = {
    "kernel": extent("window size", 2),
    "stride": extent("step of the window; null: the window size", None),
    "padding": extent("border added on each side", 0, minimum=0),
}
_MAX_POOL = {
    **_POOL,
    "dilation": extent("distance between the window's points", 1),
    "ceil": flag("count a last partial window too", False),
}
_AVG_POOL = {
    **_POOL,
    "ceil": flag("count a last partial window too", False),
    "include_padding": flag("let the border count in the mean", True),
}
_LP_POOL = {
    "kernel": extent("window size", 2),
    "stride": extent("step of the window; null: the window size", None),
    "p": real("p: 1 is the sum, 2 the Euclidean norm, a large one nears the maximum", 2.0, 1),
    "ceil": flag("count a last partial window too", False),
}
_ADAPTIVE = {"out": Arg("int_or_ints", 1, "output size", minimum=1)}

_RANKS = ("1d", "2d", "3d")
_FOR_RANK = {
    "1d": "sequences (N, C, L)",
    "2d": "images (N, C, H, W)",
    "3d": "volumes (N, C, D, H, W)",
}

CONVOLUTION = (
    LayerSpec("conv", "convolution; 1d, 2d or 3d after its input", "out", _CONV),
    *(LayerSpec(f"conv{r}", f"convolution over {_FOR_RANK[r]}", "out", _CONV) for r in _RANKS),
    LayerSpec(
        "conv_transpose",
        "transposed convolution: grows the spatial size; rank after its input",
        "out",
        _TRANSPOSED,
        aliases=("transposed_conv",),
    ),
    *(
        LayerSpec(
            f"conv_transpose{r}", f"transposed convolution over {_FOR_RANK[r]}", "out", _TRANSPOSED
        )
        for r in _RANKS
    ),
    LayerSpec(
        "depthwise_conv",
        "one kernel per channel (Howard et al. 2017); rank after its input",
        "kernel",
        _DEPTHWISE,
    ),
    LayerSpec(
        "separable_conv",
        "one kernel per channel, then a 1×1 convolution (Chollet 2017); rank after its input",
        "out",
        {"out": size("output channels", required=True), **_DEPTHWISE},
        aliases=("depthwise_separable_conv",),
    ),
    LayerSpec(
        "max_pool", "largest value of each window; rank after its input", "kernel", _MAX_POOL
    ),
    LayerSpec("avg_pool", "mean of each window; rank after its input", "kernel", _AVG_POOL),
    LayerSpec("lp_pool", "p-norm of each window; rank after its input", "kernel", _LP_POOL),
    LayerSpec("adaptive_avg_pool", "mean pooling to a given output size", "out", _ADAPTIVE),
    LayerSpec("adaptive_max_pool", "max pooling to a given output size", "out", _ADAPTIVE),
    LayerSpec(
        "gap",
        "global average pool: (N, C, …) to (N, C)",
        aliases=("global_avg_pool",),
    ),
    LayerSpec("global_max_pool", "largest value of each channel: (N, C, …) to (N, C)"),
    LayerSpec(
        "upsample",
        "grows the spatial size by interpolation",
        "scale",
        {
            "scale": real("factor of growth", 2.0, 0),
            "size": Arg(
                "int_or_ints", None, "output size in place of scale", optional=True, minimum=1
            ),
            "mode": choice(
                "interpolation",
                "nearest",
                "nearest-exact",
                "bilinear",
                "bicubic",
                "linear",
                "trilinear",
                "area",
            ),
            "align_corners": flag("(tri-, bi-) linear and bicubic: corner pixels stay", False),
        },
        aliases=("interpolate",),
    ),
    LayerSpec(
        "pixel_shuffle",
        "(N, C·r², H, W) to (N, C, H·r, W·r) (Shi et al. 2016)",
        "factor",
        {"factor": size("r", 2)},
    ),
    LayerSpec(
        "pixel_unshuffle",
        "(N, C, H·r, W·r) to (N, C·r², H, W)",
        "factor",
        {"factor": size("r", 2)},
    ),
    LayerSpec(
        "channel_shuffle",
        "mixes the channels of groups (Zhang et al. 2018)",
        "groups",
        {"groups": size("groups", required=True)},
    ),
    LayerSpec(
        "pad",
        "adds a border to the spatial dimensions",
        "width",
        {
            "width": extent(
                "one width for all sides, or [left, right, top, bottom] of the last dimensions",
                1,
                minimum=0,
            ),
            "mode": choice("what the border holds", "constant", "reflect", "replicate", "circular"),
            "value": real("of a constant border", 0.0),
        },
    ),
    LayerSpec(
        "squeeze_excite",
        "scales channels by what a small network reads from their means (Hu et al. 2018)",
        "ratio",
        {
            "ratio": size("the small network's hidden size is channels / ratio", 4),
            "hidden": size("hidden size in place of ratio"),
            "activation": choice("hidden activation", "relu", "silu", "gelu"),
            "gate": choice("output activation", "sigmoid", "hardsigmoid"),
        },
    ),
    LayerSpec(
        "patch_embed",
        "cuts an image into patches and projects each: (N, C, H, W) to (N, patches, dim)",
        "dim",
        {
            "dim": size("numbers per patch", required=True),
            "patch": extent("height and width of a patch", 4),
            "bias": flag("add a learned number per output", True),
        },
    ),
)
