"""Builders of every catalogue layer; importing this package fills `BUILDERS`."""

from dltui.graph.builders import (
    activation,
    attention,
    audio,
    convolution,
    embedding,
    linear,
    recurrent,
    regularise,
    tensor,
)
from dltui.graph.building import BUILDERS

__all__ = [
    "BUILDERS",
    "activation",
    "attention",
    "audio",
    "convolution",
    "embedding",
    "linear",
    "recurrent",
    "regularise",
    "tensor",
]
