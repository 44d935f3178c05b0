"""Normalisation and dropout."""

from __future__ import annotations

from typing import Any

from torch import nn

from dltui.graph.building import BUILDERS, Args, Inputs, LayerError, builds
from dltui.graph.modules.blocks import ChannelLayerNorm, DropPath

_BATCH: dict[int, Any] = {
    2: nn.BatchNorm1d,
    3: nn.BatchNorm1d,
    4: nn.BatchNorm2d,
    5: nn.BatchNorm3d,
}
_INSTANCE: dict[int, Any] = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}

BUILDERS.update(
    {
        "dropout": lambda args, inputs: nn.Dropout(args["p"]),
        "dropout1d": lambda args, inputs: nn.Dropout1d(args["p"]),
        "dropout2d": lambda args, inputs: nn.Dropout2d(args["p"]),
        "dropout3d": lambda args, inputs: nn.Dropout3d(args["p"]),
        "alpha_dropout": lambda args, inputs: nn.AlphaDropout(args["p"]),
        "feature_alpha_dropout": lambda args, inputs: nn.FeatureAlphaDropout(args["p"]),
        "drop_path": lambda args, inputs: DropPath(args["p"]),
    }
)


@builds("bn")
def _batch_norm(args: Args, inputs: Inputs) -> nn.Module:
    rank = inputs.need_rank(2, 5, "(N, C) to (N, C, D, H, W)")
    module: nn.Module = _BATCH[rank](
        inputs.channels,
        eps=args["eps"],
        momentum=args["momentum"],
        affine=args["affine"],
        track_running_stats=args["track"],
    )
    return module


@builds("sync_bn")
def _sync_batch_norm(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(2, 5, "(N, C) to (N, C, D, H, W)")
    return nn.SyncBatchNorm(
        inputs.channels,
        eps=args["eps"],
        momentum=args["momentum"],
        affine=args["affine"],
        track_running_stats=args["track"],
    )


@builds("layer_norm2d")
def _channel_layer_norm(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, None, "(N, C, …)")
    return ChannelLayerNorm(inputs.channels, args["eps"], elementwise_affine=args["affine"])


@builds("layer_norm")
def _layer_norm(args: Args, inputs: Inputs) -> nn.Module:
    dims = args["dims"]
    inputs.need_rank(dims + 1, None, f"a batch and {dims} more dimensions")
    return nn.LayerNorm(
        inputs.shape[-dims:], args["eps"], elementwise_affine=args["affine"], bias=args["bias"]
    )


@builds("rms_norm")
def _rms_norm(args: Args, inputs: Inputs) -> nn.Module:
    return nn.RMSNorm(inputs.width, args["eps"], elementwise_affine=args["affine"])


@builds("group_norm")
def _group_norm(args: Args, inputs: Inputs) -> nn.Module:
    if inputs.channels % args["groups"]:
        raise LayerError(
            f"{inputs.channels} channels do not divide into {args['groups']} groups", "groups"
        )
    return nn.GroupNorm(args["groups"], inputs.channels, args["eps"], args["affine"])


@builds("instance_norm")
def _instance_norm(args: Args, inputs: Inputs) -> nn.Module:
    dims = inputs.spatial()
    module: nn.Module = _INSTANCE[dims](
        inputs.channels,
        eps=args["eps"],
        momentum=args["momentum"],
        affine=args["affine"],
        track_running_stats=args["track"],
    )
    return module


@builds("local_response_norm")
def _local_response_norm(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, None, "(N, C, …)")
    return nn.LocalResponseNorm(args["size"], args["alpha"], args["beta"], args["k"])
