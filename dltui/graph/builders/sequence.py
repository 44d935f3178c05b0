"""Linear layers, embeddings, positions, attention and recurrent networks."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from dltui.graph.building import Args, Inputs, LayerError, builds
from dltui.graph.modules.attention import Attention
from dltui.graph.modules.blocks import FeedForward
from dltui.graph.modules.sequence import (
    ClassToken,
    LearnedPositions,
    Recurrent,
    SinusoidalPositions,
    TiedLinear,
)

_SEQUENCE = "(N, T, D)"


@builds("linear")
def _linear(args: Args, inputs: Inputs) -> nn.Module:
    return nn.Linear(inputs.width, args["out"], bias=args["bias"])


@builds("tied_linear")
def _tied_linear(args: Args, inputs: Inputs) -> nn.Module:
    source = inputs.find(args["to"])
    weight = getattr(source, "weight", None)
    if not isinstance(weight, Tensor) or weight.dim() != 2:
        raise LayerError(f"{args['to']!r} has no weight (V, D) to share", "to")
    if weight.shape[1] != inputs.width:
        raise LayerError(
            f"the weight of {args['to']!r} is ({weight.shape[0]},{weight.shape[1]}), "
            f"which needs {weight.shape[1]} features",
            "to",
        )
    return TiedLinear(source, args["bias"])


@builds("mlp")
def _mlp(args: Args, inputs: Inputs) -> nn.Module:
    width = inputs.width
    return FeedForward(
        width,
        args["hidden"] or 4 * width,
        args["out"] or width,
        args["activation"],
        args["dropout"],
        args["bias"],
    )


@builds("embedding")
def _embedding(args: Args, inputs: Inputs) -> nn.Module:
    vocab = args["vocab"] or inputs.info.vocab
    if vocab is None:
        raise LayerError("this data has no vocabulary: give the number of tokens", "vocab")
    if args["padding"] is not None and args["padding"] >= vocab:
        raise LayerError(f"padding must be below the {vocab} tokens", "padding")
    return nn.Embedding(vocab, args["dim"], padding_idx=args["padding"])


@builds("positions")
def _positions(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, 3, _SEQUENCE)
    length = inputs.shape[1]
    longest = args["max_length"] or length
    if longest < length:
        raise LayerError(f"the sequence has {length} steps", "max_length")
    kind = LearnedPositions if args["kind"] == "learned" else SinusoidalPositions
    return kind(longest, inputs.width)


@builds("cls_token")
def _cls_token(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, 3, _SEQUENCE)
    return ClassToken(inputs.width)


@builds("attention")
def _attention(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, 3, _SEQUENCE)
    if any(len(shape) != 3 for shape in inputs.shapes):
        raise LayerError(f"it needs {_SEQUENCE} for every input")
    width, heads = inputs.width, args["heads"]
    kv_heads = args["kv_heads"] or heads
    if args["head_dim"] is None and width % heads:
        raise LayerError(f"{width} features do not divide into {heads} heads", "heads")
    if heads % kv_heads:
        raise LayerError(f"{heads} heads do not divide into {kv_heads} kv_heads", "kv_heads")
    head_dim = args["head_dim"] or width // heads
    if args["rotary"] and (head_dim % 2 or len(inputs.shapes) > 1):
        raise LayerError("rotary positions need self-attention with an even head size", "rotary")
    return Attention(
        width,
        tuple(shape[-1] for shape in inputs.shapes[1:]),
        heads,
        kv_heads,
        head_dim,
        args["causal"],
        args["dropout"],
        args["bias"],
        args["rotary_base"] if args["rotary"] else None,
    )


_RECURRENT: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def _recurrent(kind: str, args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, 3, _SEQUENCE)
    if args["dropout"] and args["num_layers"] == 1:
        raise LayerError("dropout acts between layers, and there is one", "dropout")
    extra = {"nonlinearity": args["nonlinearity"]} if kind == "rnn" else {}
    network = _RECURRENT[kind](
        inputs.width,
        args["hidden"],
        num_layers=args["num_layers"],
        bidirectional=args["bidirectional"],
        dropout=args["dropout"],
        bias=args["bias"],
        batch_first=True,
        **extra,
    )
    return Recurrent(network, last=args["return"] == "last")


@builds("rnn")
def _rnn(args: Args, inputs: Inputs) -> nn.Module:
    return _recurrent("rnn", args, inputs)


@builds("lstm")
def _lstm(args: Args, inputs: Inputs) -> nn.Module:
    return _recurrent("lstm", args, inputs)


@builds("gru")
def _gru(args: Args, inputs: Inputs) -> nn.Module:
    return _recurrent("gru", args, inputs)
