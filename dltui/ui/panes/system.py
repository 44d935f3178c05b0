"""The system pane: device, memory, power, temperature, CPU and the loader's share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from textual.app import ComposeResult

from dltui.charts.glyphs import terminal_glyphs
from dltui.charts.sparkline import sparkline
from dltui.ui.panes.lines import Line, Lines, fit
from dltui.ui.panes.numbers import byte_size, percent, rate
from dltui.ui.panes.pane import Pane
from dltui.ui.snapshot import Curve, Snapshot

_Format = Callable[[float], str]
FIGURES: tuple[tuple[str, str, _Format], ...] = (
    ("samples_per_s", "samples/s", rate),
    ("step_ms", "step", lambda value: f"{value:.2f} ms"),
    ("loader_share", "waiting for data", percent),
    ("diagnostics_share", "diagnostics", percent),
    ("cpu_percent", "CPU", lambda value: f"{value:.0f} %"),
    ("ram_bytes", "memory", byte_size),
    ("gpu_percent", "GPU", lambda value: f"{value:.0f} %"),
    ("gpu_memory_bytes", "GPU memory", byte_size),
    ("gpu_power_w", "power", lambda value: f"{value:.0f} W"),
    ("gpu_temperature_c", "temperature", lambda value: f"{value:.0f} °C"),
)
_LABEL, _VALUE = 18, 11


class SystemPane(Pane):
    """One line a figure: name, newest value, the recent past as a sparkline."""

    pane_title = "system"
    topic = "system"

    def __init__(self) -> None:
        super().__init__(id="system")
        self.figures = Lines(id="system-figures")
        self.figures.can_focus = True
        self._curves: Mapping[str, Curve] = {}
        self._shown: object = None

    def compose(self) -> ComposeResult:
        yield self.figures

    def show(self, snapshot: Snapshot) -> None:
        newest = snapshot.curves.get("system/step_ms") or snapshot.curves.get("system/cpu_percent")
        if newest is not None and newest is self._shown:
            return
        self._shown, self._curves = newest, snapshot.curves
        lines = system_lines(snapshot, self._sparkline_width())
        if not lines:
            self.wait_while(snapshot, "waiting for the first second", "nothing was measured")
            return
        self.wait_for(None)
        self.figures.set_lines(lines)

    def on_resize(self) -> None:
        self._shown = None

    def readings(self) -> list[str]:
        lines = []
        for column, label, form in FIGURES:
            curve = self._curves.get(f"system/{column}")
            if curve is not None and math.isfinite(curve.last):
                lines.append(f"{label}: {form(curve.last)}.")
        return lines or ["Nothing has been measured yet."]

    def _sparkline_width(self) -> int:
        return max(6, min(60, self.size.width - _LABEL - _VALUE - 2))


def system_lines(snapshot: Snapshot, width: int) -> list[Line]:
    """A line a figure; those that were never measured come last, as N/A."""
    lines: list[Line] = []
    absent: list[str] = []
    if snapshot.progress.device:
        lines.append(((fit("device", _LABEL), "dim"), (snapshot.progress.device, "")))
    for column, label, form in FIGURES:
        curve = snapshot.curves.get(f"system/{column}")
        if curve is None:
            absent.append(label)
            continue
        value = _last_finite(curve)
        if math.isnan(value):
            absent.append(label)
            continue
        text = form(value)
        if column == "gpu_memory_bytes":
            total = snapshot.last("system/gpu_memory_total_bytes")
            if math.isfinite(total) and total > 0:
                label = f"GPU memory {value / total * 100:.0f} %"
        past = sparkline(curve.values[-width:], width, terminal_glyphs())
        lines.append(
            (
                (fit(label, _LABEL), "dim"),
                (fit(text, _VALUE, right=True) + "  ", ""),
                (past, "accent"),
            )
        )
    if len(lines) <= 1:
        return []
    return lines + [
        ((fit(label, _LABEL), "dim"), (fit("N/A", _VALUE, right=True), "dim")) for label in absent
    ]


def _last_finite(curve: Curve) -> float:
    for value in reversed(curve.values[-20:].tolist()):
        if math.isfinite(value):
            return float(value)
    return math.nan
