"""Names from a file, made harmless to show: what a terminal would obey is written out."""

from __future__ import annotations

MAX_NAME = 400
"""A name may have millions of characters; so many of them are shown."""


def visible(text: str, limit: int = MAX_NAME) -> str:
    """`text` with every character that is not printed as itself as an escape: `\\x1b`, `\\u202e`.

    So are the marks that turn the direction of what follows. Longer texts than `limit` characters
    lose their middle.
    """
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}…{text[-half:]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if character in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
