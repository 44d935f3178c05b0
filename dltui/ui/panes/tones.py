"""How toned text looks: from the theme's variables, with no stylesheet in between.

As component classes every widget of toned text would be matched with the stylesheet nine times over
whenever the focus moves: a tenth of the time to the first frame of a screen.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style as RichStyle
from textual.color import Color
from textual.style import Style

_TONES: Mapping[str, tuple[str, str, str]] = {
    "dim": ("text-muted", "", ""),
    "strong": ("", "", "bold"),
    "accent": ("primary", "", ""),
    "good": ("text-success", "", ""),
    "warning": ("text-warning", "", ""),
    "bad": ("text-error", "", "bold"),
    "header": ("text-muted", "", "underline"),
    "chosen": ("block-cursor-foreground", "block-cursor-background", ""),
}
"""Of each tone the theme's variables for text and background, if it has its own, and the face."""


def toned(base: Style, tone: str, variables: Mapping[str, str]) -> RichStyle:
    """The style of text in this tone on a widget of style `base`; `variables` are the theme's."""
    if not tone:
        return base.rich_style
    foreground, background, face = _TONES[tone]
    own = Style(
        foreground=_color(variables[foreground]) if foreground else None,
        background=_color(variables[background]) if background else None,
        bold=True if face == "bold" else None,
        underline=True if face == "underline" else None,
    )
    return (base + own).rich_style


def _color(value: str) -> Color:
    """A colour as themes write it: `#6cb6ff`, `auto 60%`, `ansi_default 50%`."""
    name, _, share = value.partition(" ")
    percentage = float(share.strip(" %") or 100)
    if name == "auto":
        return Color.automatic(percentage)
    return Color.parse(name).multiply_alpha(percentage / 100)
