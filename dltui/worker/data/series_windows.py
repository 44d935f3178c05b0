"""Series in time and the windows that they are cut into."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.schema.data import Split
from dltui.worker.data.examples import Raw
from dltui.worker.data.prepare import column_statistics
from dltui.worker.data.split import part_sizes


@dataclass(frozen=True, slots=True)
class Timeline:
    """Series side by side: `values` `(T, C)`, NaN where one is missing; those to foretell first.

    `time` `(T,)` float64 is when each row was measured. `broken` `(T,)` is true where a row
    does not follow the one before by one regular step.
    """

    values: Tensor
    time: Tensor
    broken: Tensor
    names: tuple[str, ...]
    targets: int
    time_label: str = "step"
    notes: tuple[str, ...] = ()


class SeriesWindows:
    """Windows of one part: inputs `(N, context, C)` standardised, targets `(N, horizon, targets)`
    in the series' own units.

    `rows` are the part's own rows; the steps that a window foretells lie in them.
    """

    def __init__(
        self,
        timeline: Timeline,
        starts: Tensor,
        rows: range,
        context: int,
        horizon: int,
        statistics: tuple[Tensor, Tensor],
    ) -> None:
        self.timeline = timeline
        self.starts = starts
        self.rows = rows
        self.context = context
        self.horizon = horizon
        self.mean, self.std = statistics

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def targets(self) -> Tensor | None:
        return None

    @property
    def history(self) -> Tensor:
        """The series to foretell over the part's own rows, `(rows, targets)`."""
        own = slice(self.rows.start, self.rows.stop)
        return self.timeline.values[own, : self.timeline.targets]

    def take(self, indices: Tensor) -> SeriesWindows:
        return self._with(self.timeline, self.starts[indices])

    def fetch(self, indices: Tensor, epoch_seed: int | None) -> Raw:
        length = self.context + self.horizon
        steps = torch.arange(length, device=self.starts.device)
        rows = self.timeline.values[self.starts[indices].unsqueeze(1) + steps]
        inputs = (rows[:, : self.context] - self.mean) / self.std
        return Raw(inputs, rows[:, self.context :, : self.timeline.targets].contiguous())

    def to(self, device: torch.device) -> SeriesWindows:
        values = self.timeline.values.to(device)
        moved = self._with(replace(self.timeline, values=values), self.starts.to(device))
        moved.mean, moved.std = self.mean.to(device), self.std.to(device)
        return moved

    @property
    def size_bytes(self) -> int:
        return self.timeline.values.nbytes + self.starts.nbytes

    def _with(self, timeline: Timeline, starts: Tensor) -> SeriesWindows:
        statistics = (self.mean, self.std)
        return SeriesWindows(timeline, starts, self.rows, self.context, self.horizon, statistics)


def stretches(size: int, split: Split) -> dict[str, range]:
    """The rows of every part of `size` rows, in the order of time."""
    found, start = {}, 0
    for name, count in part_sizes(size, split).items():
        found[name] = range(start, start + count)
        start += count
    return found


def windows(
    timeline: Timeline,
    parts: dict[str, range],
    context: int,
    horizon: int,
    *,
    standardize: bool,
    where: str,
) -> dict[str, SeriesWindows]:
    """The windows of every part without missing values or unequal steps; `where` is the data.

    Raises `DataError` for a part without any window, and for series that never change.
    """
    training = timeline.values[parts["train"].start : parts["train"].stop]
    mean, std = column_statistics(training)
    if not standardize:
        mean, std = torch.zeros_like(mean), torch.ones_like(std)
    _check_change(timeline, training, where)
    found = {}
    for name, rows in parts.items():
        starts = _starts(timeline, rows, context, horizon)
        if not len(starts):
            raise DataError(
                f"the {name} part has no whole window: it has {len(rows):,} steps, and a window is "
                f"{context} steps and {horizon} to foretell",
                where=where,
                remedy="Lower data.context or data.horizon, give longer series, or change "
                "data.split.",
            )
        found[name] = SeriesWindows(timeline, starts, rows, context, horizon, (mean, std))
    return found


def _starts(timeline: Timeline, rows: range, context: int, horizon: int) -> Tensor:
    """First rows `(N,)` of the windows whose foretold steps lie in `rows`."""
    first, last = max(0, rows.start - context), rows.stop - context - horizon
    starts = torch.arange(first, last + 1) if last >= first else torch.empty(0, dtype=torch.long)
    missing = timeline.values.isnan().any(1)
    holes = _sum_before(missing, starts + context + horizon) - _sum_before(missing, starts)
    # The first row of a window may stand after a gap.
    jumps = _sum_before(timeline.broken, starts + context + horizon)
    jumps = jumps - _sum_before(timeline.broken, starts + 1)
    return starts[(holes == 0) & (jumps == 0)]


def _sum_before(flags: Tensor, places: Tensor) -> Tensor:
    """How many of `flags` `(T,)` are set before each place."""
    total = torch.cat([torch.zeros(1, dtype=torch.long), flags.long().cumsum(0)])
    return total[places]


def _check_change(timeline: Timeline, training: Tensor, where: str) -> None:
    targets = training[:, : timeline.targets]
    filled = torch.where(targets.isnan(), targets.nanmean(0), targets)
    still = [
        name
        for name, column in zip(timeline.names, filled.T, strict=False)
        if bool((column == column[0]).all()) or bool(column.isnan().all())
    ]
    if still:
        raise DataError(
            f"never changes in the training part: {', '.join(still)}; there is nothing to foretell",
            where=where,
            remedy="Name other columns in data.target, or give training a longer part.",
        )
