"""What a plot of curves is drawn from: the curves, and how they are looked at."""

from __future__ import annotations

from dataclasses import dataclass

from dltui.charts.series import Series
from dltui.charts.track import Track


@dataclass(frozen=True, slots=True)
class Curve:
    """One series with its cached track."""

    series: Series
    track: Track


@dataclass(frozen=True, slots=True)
class PlotView:
    """How the curves are looked at; `cursor` is in the unit of x."""

    log_y: bool = False
    log_x: bool = False
    smoothing: float = 0.0
    x_label: str = "step"
    cursor: float | None = None
