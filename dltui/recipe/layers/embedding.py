"""Vectors for tokens, places, classes and times."""

from __future__ import annotations

from dltui.recipe.layers.spec import Arg, LayerSpec, choice, flag, real, share, size

EMBEDDING = (
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
        "relative_bias",
        "learned numbers per head and distance for attention's `position_bias`, which several "
        "layers may share (Raffel et al. 2020); of `in: [x, memory]` the lengths count",
        "heads",
        {
            "heads": size("attention heads", 8),
            "buckets": Arg("int", 32, "numbers per head", minimum=4),
            "max_distance": Arg("int", 128, "distances beyond share one number", minimum=2),
            "bidirectional": flag("tell keys ahead from keys behind; false: causal", True),
        },
        max_inputs=2,
    ),
    LayerSpec(
        "cls_token",
        "puts a learned vector before the sequence: (N, T, D) to (N, T + 1, D)",
        aliases=("class_token",),
    ),
    LayerSpec(
        "class_embedding",
        "a learned vector per class: (N) to (N, dim)",
        "dim",
        {
            "dim": size("numbers per class", required=True),
            "classes": size("number of classes; null: the data's"),
            "dropout": share(
                "labels replaced by one more class, 'any', while training; above 0 for guidance",
                0.0,
            ),
        },
        aliases=("label_embedding",),
    ),
    LayerSpec(
        "time_embedding",
        "sines and cosines of a time, then two linear layers: (N) to (N, dim) (Ho et al. 2020)",
        "dim",
        {
            "dim": size("numbers per time", required=True),
            "frequencies": Arg(
                "int", None, "sines and cosines, even; null: dim", optional=True, minimum=2
            ),
            "hidden": size("features between the linear layers; null: dim"),
            "max_period": real("steps of the slowest wave, divided by 2π", 10000.0, 1),
            "scale": real("the time is multiplied by it first: 1000 for times from 0 to 1", 1.0),
        },
    ),
    LayerSpec(
        "vector_quantize",
        "replaces each vector by the nearest of a learned codebook, channels of (N, C, …) or the "
        "last dimension of (N, T, D); gradients pass straight through (van den Oord et al. 2017)",
        "codes",
        {
            "codes": Arg("int", 64, "vectors in the codebook", minimum=2),
            "commitment": real("weight of the loss that holds the input near its code", 0.25, 0),
            "channels_last": Arg(
                "bool", None, "vectors along the last dimension; null: not of images", optional=True
            ),
        },
        aliases=("vq",),
    ),
)
