"""dltui: train, watch and understand deep networks in the terminal.

A plugin file registers what it adds with `dltui.layer`, `dltui.data_source` and
`dltui.callback`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltui.graph.plugins import callback, data_source, layer

__version__ = "0.1.0"
__all__ = ["__version__", "callback", "data_source", "layer"]


def __getattr__(name: str) -> Any:
    # Lazily: the decorators need torch, which no command but the worker may load.
    if name in ("layer", "data_source", "callback"):
        from dltui.graph import plugins

        return getattr(plugins, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
