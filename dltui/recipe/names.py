"""Suggestions for misspelt names, and values in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that `name` was most likely meant to be."""
    by_folded = {candidate.lower().replace("-", "_"): candidate for candidate in valid}
    folded = name.lower().replace("-", "_")[:100]
    matches = get_close_matches(folded, by_folded, n=1, cutoff=0.55)
    return by_folded[matches[0]] if matches else None


def unknown(what: str, name: str, valid: Iterable[str], shown: int = 12) -> str:
    """`unknown layer `covn`; did you mean `conv`?`, or the valid names where none is near."""
    names = list(dict.fromkeys(valid))
    message = f"unknown {what} `{clipped(name)}`"
    if (near := nearest(name, names)) is not None:
        return f"{message}; did you mean `{near}`?"
    if not names:
        return f"{message}; there are none"
    listed = ", ".join(sorted(names)[:shown])
    return f"{message}; known: {listed}{', …' if len(names) > shown else ''}"


def clipped(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def described(value: Any) -> str:
    """A recipe's value for a message: `text 'fast'`, `3`, `a list`, `nothing`."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return f"the text '{clipped(value, 40)}'"
        case list():
            return "a list"
        case _:
            return "a map"


def either(choices: Iterable[str]) -> str:
    """`a, b or c`"""
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last
