"""Recurrent networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from dltui.graph.building import SEQUENCE, Args, Builder, Inputs, LayerError, builds, shape_text
from dltui.graph.modules.recurrent import Recurrent

_NETWORKS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def _recurrent(kind: str) -> Builder:
    def build(args: Args, inputs: Inputs) -> nn.Module:
        inputs.need_rank(3, 3, SEQUENCE)
        if args["dropout"] and args["num_layers"] == 1:
            raise LayerError("dropout acts between layers, and there is one", "dropout")
        _check_named(kind, args, inputs)
        extra = {"nonlinearity": args["nonlinearity"]} if kind == "rnn" else {}
        network = _NETWORKS[kind](
            inputs.width,
            args["hidden"],
            num_layers=args["num_layers"],
            bidirectional=args["bidirectional"],
            dropout=args["dropout"],
            bias=args["bias"],
            batch_first=True,
            **extra,
        )
        if kind == "lstm" and args["forget_bias"]:
            if not args["bias"]:
                raise LayerError("there are no biases to add to", "forget_bias")
            _remember(network, float(args["forget_bias"]))
        return Recurrent(network, args["return"], tuple(inputs.named))

    return build


def _remember(network: nn.LSTM, bias: float) -> None:
    """Adds to the forget gates' biases, the second quarter of torch's order (i, f, g, o)."""
    forget = slice(network.hidden_size, 2 * network.hidden_size)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith("bias_hh"):
                parameter[forget] += bias


for _kind in _NETWORKS:
    builds(_kind)(_recurrent(_kind))


def _check_named(kind: str, args: Args, inputs: Inputs) -> None:
    batch, steps = inputs.shape[:2]
    if "lengths" in inputs.named and "mask" in inputs.named:
        raise LayerError("lengths and a mask say the same; give one of them", "mask")
    directions = 2 if args["bidirectional"] else 1
    hidden = args["hidden"] * (2 if kind == "lstm" else 1)
    wanted = {
        "lengths": ((batch,), (batch, 1)),
        "mask": ((batch, steps),),
        "initial": ((batch, args["num_layers"] * directions, hidden),),
    }
    for name, shape in inputs.named.items():
        if shape not in wanted[name]:
            raise LayerError(f"it needs {shape_text(wanted[name][0])}", name)
