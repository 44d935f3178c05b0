"""The recipe: YAML to a checked `Recipe`, every key with its file, line and column.

Importing this package is cheap; ruamel.yaml and pydantic are imported when a recipe is loaded.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltui.recipe.editor_schema import json_schema
    from dltui.recipe.expressions import ExpressionError, evaluate, parse_expression
    from dltui.recipe.library import ShippedRecipe, shipped, write_copy
    from dltui.recipe.loader import load_recipe, parse_recipe
    from dltui.recipe.nodes import KeyPath
    from dltui.recipe.plugins import PluginName, is_trusted, plugin_names, trust
    from dltui.recipe.recipe import Recipe
    from dltui.recipe.tree import Location

_HOMES = {
    "ExpressionError": "expressions",
    "KeyPath": "nodes",
    "Location": "tree",
    "PluginName": "plugins",
    "Recipe": "recipe",
    "ShippedRecipe": "library",
    "evaluate": "expressions",
    "is_trusted": "plugins",
    "json_schema": "editor_schema",
    "load_recipe": "loader",
    "parse_expression": "expressions",
    "parse_recipe": "loader",
    "plugin_names": "plugins",
    "shipped": "library",
    "trust": "plugins",
    "write_copy": "library",
}

__all__ = [
    "ExpressionError",
    "KeyPath",
    "Location",
    "PluginName",
    "Recipe",
    "ShippedRecipe",
    "evaluate",
    "is_trusted",
    "json_schema",
    "load_recipe",
    "parse_expression",
    "parse_recipe",
    "plugin_names",
    "shipped",
    "trust",
    "write_copy",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
