"""Builders of every catalogue layer; importing this package fills `BUILDERS`."""

from dltui.graph.builders import activation, convolution, regularise, sequence, tensor
from dltui.graph.building import BUILDERS

__all__ = ["BUILDERS", "activation", "convolution", "regularise", "sequence", "tensor"]
