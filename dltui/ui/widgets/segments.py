"""Segments with as few changes of style as the eye needs: each change costs the link 40 bytes."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style


def joined(pieces: Iterable[tuple[str, Style]]) -> list[Segment]:
    """Neighbours of one style as one segment; blanks take the style before them."""
    texts: list[str] = []
    styles: list[Style] = []
    for text, style in pieces:
        if not text:
            continue
        if styles and (styles[-1] == style or (text.isspace() and _alike(styles[-1], style))):
            texts[-1] += text
        else:
            texts.append(text)
            styles.append(style)
    return [Segment(text, style) for text, style in zip(texts, styles, strict=True)]


def _alike(one: Style, other: Style) -> bool:
    """Whether a blank looks the same in both."""
    return one.bgcolor == other.bgcolor and not any(
        style.reverse or style.underline or style.strike for style in (one, other)
    )
