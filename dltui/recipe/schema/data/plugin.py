"""Data of the user's own."""

from __future__ import annotations

from typing import Any, Literal

from dltui.recipe.schema.data.base import Source


class PluginData(Source):
    """A data source that a plugin file registers with `@dltui.data_source(name)`."""

    type: Literal["plugin"]
    name: str
    args: dict[str, Any] = {}
