"""The spectrum of a weight matrix: singular values, ranks, and the power law of its tail."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
from textual.app import ComposeResult

from dltui.charts.numbers import format_value
from dltui.errors import CheckpointError
from dltui.inspect.contents import Tensor
from dltui.inspect.spectrum import Spectrum, spectrum
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.panel import Panel
from dltui.ui.inspect.reading import Cancelled, Reading, Work
from dltui.ui.panes.lines import Line
from dltui.ui.widgets.line_chart import LineChart, Series


class SpectrumPanel(Panel):
    """Singular values from the largest down on a logarithmic axis, with what they tell."""

    view = "spectrum"
    topic = "tensor-spectrum"

    def __init__(self) -> None:
        super().__init__()
        self.chart = LineChart(id="spectrum-chart")
        self.found: Spectrum | None = None

    def compose(self) -> ComposeResult:
        yield self.word
        yield self.chart

    def on_mount(self) -> None:
        self.chart.x_label = "component"
        self.chart.log_y = True

    def show(self, file: OpenedFile, tensor: Tensor) -> None:
        super().show(file, tensor)
        self.found = None
        self.chart.display = False
        if not _is_matrix(tensor):
            self.say((("a vector has no spectrum: look at a matrix or a convolution", "dim"),))
        else:
            self.say((("computing the singular values …", "dim"),))

    def wish(self, file: OpenedFile, tensor: Tensor) -> tuple[Hashable, Work]:
        def work(values: Any, cancelled: Cancelled) -> Iterator[Spectrum | None]:
            if not _is_matrix(tensor):
                return
            found = spectrum(file.path, tensor.name, cancelled=cancelled)
            if found is None:
                raise CheckpointError("the computation was stopped", where=tensor.name)
            yield found

        return ("spectrum", tensor.name), work

    def take(self, reading: Reading) -> None:
        if reading.problem:
            self.say(((reading.problem, "bad"),))
        elif reading.result is not None:
            self.found = found = reading.result
            self.say(*spectrum_lines(found))
            self.chart.display = True
            values = np.asarray(found.singular_values, np.float64)
            steps = np.arange(1, len(values) + 1, dtype=np.float64)
            self.chart.set_data([Series("singular value", steps, values)])

    def readings(self) -> list[str]:
        return [] if self.found is None else [t[0][0] for t in spectrum_lines(self.found) if t]


def spectrum_lines(found: Spectrum) -> tuple[Line, ...]:
    """What the singular values come to, in three lines."""
    smaller = min(found.rows, found.columns)
    values = found.singular_values
    effective = "" if found.effective_rank is None else f"{format_value(found.effective_rank)}"
    first = (
        f"as a matrix {found.rows:,} × {found.columns:,}   "
        f"largest {format_value(values[0]) if values else '-'}   "
        f"smallest {format_value(values[-1]) if values and found.complete else 'not computed'}"
    )
    ranks = f"effective rank {effective or '-'} of {smaller:,}   "
    ranks += f"stable rank {format_value(found.stable_rank)}"
    lines: list[Line] = [((first, ""),), ((ranks, ""),)]
    if found.alpha is not None:
        law = f"power law of the tail: α = {format_value(found.alpha)}"
        distance = found.alpha_distance
        fit = "" if distance is None else f", distance {format_value(distance)}"
        lines.append(((f"{law} over {found.alpha_tail:,} eigenvalues{fit}", ""),))
    lines.append(((found.method, "dim"),))
    return tuple(lines)


def _is_matrix(tensor: Tensor) -> bool:
    rows = tensor.shape[0] if len(tensor.shape) > 1 else 1
    return rows > 1 and tensor.elements // rows > 1
