"""Colours that colour-blind people tell apart, for dark and for light backgrounds.

Source: Okabe and Ito, "Color Universal Design" (2008). The entries that would be too dim or too
bright on one of the two backgrounds are shifted in lightness only, so that each keeps a contrast of
at least 3:1 (WCAG 2.2, 1.4.11) there.
"""

from __future__ import annotations

DARK_BACKGROUND = (
    "#56b4e9",  # sky blue
    "#e69f00",  # orange
    "#1fbf92",  # bluish green, lighter
    "#e08fbd",  # reddish purple, lighter
    "#f0e442",  # yellow
    "#f0723a",  # vermillion, lighter
    "#5b9bff",  # blue, lighter
    "#b0b0b0",  # grey
)
LIGHT_BACKGROUND = (
    "#0072b2",  # blue
    "#b34700",  # vermillion, darker
    "#00694c",  # bluish green, darker
    "#9c3f78",  # reddish purple, darker
    "#7d5c00",  # orange, darker
    "#1c6a97",  # sky blue, darker
    "#6b6400",  # yellow, darker
    "#505050",  # grey
)
ANSI = ("blue", "yellow", "green", "magenta", "cyan", "red", "bright_blue", "white")
SLOTS = len(DARK_BACKGROUND)


def series_color(slot: int, *, dark: bool = True) -> str:
    """`#rrggbb` of a palette slot; slots beyond the last start over."""
    return (DARK_BACKGROUND if dark else LIGHT_BACKGROUND)[slot % SLOTS]


def ansi_color(slot: int) -> str:
    """The name of a palette slot among the terminal's own 16 colours."""
    return ANSI[slot % SLOTS]


def contrast(one: str, other: str) -> float:
    """Contrast ratio (1 to 21) of two `#rrggbb` colours, as WCAG defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
