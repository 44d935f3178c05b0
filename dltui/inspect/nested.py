"""Nested metadata, by dotted paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(metadata: Any, path: str) -> Any:
    """What stands in nested metadata at a dotted path, or None. Keys may be texts or numbers."""
    found = metadata
    for step in path.split(".") if path else ():
        if isinstance(found, Mapping):
            number = int(step) if step.isdecimal() and len(step) < 18 else None
            found = found[step] if step in found else found.get(number)
        elif isinstance(found, list | tuple) and step.isdecimal() and len(step) < 18:
            found = found[int(step)] if int(step) < len(found) else None
        else:
            return None
    return found
