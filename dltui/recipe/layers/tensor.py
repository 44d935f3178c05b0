"""Layers without a network of their own: join, cut and rearrange tensors."""

from __future__ import annotations

from dltui.recipe.layers.spec import Arg, LayerSpec, axis, flag, real

_REDUCE = {
    "dim": Arg("int_or_ints", 1, "dimension or dimensions; 0 is the batch"),
    "keep": flag("keep the dimension with size 1", False),
}

TENSOR = (
    LayerSpec("identity", "gives back its input; a place for a name"),
    LayerSpec("add", "sum of its inputs", min_inputs=2, max_inputs=None),
    LayerSpec("sub", "first input less the second", min_inputs=2, max_inputs=2),
    LayerSpec("mul", "product of its inputs, entry by entry", min_inputs=2, max_inputs=None),
    LayerSpec("matmul", "matrix product of its two inputs", min_inputs=2, max_inputs=2),
    LayerSpec(
        "cat",
        "inputs one after another along a dimension",
        "dim",
        {"dim": axis("dimension; 0 is the batch", 1)},
        min_inputs=2,
        max_inputs=None,
        aliases=("concat",),
    ),
    LayerSpec(
        "scale",
        "multiplies by a number, learned or fixed (LayerScale where per_channel)",
        "init",
        {
            "init": real("the number at the start", 1.0),
            "learned": flag("train it", True),
            "per_channel": flag("one number per entry of dim", False),
            "dim": axis("dimension of per_channel", -1),
        },
    ),
    LayerSpec(
        "layer_scale",
        "multiplies every channel by a learned number that starts near 0 (Touvron et al. 2021)",
        "init",
        {
            "init": real("the numbers at the start", 1e-6),
            "dim": Arg(
                "int", None, "dimension of the channels; null: the last, of images 1", optional=True
            ),
        },
    ),
    LayerSpec(
        "flatten",
        "joins dimensions into one",
        "start",
        {"start": axis("first dimension joined", 1), "end": axis("last dimension joined", -1)},
    ),
    LayerSpec(
        "unflatten",
        "splits one dimension into several",
        "sizes",
        {
            "sizes": Arg("ints", None, "sizes; one may be -1", required=True, minimum=-1),
            "dim": axis("dimension split", 1),
        },
    ),
    LayerSpec(
        "reshape",
        "new sizes for all but the batch",
        "shape",
        {
            "shape": Arg(
                "ints", None, "sizes after the batch; one may be -1", required=True, minimum=-1
            )
        },
    ),
    LayerSpec(
        "permute",
        "new order of the dimensions",
        "dims",
        {"dims": Arg("ints", None, "order; 0 is the batch and stays first", required=True)},
    ),
    LayerSpec(
        "transpose",
        "exchanges two dimensions",
        "dims",
        {"dims": Arg("ints", (1, 2), "the two dimensions; 0 is the batch")},
    ),
    LayerSpec(
        "index",
        "one entry along a dimension",
        "index",
        {"index": axis("which; negative ones count from the end", 0), "dim": axis("dimension", 1)},
    ),
    LayerSpec(
        "slice",
        "a stretch along a dimension",
        None,
        {
            "start": Arg("int", 0, "first entry"),
            "stop": Arg("int", None, "entry after the last; null: to the end", optional=True),
            "dim": axis("dimension", 1),
        },
    ),
    LayerSpec(
        "full_like",
        "a tensor of its input's shape and type, filled with one number",
        "value",
        {"value": real("the number", 0.0)},
    ),
    LayerSpec("mean", "mean over dimensions", "dim", _REDUCE),
    LayerSpec("sum", "sum over dimensions", "dim", _REDUCE),
    LayerSpec("max", "largest value over dimensions", "dim", _REDUCE),
    LayerSpec("squeeze", "takes a dimension of size 1 away", "dim", {"dim": axis("dimension", -1)}),
    LayerSpec("unsqueeze", "adds a dimension of size 1", "dim", {"dim": axis("its place", 1)}),
    LayerSpec(
        "normalize",
        "divides by the Euclidean norm",
        "dim",
        {"dim": axis("dimension of the norm", -1), "eps": real("smallest norm", 1e-12, 0)},
    ),
)
