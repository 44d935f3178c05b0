"""Truth beside forecast, as the series pane draws it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.worker.data.series_windows import SeriesWindows
from dltui.worker.data.tensors import first

if TYPE_CHECKING:
    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch
    from dltui.worker.tasks.forecast import ForecastTask

_MOST_SERIES = 8
_MOST_STEPS = 600
_MOST_EXAMPLES = 8


class SeriesForecasts:
    """A part as one line: every step as it was foretold by a window that ends before it, each
    window beginning where the last one's forecast ended."""

    def __init__(self, part: str, windows: SeriesWindows, middle: int) -> None:
        self.part = part
        self.windows = windows
        self.middle = middle
        self._chosen = _one_after_another(windows)
        self._said: dict[int, Tensor] = {}

    def update(self, outputs: Any, batch: Batch) -> None:
        """`outputs` `(N, horizon, targets, quantiles)` in the series' own units."""
        for place, number in enumerate(batch.indices.tolist()):
            if number in self._chosen:
                self._said[number] = outputs[place].cpu()

    def publish(self, artefacts: Artefacts) -> None:
        """The newest steps of the part, with what the first window saw before them."""
        if not self._said:
            return
        windows, timeline = self.windows, self.windows.timeline
        begin = int(windows.starts[min(self._said)])
        end = int(windows.starts[max(self._said)]) + windows.context + windows.horizon
        count = min(timeline.targets, _MOST_SERIES)
        levels = next(iter(self._said.values())).shape[-1]
        lines = torch.full((end - begin, count, levels), math.nan)
        for number, said in self._said.items():
            at = int(windows.starts[number]) + windows.context - begin
            lines[at : at + windows.horizon] = said[:, :count]
        truth = timeline.values[begin:end, :count]
        horizon = windows.horizon
        artefacts.series(
            f"{self.part}: {horizon} {'step' if horizon == 1 else 'steps'} ahead",
            list(timeline.names[:count]),
            timeline.time[begin:end],
            truth.T,
            lines[..., self.middle].T,
            (lines[..., 0].T, lines[..., -1].T) if levels > 1 else None,
            timeline.time_label,
        )


def _one_after_another(windows: SeriesWindows) -> set[int]:
    """Numbers of the newest windows whose foretold steps follow each other without overlap."""
    chosen: list[int] = []
    free = None
    for number in range(len(windows) - 1, -1, -1):
        start = int(windows.starts[number])
        if free is None or start + windows.horizon <= free:
            chosen.append(number)
            free = start
        if len(chosen) * windows.horizon >= _MOST_STEPS:
            break
    return set(chosen)


class ExampleForecasts:
    """The first examples of a part, of data that gives windows rather than series."""

    def __init__(self, part: str, middle: int, task: ForecastTask) -> None:
        self.part = part
        self.middle = middle
        self.task = task
        self._shown: list[tuple[Tensor, Tensor]] = []

    def update(self, outputs: Any, batch: Batch) -> None:
        """Keeps truth and forecast of the first series of each example."""
        for place in range(min(len(batch), _MOST_EXAMPLES - len(self._shown))):
            seen = first(batch.inputs)[place, :, 0] * self.task.std[0] + self.task.mean[0]
            truth = torch.cat([seen, batch.targets[place, :, 0]]).cpu()
            empty = torch.full((len(seen), outputs.shape[-1]), math.nan)
            self._shown.append((truth, torch.cat([empty, outputs[place, :, 0].cpu()])))

    def publish(self, artefacts: Artefacts) -> None:
        """Each example as a series of its own; the forecast begins at step 0."""
        truth = torch.stack([pair[0] for pair in self._shown])
        lines = torch.stack([pair[1] for pair in self._shown])
        horizon = int((~lines[0, :, 0].isnan()).sum())
        steps = torch.arange(truth.shape[1], dtype=torch.float32) - (truth.shape[1] - horizon)
        several = lines.shape[-1] > 1
        artefacts.series(
            f"{self.part}: examples, {horizon} steps ahead",
            [f"example {number}" for number in range(len(truth))],
            steps,
            truth,
            lines[..., self.middle],
            (lines[..., 0], lines[..., -1]) if several else None,
            "step",
        )
