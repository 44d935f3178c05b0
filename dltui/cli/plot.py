"""`dltui plot RUN [METRIC…]`: a chart on stdout, drawn as the dashboard draws it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.text import Text

from dltui.charts.band_plot import draw_forecast
from dltui.charts.canvas import ALARM, AXIS, MARK, QUIET, SERIES, SHADE, Frame
from dltui.charts.envelope import Grid
from dltui.charts.glyphs import ASCII, UNICODE, Glyphs, terminal_glyphs
from dltui.charts.line_plot import PlotArea, draw_plot, label_width, plot_limits
from dltui.charts.palette import ansi_color
from dltui.charts.plot_view import Curve, PlotView
from dltui.charts.scatter_plot import Points, draw_scatter
from dltui.charts.series import Series
from dltui.charts.track import Track
from dltui.errors import UsageError
from dltui.runs.catalogue import find_run
from dltui.runs.reader import RunReader
from dltui.ui import outcome_frames
from dltui.ui.snapshot import Wanted

_STYLES = {QUIET: "dim", AXIS: "dim", MARK: "bold", ALARM: "bold red"}
FIGURES = {"series": "forecast", "latent": "map of a latent space"}
"""What can be drawn beside metrics."""
_MOST_FORECASTS = 4
_SMALLEST = (20, 6)


def plot(
    runs: Path,
    run: str,
    metrics: Sequence[str] = (),
    *,
    width: int | None = None,
    height: int | None = None,
) -> int:
    """Draws the metrics, or the losses, over the steps. 1 if nothing has been recorded yet.

    `series` draws the newest forecasts, `latent` the newest map of the latent space.
    `width` and `height` in cells; else the terminal's width and a third of it. Raises UsageError
    for a metric that the run does not have.
    """
    reader = RunReader(find_run(runs, run))
    reader.poll()
    figure = metrics[0] if len(metrics) == 1 and metrics[0] in FIGURES else None
    names = () if figure is not None else _chosen(reader, metrics)
    if not names and figure is None:
        print(f"dltui: {reader.folder.name} has recorded nothing yet", file=sys.stderr)
        return 1
    console = Console(width=width, highlight=False, soft_wrap=True)
    columns = max(width or console.width, _SMALLEST[0])
    rows = max(height or min(columns // 3, max(console.height - 2, 10)), _SMALLEST[1])
    glyphs = _glyphs(console)
    if figure is None:
        frame = chart(reader, names, columns, rows, glyphs)
    else:
        frame = figure_chart(reader, figure, columns, rows, glyphs)
    for row in range(frame.height):
        console.print(_styled(frame, row), no_wrap=True, crop=True)
    return 0


def chart(
    reader: RunReader, names: Sequence[str], width: int, height: int, glyphs: Glyphs
) -> Frame:
    """The picture in `width` × `height` cells."""
    curves = []
    for slot, name in enumerate(names):
        points = reader.metric(name)
        track = Track()
        track.set_points(points.steps, points.values)
        curves.append(
            Curve(Series(name, track.x, track.y, slot, not name.startswith("train/")), track)
        )
    extent = (
        min(float(curve.track.x[0]) for curve in curves),
        max(float(curve.track.x[-1]) for curve in curves),
    )
    view = PlotView()
    grid = Grid.covering(*extent, 2 * max(width - 8, 1))
    limits = plot_limits(curves, view, grid, None)
    area = PlotArea.inside(width, height, label_width(limits, height, log=False))
    grid = Grid.covering(*extent, 2 * area.width)
    return draw_plot(curves, (), view, grid, area, (width, height), glyphs, limits).frame


def figure_chart(reader: RunReader, figure: str, width: int, height: int, glyphs: Glyphs) -> Frame:
    """Forecasts, each `height` cells high, or the map of the latent space."""
    series = outcome_frames.series(reader.arrays("series"), Wanted(), None)
    latent = outcome_frames.latent(reader.arrays("scatter"), Wanted(), None)
    if figure == "latent" and latent is not None:
        points = Points(
            latent.x, latent.y, latent.label, latent.classes, latent.x_label, latent.y_label
        )
        return draw_scatter(points, (width, height), glyphs)
    if figure == "series" and series is not None:
        parts = [
            draw_forecast(forecast, (width, height), glyphs)
            for forecast in outcome_frames.forecasts(series)[:_MOST_FORECASTS]
        ]
        return Frame(
            np.concatenate([part.chars for part in parts]),
            np.concatenate([part.roles for part in parts]),
        )
    raise UsageError(
        f"this run has no {FIGURES[figure]}", where=reader.folder.name, remedy=_there(reader)
    )


def _there(reader: RunReader) -> str:
    """What can be drawn of the run."""
    groups = {"series": "series", "latent": "scatter"}
    figures = [name for name, group in groups.items() if reader.arrays(group) is not None]
    there = [*reader.metric_names(), *figures]
    return f"it has {', '.join(there)}" if there else "it has recorded nothing yet"


def _chosen(reader: RunReader, metrics: Sequence[str]) -> list[str]:
    there = reader.metric_names()
    for name in metrics:
        if name not in there:
            raise UsageError(
                f"this run has no metric {name!r}",
                where=reader.folder.name,
                remedy=_there(reader),
            )
    losses = [name for name in there if name.endswith("/loss")]
    return list(metrics) or losses or there[:1]


def _glyphs(console: Console) -> Glyphs:
    if "DLTUI_GLYPHS" in os.environ:
        return terminal_glyphs()
    return UNICODE if console.encoding.startswith("utf") else ASCII


def _styled(frame: Frame, row: int) -> Text:
    text = Text()
    for part, role in frame.spans(row):
        if SERIES <= role < SHADE:
            text.append(part, ansi_color((role - SERIES) // 2))
        else:
            text.append(part, _STYLES.get(role, ""))
    text.rstrip()
    return text
