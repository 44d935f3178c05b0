"""Small charts inside the cells of tables."""

from __future__ import annotations

import numpy.typing as npt
from rich.text import Text

from dltui.charts.glyphs import Glyphs, terminal_glyphs
from dltui.charts.sparkline import bar, sparkline


def sparkline_cell(
    values: npt.ArrayLike, width: int = 10, *, log: bool = False, glyphs: Glyphs | None = None
) -> Text:
    """The trend of `values`, `(n,)`, oldest first; quiet where there is nothing to show yet."""
    text = sparkline(values, width, glyphs or terminal_glyphs(), log=log)
    return Text(text, no_wrap=True) if text else Text("–", style="dim", no_wrap=True)


def share_cell(share: float, width: int = 8, *, glyphs: Glyphs | None = None) -> Text:
    """A share from 0 to 1 as a bar with its percentage."""
    full, empty = bar(share, width, glyphs or terminal_glyphs())
    text = Text(no_wrap=True)
    text.append(full)
    text.append(empty, style="dim")
    text.append(f" {100 * share:3.0f} %")
    return text
