"""The characters that charts are made of, in Unicode and in plain ASCII."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping

from dltui.records import record


@record
class Glyphs:
    """One set of drawing characters, each a single cell wide."""

    name: str
    braille: bool
    axis: str
    axis_tick: str
    corner: str
    floor: str
    floor_tick: str
    solid: str
    dashed: str
    markers: str
    """One marker a palette slot, so that curves differ without colour."""
    point: str
    """A measured point of a curve with few of them."""
    above: str
    below: str
    infinite: str
    not_a_number: str
    cursor: str
    marks: Mapping[str, str]
    """Glyph of each kind of `Mark`."""
    levels: str
    """From empty to full, for sparklines and ridges: nine characters."""
    shades: str
    """From empty to full, for heat maps: five characters."""
    dot: str
    bar_full: str
    bar_half: str
    bar_empty: str
    ellipsis: str


UNICODE = Glyphs(
    name="unicode",
    braille=True,
    axis="│",
    axis_tick="┤",
    corner="┼",
    floor="─",
    floor_tick="┬",
    solid="━",
    dashed="╍",
    markers="●■▲◆▼○□△",
    point="•",
    above="▲",
    below="▼",
    infinite="∞",
    not_a_number="×",
    cursor="┊",
    marks={"learning_rate": "∿", "checkpoint": "◆", "pause": "▌", "resume": "▶", "nan": "×"},
    levels=" ▁▂▃▄▅▆▇█",
    shades=" ░▒▓█",
    dot="·",
    bar_full="━",
    bar_half="╸",
    bar_empty="─",
    ellipsis="…",
)

ASCII = Glyphs(
    name="ascii",
    braille=False,
    axis="|",
    axis_tick="+",
    corner="+",
    floor="-",
    floor_tick="+",
    solid="-",
    dashed=":",
    markers="o#^xv@s*",
    point="o",
    above="^",
    below="v",
    infinite="I",
    not_a_number="N",
    cursor=":",
    marks={"learning_rate": "L", "checkpoint": "C", "pause": "P", "resume": "R", "nan": "N"},
    levels=" .,:-=+*#",
    shades=" .:+#",
    dot=".",
    bar_full="=",
    bar_half="-",
    bar_empty=".",
    ellipsis="~",
)

GLYPHS: Mapping[str, Glyphs] = {"unicode": UNICODE, "ascii": ASCII}


def terminal_glyphs(environment: Mapping[str, str] = os.environ) -> Glyphs:
    """`DLTUI_GLYPHS` (`unicode` or `ascii`) if set, else what the locale and TERM can show."""
    chosen = GLYPHS.get(environment.get("DLTUI_GLYPHS", "").lower())
    if chosen is not None:
        return chosen
    if environment.get("TERM", "") in {"linux", "vt100", "vt220", "dumb"}:
        return ASCII
    for variable in ("LC_ALL", "LC_CTYPE", "LANG"):
        if value := environment.get(variable):
            return UNICODE if "utf" in value.lower() else ASCII
    return UNICODE if "utf" in locale.getpreferredencoding(False).lower() else ASCII
