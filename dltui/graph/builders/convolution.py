"""Convolutions, poolings and what changes the spatial size."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from dltui.graph.building import BUILDERS, Args, Inputs, LayerError, builds, per_dimension
from dltui.graph.modules.blocks import PatchEmbed, SeparableConv, SqueezeExcite
from dltui.graph.modules.tensors import GlobalPool, Pad

_CONV: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, Any] = {
    1: nn.ConvTranspose1d,
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
_POOLS: dict[str, dict[int, Any]] = {
    "max": {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d},
    "avg": {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d},
    "lp": {1: nn.LPPool1d, 2: nn.LPPool2d, 3: nn.LPPool3d},
    "adaptive_max": {1: nn.AdaptiveMaxPool1d, 2: nn.AdaptiveMaxPool2d, 3: nn.AdaptiveMaxPool3d},
    "adaptive_avg": {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d},
}
_FORMS = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}


def _convolution(rank: int | None, args: Args, inputs: Inputs) -> nn.Module:
    dims = _dimensions(rank, inputs)
    out, groups = args["out"], args["groups"]
    _check_groups(inputs.channels, out, groups)
    module: nn.Module = _CONV[dims](
        inputs.channels,
        out,
        **_kernel(args, dims),
        groups=groups,
        bias=args["bias"],
        padding_mode=args["padding_mode"],
    )
    return module


def _transposed(rank: int | None, args: Args, inputs: Inputs) -> nn.Module:
    dims = _dimensions(rank, inputs)
    _check_groups(inputs.channels, args["out"], args["groups"])
    sizes = {
        f"{name}_size" if name == "kernel" else name: per_dimension(args[name], dims, name)
        for name in ("kernel", "stride", "padding", "output_padding", "dilation")
    }
    module: nn.Module = _TRANSPOSED[dims](
        inputs.channels, args["out"], **sizes, groups=args["groups"], bias=args["bias"]
    )
    return module


for _rank in (None, 1, 2, 3):
    _suffix = f"{_rank}d" if _rank else ""
    BUILDERS[f"conv{_suffix}"] = lambda args, inputs, rank=_rank: _convolution(  # type: ignore[misc]
        rank, args, inputs
    )
    BUILDERS[f"conv_transpose{_suffix}"] = lambda args, inputs, rank=_rank: _transposed(  # type: ignore[misc]
        rank, args, inputs
    )


@builds("depthwise_conv")
def _depthwise(args: Args, inputs: Inputs) -> nn.Module:
    dims = inputs.spatial()
    channels = inputs.channels
    module: nn.Module = _CONV[dims](
        channels,
        channels * args["multiplier"],
        **_kernel(args, dims),
        groups=channels,
        bias=args["bias"],
        padding_mode=args["padding_mode"],
    )
    return module


@builds("separable_conv")
def _separable(args: Args, inputs: Inputs) -> nn.Module:
    depthwise = _depthwise(args, inputs)
    dims, between = inputs.spatial(), inputs.channels * args["multiplier"]
    return SeparableConv(depthwise, _CONV[dims](between, args["out"], 1, bias=args["bias"]))


def _dimensions(rank: int | None, inputs: Inputs) -> int:
    if rank is None:
        return inputs.spatial()
    inputs.need_rank(rank + 2, rank + 2, _FORMS[rank])
    return rank


def _kernel(args: Args, dims: int) -> dict[str, tuple[int, ...]]:
    kernel, stride, dilation = (
        per_dimension(args[name], dims, name) for name in ("kernel", "stride", "dilation")
    )
    if args["padding"] is None:
        padding = tuple((k - 1) * d // 2 for k, d in zip(kernel, dilation, strict=True))
    else:
        padding = per_dimension(args["padding"], dims, "padding")
    return {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}


def _check_groups(channels: int, out: int, groups: int) -> None:
    if channels % groups or out % groups:
        raise LayerError(
            f"{groups} groups must divide the {channels} input and {out} output channels", "groups"
        )


@builds("max_pool")
def _max_pool(args: Args, inputs: Inputs) -> nn.Module:
    dims = inputs.spatial()
    module: nn.Module = _POOLS["max"][dims](
        **_window(args, dims),
        dilation=per_dimension(args["dilation"], dims, "dilation"),
        ceil_mode=args["ceil"],
    )
    return module


@builds("avg_pool")
def _avg_pool(args: Args, inputs: Inputs) -> nn.Module:
    dims = inputs.spatial()
    module: nn.Module = _POOLS["avg"][dims](
        **_window(args, dims),
        ceil_mode=args["ceil"],
        count_include_pad=args["include_padding"],
    )
    return module


@builds("lp_pool")
def _lp_pool(args: Args, inputs: Inputs) -> nn.Module:
    dims = inputs.spatial()
    kernel = per_dimension(args["kernel"], dims, "kernel")
    stride = kernel if args["stride"] is None else per_dimension(args["stride"], dims, "stride")
    # torch takes bare numbers, not tuples, in one dimension.
    sizes: Any = (kernel[0], stride[0]) if dims == 1 else (kernel, stride)
    module: nn.Module = _POOLS["lp"][dims](float(args["p"]), *sizes, ceil_mode=args["ceil"])
    return module


def _window(args: Args, dims: int) -> dict[str, tuple[int, ...]]:
    kernel = per_dimension(args["kernel"], dims, "kernel")
    padding = per_dimension(args["padding"], dims, "padding")
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise LayerError("padding may be at most half the window", "padding")
    stride = kernel if args["stride"] is None else per_dimension(args["stride"], dims, "stride")
    return {"kernel_size": kernel, "stride": stride, "padding": padding}


@builds("adaptive_avg_pool")
def _adaptive_avg(args: Args, inputs: Inputs) -> nn.Module:
    return _adaptive("adaptive_avg", args, inputs)


@builds("adaptive_max_pool")
def _adaptive_max(args: Args, inputs: Inputs) -> nn.Module:
    return _adaptive("adaptive_max", args, inputs)


def _adaptive(kind: str, args: Args, inputs: Inputs) -> nn.Module:
    dims = inputs.spatial()
    sizes = per_dimension(args["out"], dims, "out")
    module: nn.Module = _POOLS[kind][dims](sizes[0] if dims == 1 else sizes)
    return module


@builds("gap")
def _gap(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, None, "(N, C, …)")
    return GlobalPool(torch.mean)


@builds("global_max_pool")
def _global_max(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, None, "(N, C, …)")
    return GlobalPool(torch.amax)


@builds("upsample")
def _upsample(args: Args, inputs: Inputs) -> nn.Module:
    dims = inputs.spatial()
    mode = args["mode"]
    only = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}.get(mode)
    if only not in (None, dims):
        raise LayerError(f"mode {mode} needs {_FORMS[only or 1]}", "mode")
    if args["align_corners"] and only is None:
        raise LayerError(f"mode {mode} has no corners to align", "align_corners")
    align = None if only is None else args["align_corners"]
    if args["size"] is not None:
        size = per_dimension(args["size"], dims, "size")
        return nn.Upsample(size=size, mode=mode, align_corners=align)
    if args["scale"] <= 0:
        raise LayerError("scale must be above 0", "scale")
    return nn.Upsample(scale_factor=float(args["scale"]), mode=mode, align_corners=align)


@builds("pixel_shuffle")
def _pixel_shuffle(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(4, 4, "(N, C, H, W)")
    if inputs.channels % args["factor"] ** 2:
        raise LayerError(f"{inputs.channels} channels do not divide by {args['factor']}²", "factor")
    return nn.PixelShuffle(args["factor"])


@builds("pixel_unshuffle")
def _pixel_unshuffle(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(4, 4, "(N, C, H, W)")
    return nn.PixelUnshuffle(args["factor"])


@builds("channel_shuffle")
def _channel_shuffle(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(4, 4, "(N, C, H, W)")
    if inputs.channels % args["groups"]:
        raise LayerError(f"{inputs.channels} channels do not divide by {args['groups']}", "groups")
    return nn.ChannelShuffle(args["groups"])


@builds("pad")
def _pad(args: Args, inputs: Inputs) -> nn.Module:
    dims, width = inputs.spatial(), args["width"]
    widths = (width,) * (2 * dims) if isinstance(width, int) else width
    if len(widths) % 2 or len(widths) > 2 * dims:
        raise LayerError(f"width takes 2 numbers a dimension, at most {2 * dims} here", "width")
    return Pad(widths, args["mode"], args["value"])


@builds("squeeze_excite")
def _squeeze_excite(args: Args, inputs: Inputs) -> nn.Module:
    inputs.spatial()
    channels = inputs.channels
    hidden = args["hidden"] or max(1, channels // args["ratio"])
    activation = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}[args["activation"]]()
    gate = {"sigmoid": nn.Sigmoid, "hardsigmoid": nn.Hardsigmoid}[args["gate"]]()
    return SqueezeExcite(channels, hidden, activation, gate)


@builds("patch_embed")
def _patch_embed(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(4, 4, "(N, C, H, W)")
    patch = per_dimension(args["patch"], 2, "patch")
    height, width = inputs.shape[2:]
    if height % patch[0] or width % patch[1]:
        raise LayerError(f"patches of {patch[0]}×{patch[1]} do not tile {height}×{width}", "patch")
    return PatchEmbed(inputs.channels, args["dim"], patch, args["bias"])
