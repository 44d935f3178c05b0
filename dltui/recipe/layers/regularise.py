"""Normalisation and dropout."""

from __future__ import annotations

from dltui.recipe.layers.spec import LayerSpec, flag, real, share, size

_P = {"p": share("share of values set to 0 while training", 0.5)}
_AFFINE = flag("learn a scale (and shift) per channel", True)
_BATCH_NORM = {
    "momentum": share("weight of the newest batch in the running statistics", 0.1),
    "eps": real("added to the variance", 1e-5, 0),
    "affine": _AFFINE,
    "track": flag("keep running statistics for evaluation", True),
}

REGULARISE = (
    LayerSpec(
        "bn",
        "batch normalisation (Ioffe & Szegedy 2015); rank after its input",
        None,
        _BATCH_NORM,
        aliases=("batch_norm",),
    ),
    LayerSpec(
        "sync_bn",
        "batch normalisation over the batches of all processes; alone it is plain `bn`",
        None,
        _BATCH_NORM,
        aliases=("sync_batch_norm",),
    ),
    LayerSpec(
        "layer_norm",
        "normalises the last dimension of each example (Ba et al. 2016)",
        None,
        {
            "eps": real("added to the variance", 1e-5, 0),
            "affine": _AFFINE,
            "bias": flag("learn a shift too", True),
            "dims": size("so many of the last dimensions", 1),
        },
        aliases=("ln",),
    ),
    LayerSpec(
        "layer_norm2d",
        "layer norm over the channels of (N, C, …) at every place (Liu et al. 2022)",
        None,
        {"eps": real("added to the variance", 1e-6, 0), "affine": _AFFINE},
        aliases=("channel_layer_norm",),
    ),
    LayerSpec(
        "rms_norm",
        "divides the last dimension by its root mean square (Zhang & Sennrich 2019)",
        None,
        {"eps": real("added to the mean square", 1e-6, 0), "affine": _AFFINE},
    ),
    LayerSpec(
        "group_norm",
        "normalises groups of channels (Wu & He 2018)",
        "groups",
        {
            "groups": size("number of groups", 32),
            "eps": real("added to the variance", 1e-5, 0),
            "affine": _AFFINE,
        },
    ),
    LayerSpec(
        "instance_norm",
        "normalises each channel of each example (Ulyanov et al. 2016); rank after its input",
        None,
        {
            "eps": real("added to the variance", 1e-5, 0),
            "affine": flag("learn a scale and shift per channel", False),
            "momentum": share("weight of the newest batch in the running statistics", 0.1),
            "track": flag("keep running statistics for evaluation", False),
        },
    ),
    LayerSpec(
        "local_response_norm",
        "divides by what neighbouring channels say (Krizhevsky et al. 2012)",
        "size",
        {
            "size": size("channels looked at", 5),
            "alpha": real("α", 1e-4),
            "beta": real("β", 0.75),
            "k": real("k", 1.0),
        },
    ),
    LayerSpec("dropout", "sets single values to 0 while training (Srivastava 2014)", "p", _P),
    LayerSpec("dropout1d", "sets whole channels of (N, C, L) to 0 while training", "p", _P),
    LayerSpec("dropout2d", "sets whole channels of (N, C, H, W) to 0 while training", "p", _P),
    LayerSpec("dropout3d", "sets whole channels of (N, C, D, H, W) to 0 while training", "p", _P),
    LayerSpec("alpha_dropout", "dropout that goes with SELU", "p", _P),
    LayerSpec("feature_alpha_dropout", "alpha dropout of whole channels", "p", _P),
    LayerSpec(
        "drop_path",
        "drops the branch of single examples while training (Huang et al. 2016)",
        "p",
        {"p": share("share of examples dropped", 0.1)},
        aliases=("stochastic_depth",),
    ),
)
