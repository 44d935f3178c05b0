"""What one more point costs on a chart of many: milliseconds, and bytes sent to the terminal.

    python benchmarks/charts.py [--points 1000000] [--frames 30] [--json]

Compares the line chart with a full plotext plot of the same curve at the same size, redrawn for
each point, both in this one run. The ratios say how many times more the full redraw costs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from typing import Any

import numpy as np
import plotext
from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver

from dltui.charts.glyphs import UNICODE
from dltui.ui.widgets.line_chart import LineChart, Series

WIDTH, HEIGHT = 120, 36


class CountingDriver(HeadlessDriver):
    """Takes what the app sends, as a terminal would, and counts it."""

    written = 0

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        CountingDriver.written += len(data.encode())


class ChartApp(App[None]):
    """One chart that gets one more point a frame."""

    def __init__(self, x: np.ndarray, y: np.ndarray, frames: int) -> None:
        super().__init__(driver_class=CountingDriver)
        self._x, self._y, self._frames = x, y, frames
        self.milliseconds: list[float] = []
        self.sent: list[int] = []
        self.first_ms = 0.0

    def compose(self) -> ComposeResult:
        yield LineChart(glyphs=UNICODE)

    def on_mount(self) -> None:
        self.run_worker(self._append())

    async def _append(self) -> None:
        chart = self.query_one(LineChart)
        start = self._x.size - self._frames
        await asyncio.sleep(0.2)
        for count in range(start, self._x.size + 1):
            CountingDriver.written = 0
            began = time.process_time()
            chart.set_data([Series("train", self._x[:count], self._y[:count])])
            while chart._repaint_required or chart._repaint_regions:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.04)
            spent = 1000 * (time.process_time() - began)
            if count == start:
                self.first_ms = spent
            else:
                self.milliseconds.append(spent)
                self.sent.append(CountingDriver.written)
        self.exit()


def full_redraw(x: np.ndarray, y: np.ndarray) -> tuple[float, int]:
    """Milliseconds and bytes of one plotext plot of the whole curve."""
    began = time.process_time()
    plotext.figure.clear()
    plotext.figure.plot_size(WIDTH, HEIGHT)
    signal = plotext.figure.signal(x.tolist(), y.tolist(), marker="braille")
    plotext.figure.draw(signal.lines())
    text = str(plotext.figure.build())
    return 1000 * (time.process_time() - began), len(text.encode())


def measure(points: int, frames: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = np.arange(points + frames, dtype=np.float64)
    y = 2.3 * np.exp(-x / (points / 5)) + 0.1 + 0.02 * rng.standard_normal(x.size)
    app = ChartApp(x, y, frames)
    asyncio.run(app.run_async(headless=False, size=(WIDTH, HEIGHT), mouse=False))
    chart_ms, chart_bytes = statistics.median(app.milliseconds), statistics.median(app.sent)
    full_ms, full_bytes = full_redraw(x, y)
    return {
        "points": points,
        "cells": [WIDTH, HEIGHT],
        "first_frame_ms": round(app.first_ms, 2),
        "chart_ms": round(chart_ms, 2),
        "chart_bytes": round(chart_bytes),
        "full_redraw_ms": round(full_ms, 2),
        "full_redraw_bytes": full_bytes,
        "ratio_ms": round(full_ms / chart_ms, 1),
        "ratio_bytes": round(full_bytes / chart_bytes, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.points, options.frames)
    if options.json:
        print(json.dumps(found))
        return
    print(f"one more point on a chart of {found['points']:,} points, {WIDTH}×{HEIGHT} cells")
    for name, key in (("line chart", "chart"), ("full redraw", "full_redraw")):
        print(f"  {name:12} {found[f'{key}_ms']:10,.2f} ms CPU {found[f'{key}_bytes']:8,} bytes")
    print(f"  {'ratio':12} {found['ratio_ms']:10,.1f}        {found['ratio_bytes']:8.1f}")
    print(f"  {'first frame':12} {found['first_frame_ms']:10,.2f} ms CPU")


if __name__ == "__main__":
    main()
