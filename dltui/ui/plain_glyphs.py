"""Plain ASCII in place of every other character, for terminals that show nothing else.

Charts choose their glyphs themselves, in `dltui.charts.glyphs`; this is for what stands around
them: frames, separators, arrows, and names from files.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SAME = {
    "-": "─━═╌╍╸╺╴╶‐‑‒–—−·▔‾",
    "|": "│┃║┆┇┊┋▏▎▍▌▋▊▉▐▕‖",
    "+": "╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬✓±",
    " ": "▁▂▃▄▅▆▇▀",
    "#": "█▓■",
    ":": "▒",
    ".": "░□",
    "!": "▲",
    "^": "↑△",
    "v": "▾▼↓",
    ">": "▸▶→≥›»",
    "<": "◀←≤‹«",
    "*": "●•◆∙",
    "o": "○°",
    "x": "×✗✕",
    "~": "…≈",
    "a": "α",
    "b": "β",
    "d": "Δδ",
    "s": "σ",
    "u": "µμ",
    "I": "∞",
    "'": "‘’",
    '"': "“”",
}
"""Of one cell each, so that nothing moves."""
_PLAIN: Mapping[str, str] = {odd: plain for plain, odds in _SAME.items() for odd in odds}
_BRAILLE = range(0x2800, 0x2900)


class PlainGlyphs(LineFilter):
    """Writes each line in ASCII, every character in as many cells as before."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments with their texts in ASCII."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(plain(segment.text), segment.style)
            for segment in segments
        ]


@lru_cache(4096)
def plain(text: str) -> str:
    """The text in ASCII and as wide as it was; `?` stands for what has nothing like it."""
    shown = "".join(c if c.isascii() else _plain_character(c) for c in text)
    # Characters that join into one are narrower than one by one.
    return set_cell_size(shown, cell_len(text))


def _plain_character(character: str) -> str:
    known = _PLAIN.get(character)
    if known is not None:
        return known
    if ord(character) in _BRAILLE:
        return " " if ord(character) == _BRAILLE.start else ":"
    cells = cell_len(character)
    base = unicodedata.normalize("NFKD", character)[:1]
    return base if cells == 1 and base.isascii() else "?" * cells
