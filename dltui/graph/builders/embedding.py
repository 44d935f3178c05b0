"""Vectors for tokens, places, classes and times."""

from __future__ import annotations

from torch import nn

from dltui.graph.building import SEQUENCE, Args, Inputs, LayerError, builds
from dltui.graph.modules.codebook import VectorQuantize
from dltui.graph.modules.embeddings import ClassEmbedding, ClassToken, TimeEmbedding
from dltui.graph.modules.positions import LearnedPositions, RelativeBias, SinusoidalPositions


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
    inputs.need_rank(3, 3, SEQUENCE)
    length = inputs.shape[1]
    longest = args["max_length"] or length
    if longest < length:
        raise LayerError(f"the sequence has {length} steps", "max_length")
    kind = LearnedPositions if args["kind"] == "learned" else SinusoidalPositions
    return kind(longest, inputs.width)


@builds("relative_bias")
def _relative_bias(args: Args, inputs: Inputs) -> nn.Module:
    if any(len(shape) < 2 for shape in inputs.shapes):
        raise LayerError("it needs (N, T, …) for every input")
    buckets, bidirectional = args["buckets"], args["bidirectional"]
    if bidirectional and buckets % 2:
        raise LayerError(
            "half of the buckets are for keys ahead, so their number is even", "buckets"
        )
    single = buckets // (4 if bidirectional else 2)
    if args["max_distance"] <= single:
        raise LayerError(f"the first {single} distances have a bucket each", "max_distance")
    return RelativeBias(args["heads"], buckets, args["max_distance"], bidirectional)


@builds("cls_token")
def _cls_token(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(3, 3, SEQUENCE)
    return ClassToken(inputs.width)


@builds("class_embedding")
def _class_embedding(args: Args, inputs: Inputs) -> nn.Module:
    inputs.need_rank(1, 1, "(N), one class an example")
    classes = args["classes"] or inputs.info.classes
    if classes is None:
        raise LayerError("this data has no classes: give their number", "classes")
    return ClassEmbedding(classes, args["dim"], args["dropout"])


@builds("time_embedding")
def _time_embedding(args: Args, inputs: Inputs) -> nn.Module:
    rank = inputs.need_rank(1, 2, "(N) or (N, 1), one time an example")
    if rank == 2 and inputs.shape[1] != 1:
        raise LayerError("it needs (N) or (N, 1), one time an example")
    width = args["dim"]
    frequencies = args["frequencies"] or width
    if frequencies % 2:
        raise LayerError("a sine goes with a cosine, so their number is even", "frequencies")
    hidden = args["hidden"] or width
    return TimeEmbedding(width, frequencies, hidden, args["max_period"], args["scale"])


@builds("vector_quantize")
def _vector_quantize(args: Args, inputs: Inputs) -> nn.Module:
    rank = inputs.need_rank(2, 5, "(N, D), (N, T, D) or (N, C, …)")
    last = rank < 4 if args["channels_last"] is None else args["channels_last"]
    axis = rank - 1 if last else 1
    return VectorQuantize(args["codes"], inputs.shape[axis], args["commitment"], axis)
