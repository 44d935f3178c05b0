"""The layer language: a recipe's model to `nn.Module` and shape table. Needs torch."""

from dltui.graph.compile import LayerRow, compile_model, shape_table
from dltui.graph.plugins import load_plugins

__all__ = ["LayerRow", "compile_model", "load_plugins", "shape_table"]
