"""From the roles of a frame to styles, through the theme of the app."""

from __future__ import annotations

from rich.style import Style
from textual.color import Color
from textual.widget import Widget

from dltui.charts.canvas import (
    ALARM,
    AXIS,
    CURSOR,
    ERROR_HEAT,
    MARK,
    QUIET,
    RIGHT_HEAT,
    SELECTED,
    SERIES,
    SHADE,
    SHADES,
    STRONG,
    TEXT,
)
from dltui.charts.palette import SLOTS, ansi_color, series_color

COMPONENTS = {
    TEXT: "chart--text",
    STRONG: "chart--strong",
    QUIET: "chart--quiet",
    AXIS: "chart--axis",
    MARK: "chart--mark",
    ALARM: "chart--alarm",
    CURSOR: "chart--cursor",
    SELECTED: "chart--selected",
}
_FAINT = 0.55


def chart_styles(widget: Widget) -> dict[int, Style]:
    """The style of every role on the background that `widget` has now."""
    styles = {role: widget.get_component_rich_style(name) for role, name in COMPONENTS.items()}
    background, foreground = widget.colors[2], widget.colors[3]
    theme = widget.app.current_theme
    plain = theme.ansi or background.ansi is not None
    for slot in range(SLOTS):
        role = SERIES + 2 * slot
        if plain:
            styles[role] = Style(color=ansi_color(slot))
            styles[role + 1] = Style(color=ansi_color(slot), dim=True)
        else:
            color = Color.parse(series_color(slot, dark=background.brightness < 0.5))
            styles[role] = _on(color, background)
            styles[role + 1] = _on(color.blend(background, _FAINT), background)
    for level in range(SHADES):
        if plain:
            styles[SHADE + level] = Style(bold=level > 6)
            continue
        accent = Color.parse(series_color(0, dark=background.brightness < 0.5))
        share = 0.12 + 0.88 * level / (SHADES - 1)
        styles[SHADE + level] = _on(
            background.blend(foreground.blend(accent, 0.6), share), background
        )
    for first, slot in ((ERROR_HEAT, 5 if background.brightness < 0.5 else 1), (RIGHT_HEAT, 0)):
        styles.update(_heat(first, slot, background, plain=plain))
    return styles


def _on(color: Color, background: Color) -> Style:
    return Style(color=color.rich_color, bgcolor=background.rich_color)


def _heat(first: int, slot: int, background: Color, *, plain: bool) -> dict[int, Style]:
    """Ten backgrounds towards a palette slot, each with a text colour that can be read on it."""
    accent = Color.parse(series_color(slot, dark=background.brightness < 0.5))
    styles = {}
    for level in range(SHADES):
        share = 0.1 + 0.75 * level / (SHADES - 1)
        shade = background.blend(accent, share)
        text = (shade + shade.get_contrast_text(0.9)).rich_color
        styles[first + level] = (
            Style(bold=level > 4, reverse=level > 6)
            if plain
            else Style(color=text, bgcolor=shade.rich_color)
        )
    return styles
