"""Linear layers and feed-forward networks."""

from __future__ import annotations

from torch import Tensor, nn

from dltui.graph.building import Args, Inputs, LayerError, builds
from dltui.graph.modules.embeddings import TiedLinear
from dltui.graph.modules.feed_forward import FeedForward, MixtureOfExperts


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
        args["hidden_dropout"],
    )


@builds("mixture_of_experts")
def _mixture_of_experts(args: Args, inputs: Inputs) -> nn.Module:
    width, experts, top_k = inputs.width, args["experts"], args["top_k"]
    if top_k > experts:
        raise LayerError(f"a token cannot go to {top_k} of {experts} experts", "top_k")
    hidden = args["hidden"] or 4 * width

    def expert() -> FeedForward:
        return FeedForward(width, hidden, width, args["activation"], args["dropout"], args["bias"])

    return MixtureOfExperts(expert, experts, top_k, width, args["balance"])
