"""Layers that join, cut and rearrange tensors."""

from __future__ import annotations

import torch
from torch import nn

from dltui.graph.building import BUILDERS, Args, Inputs, LayerError, builds
from dltui.graph.modules import tensors

BUILDERS.update(
    {
        "identity": lambda args, inputs: nn.Identity(),
        "full_like": lambda args, inputs: tensors.FullLike(args["value"]),
        "add": lambda args, inputs: tensors.Combine(torch.add),
        "sub": lambda args, inputs: tensors.Combine(torch.sub),
        "mul": lambda args, inputs: tensors.Combine(torch.mul),
        "matmul": lambda args, inputs: tensors.Combine(torch.matmul),
        "flatten": lambda args, inputs: nn.Flatten(args["start"], args["end"]),
        "unflatten": lambda args, inputs: nn.Unflatten(args["dim"], tuple(args["sizes"])),
        "reshape": lambda args, inputs: tensors.Reshape(tuple(args["shape"])),
        "slice": lambda args, inputs: tensors.Slice(args["start"], args["stop"], args["dim"]),
        "unsqueeze": lambda args, inputs: tensors.Unsqueeze(args["dim"]),
    }
)


def _axis(dim: int, inputs: Inputs, arg: str = "dim") -> int:
    """The dimension counted from 0; LayerError where the input has no such dimension."""
    rank = len(inputs.shape)
    if not -rank <= dim < rank:
        raise LayerError(f"the input has no dimension {dim}", arg)
    return dim % rank


@builds("cat")
def _cat(args: Args, inputs: Inputs) -> nn.Module:
    _axis(args["dim"], inputs)
    return tensors.Cat(args["dim"])


@builds("scale")
def _scale(args: Args, inputs: Inputs) -> nn.Module:
    shape: tuple[int, ...] = ()
    if args["per_channel"]:
        axis = _axis(args["dim"], inputs)
        shape = (inputs.shape[axis], *(1,) * (len(inputs.shape) - axis - 1))
    return tensors.Scale(shape, float(args["init"]), args["learned"])


@builds("layer_scale")
def _layer_scale(args: Args, inputs: Inputs) -> nn.Module:
    images = len(inputs.shape) > 3
    dim = args["dim"] if args["dim"] is not None else 1 if images else -1
    return _scale({"per_channel": True, "learned": True, "init": args["init"], "dim": dim}, inputs)


@builds("permute")
def _permute(args: Args, inputs: Inputs) -> nn.Module:
    dims = tuple(args["dims"])
    if sorted(dims) != list(range(len(inputs.shape))) or dims[0] != 0:
        raise LayerError(
            f"dims must hold 0 to {len(inputs.shape) - 1} once each, the batch 0 first", "dims"
        )
    return tensors.Permute(dims)


@builds("transpose")
def _transpose(args: Args, inputs: Inputs) -> nn.Module:
    if len(args["dims"]) != 2:
        raise LayerError("dims must be two dimensions", "dims")
    first, second = (_axis(dim, inputs, "dims") for dim in args["dims"])
    return tensors.Transpose(first, second)


@builds("index")
def _index(args: Args, inputs: Inputs) -> nn.Module:
    axis = _axis(args["dim"], inputs)
    size = inputs.shape[axis]
    if not -size <= args["index"] < size:
        raise LayerError(f"dimension {args['dim']} has {size} entries", "index")
    return tensors.Index(args["index"], args["dim"])


def _dims(args: Args, inputs: Inputs) -> tuple[int, ...]:
    dims = (args["dim"],) if isinstance(args["dim"], int) else tuple(args["dim"])
    return tuple(_axis(dim, inputs) for dim in dims)


@builds("mean")
def _mean(args: Args, inputs: Inputs) -> nn.Module:
    return tensors.Reduce(torch.mean, _dims(args, inputs), args["keep"])


@builds("sum")
def _sum(args: Args, inputs: Inputs) -> nn.Module:
    return tensors.Reduce(torch.sum, _dims(args, inputs), args["keep"])


@builds("max")
def _max(args: Args, inputs: Inputs) -> nn.Module:
    return tensors.Reduce(torch.amax, _dims(args, inputs), args["keep"])


@builds("squeeze")
def _squeeze(args: Args, inputs: Inputs) -> nn.Module:
    if inputs.shape[_axis(args["dim"], inputs)] != 1:
        raise LayerError(f"dimension {args['dim']} is not of size 1", "dim")
    return tensors.Squeeze(args["dim"])


@builds("normalize")
def _normalize(args: Args, inputs: Inputs) -> nn.Module:
    _axis(args["dim"], inputs)
    return tensors.Normalize(args["dim"], args["eps"])
