"""Activations by name."""

from __future__ import annotations

from torch import nn

from dltui.graph.building import BUILDERS, Args, Builder, Inputs, LayerError, builds
from dltui.graph.modules.blocks import Gated, GeGlu, Maxout

_PLAIN: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "sigmoid": nn.Sigmoid,
    "hardsigmoid": nn.Hardsigmoid,
    "log_sigmoid": nn.LogSigmoid,
    "tanh": nn.Tanh,
    "tanhshrink": nn.Tanhshrink,
    "softsign": nn.Softsign,
    "softmax2d": nn.Softmax2d,
}


def _plain(kind: type[nn.Module]) -> Builder:
    return lambda args, inputs: kind()


BUILDERS.update({name: _plain(kind) for name, kind in _PLAIN.items()})
BUILDERS.update(
    {
        "leaky_relu": lambda args, inputs: nn.LeakyReLU(args["slope"]),
        "rrelu": lambda args, inputs: nn.RReLU(args["lower"], args["upper"]),
        "elu": lambda args, inputs: nn.ELU(args["alpha"]),
        "celu": lambda args, inputs: nn.CELU(args["alpha"]),
        "gelu": lambda args, inputs: nn.GELU(args["approximate"]),
        "hardtanh": lambda args, inputs: nn.Hardtanh(args["min"], args["max"]),
        "softplus": lambda args, inputs: nn.Softplus(args["beta"], args["threshold"]),
        "softshrink": lambda args, inputs: nn.Softshrink(args["lambd"]),
        "hardshrink": lambda args, inputs: nn.Hardshrink(args["lambd"]),
        "threshold": lambda args, inputs: nn.Threshold(args["threshold"], args["value"]),
        "softmax": lambda args, inputs: nn.Softmax(args["dim"]),
        "log_softmax": lambda args, inputs: nn.LogSoftmax(args["dim"]),
        "softmin": lambda args, inputs: nn.Softmin(args["dim"]),
    }
)


@builds("prelu")
def _prelu(args: Args, inputs: Inputs) -> nn.Module:
    return nn.PReLU(inputs.channels if args["per_channel"] else 1, args["slope"])


def _gated(make: Builder) -> Builder:
    def build(args: Args, inputs: Inputs) -> nn.Module:
        dim = args["dim"]
        if -len(inputs.shape) <= dim < len(inputs.shape) and inputs.shape[dim] % 2:
            raise LayerError(
                f"it halves dimension {dim}, which has the odd size {inputs.shape[dim]}"
            )
        return make(args, inputs)

    return build


BUILDERS["glu"] = _gated(lambda args, inputs: nn.GLU(args["dim"]))
BUILDERS["geglu"] = _gated(lambda args, inputs: GeGlu(args["dim"]))
BUILDERS["swiglu"] = _gated(lambda args, inputs: Gated(nn.SiLU(), args["dim"]))


@builds("maxout")
def _maxout(args: Args, inputs: Inputs) -> nn.Module:
    if inputs.channels % args["pieces"]:
        raise LayerError(f"{inputs.channels} channels do not divide by {args['pieces']}", "pieces")
    return Maxout(args["pieces"])
