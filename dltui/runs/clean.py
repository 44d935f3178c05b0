"""Foreign text made safe to print.

Names, log lines and labels come from recipes, data files and other people's programs. An escape
sequence in them could move the cursor, change the title or write to the clipboard.
"""

from __future__ import annotations

import re
from typing import Any

_SEQUENCE = re.compile(
    r"""
      (?:\x1b\]|\x9d) [^\x07\x1b\x9c]* (?:\x07|\x1b\\|\x9c|$)        # OSC: titles, clipboard, links
    | (?:\x1b[PX^_]|[\x90\x98\x9e\x9f]) [^\x1b\x9c]* (?:\x1b\\|\x9c|$)  # DCS, SOS, PM, APC
    | (?:\x1b\[|\x9b) [0-?]* [ -/]* [@-~]?                           # CSI: colours, cursor
    | \x1b [ -/]* [0-~]?                                            # two-character escapes
    """,
    re.VERBOSE,
)
# C0 and C1 controls, direction overrides (they show text in another order than it has), line and
# paragraph separators, lone surrogates (they cannot be encoded), the byte order mark.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
REPLACEMENT = "\ufffd"


def printable(text: str, *, lines: bool = False) -> str:
    """`text` without escape sequences, each other control character shown as `�`.

    Tabs become spaces. Line feeds stay where `lines` is set, else they become spaces.
    Rich and Textual markup (`[red]`) is not touched: whoever renders markup escapes it.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    text = text.expandtabs(4) if lines else re.sub(r"[\t\n]+", " ", text)
    return _CONTROL.sub(REPLACEMENT, text)


def clean_json(value: Any) -> Any:
    """`value` with every text in it made printable."""
    if isinstance(value, str):
        return printable(value, lines=True)
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {printable(str(key)): clean_json(item) for key, item in value.items()}
    return value
