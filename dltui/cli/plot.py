"""`dltui plot RUN [METRIC…]`: a chart on stdout, drawn as the dashboard draws it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from dltui.charts.canvas import ALARM, AXIS, MARK, QUIET, SERIES, SHADE, Frame
from dltui.charts.envelope import Grid
from dltui.charts.glyphs import ASCII, UNICODE, Glyphs, terminal_glyphs
from dltui.charts.line_plot import PlotArea, draw_plot, label_width, plot_limits
from dltui.charts.palette import ansi_color
from dltui.charts.plot_view import Curve, PlotView
from dltui.charts.series import Series
from dltui.charts.track import Track
from dltui.errors import UsageError
from dltui.runs.catalogue import find_run
from dltui.runs.reader import RunReader

_STYLES = {QUIET: "dim", AXIS: "dim", MARK: "bold", ALARM: "bold red"}
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

    `width` and `height` in cells; else the terminal's width and a third of it. Raises UsageError
    for a metric that the run does not have.
    """
    reader = RunReader(find_run(runs, run))
    reader.poll()
    names = _chosen(reader, metrics)
    if not names:
        print(f"dltui: {reader.folder.name} has recorded nothing yet", file=sys.stderr)
        return 1
    console = Console(width=width, highlight=False, soft_wrap=True)
    columns = max(width or console.width, _SMALLEST[0])
    rows = max(height or min(columns // 3, max(console.height - 2, 10)), _SMALLEST[1])
    frame = chart(reader, names, columns, rows, _glyphs(console))
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


def _chosen(reader: RunReader, metrics: Sequence[str]) -> list[str]:
    there = reader.metric_names()
    for name in metrics:
        if name not in there:
            raise UsageError(
                f"this run has no metric {name!r}",
                where=reader.folder.name,
                remedy=f"it has {', '.join(there)}" if there else "it has recorded nothing yet",
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
