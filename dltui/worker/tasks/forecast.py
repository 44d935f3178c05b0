"""The next steps of one or more series, all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.tasks.forecast import Forecast, Quantile
from dltui.worker.data.examples import Examples
from dltui.worker.data.series_windows import SeriesWindows
from dltui.worker.data.tensors import first
from dltui.worker.losses import pinball, value_loss
from dltui.worker.tasks.base import Collector, Phase, Task, only_tensor
from dltui.worker.tasks.forecast_artefacts import ExampleForecasts, SeriesForecasts

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks


class ForecastTask(Task):
    """Outputs `(N, horizon · targets · quantiles)`, targets `(N, horizon, targets)`.

    The network works in the standardised units of its inputs, whose first series are those to
    foretell; losses are in these, metrics and forecasts in the series' own. MASE is the mean
    absolute error over that of the (seasonal) naive forecast, y(t − season), within the training
    part (Hyndman and Koehler 2006, https://doi.org/10.1016/j.ijforecast.2006.03.001).
    """

    section: Forecast

    def prepare(self, data: Data, device: torch.device) -> None:
        assert isinstance(self.recipe.task, Forecast)
        self.section = self.recipe.task
        self.targets = self.info.targets or 1
        self.middle = self.section.levels.index(0.5)
        self.parts = data.parts
        train = data.parts["train"]
        mean, std = torch.zeros(self.targets), torch.ones(self.targets)
        if isinstance(train, SeriesWindows):
            mean, std = train.mean[: self.targets], train.std[: self.targets]
        self.mean, self.std = mean.to(device), std.to(device)
        history = _history(train, self.targets)
        self.naive_error = naive_error(history, self.section.season).to(device)
        loss = self.section.loss
        if isinstance(loss, Quantile):
            levels = torch.tensor(loss.levels, device=device)
            self.loss_of: Callable[[Tensor, Tensor], Tensor] = lambda outputs, truth: pinball(
                outputs, truth, levels
            )
        else:
            plain = value_loss(loss)
            self.loss_of = lambda outputs, truth: plain(outputs.squeeze(-1), truth)

    def _said(self, networks: Networks, batch: Batch) -> Tensor:
        """What the network foretells, `(N, horizon, targets, quantiles)`, standardised."""
        outputs = only_tensor(networks.main(batch.inputs)).float()
        horizon = batch.targets.shape[1]
        said = outputs.reshape(len(batch), horizon, self.targets, len(self.section.levels))
        if self.section.from_last:
            said = said + first(batch.inputs)[:, -1:, : self.targets].unsqueeze(-1)
        return said

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        truth = (batch.targets - self.mean) / self.std
        return [self.loss_of(self._said(networks, batch), truth)]

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        said = self._said(networks, batch)
        loss = self.loss_of(said, (batch.targets - self.mean) / self.std)
        # Quantiles that cross are put in order.
        units = said * self.std.unsqueeze(-1) + self.mean.unsqueeze(-1)
        return loss, units.sort(dim=-1).values

    def naive(self, batch: Batch) -> Tensor:
        """The season before repeated, `(N, horizon, targets)` in the series' own units."""
        seen = first(batch.inputs)[..., : self.targets] * self.std + self.mean
        steps = torch.arange(batch.targets.shape[1], device=seen.device) % self.section.season
        return seen[:, seen.shape[1] - self.section.season + steps]

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        import torchmetrics as tm  # slow to import: see worker.metrics

        season, context = self.section.season, self.info.context
        if name == "relative_mae" and context is not None and season > context:
            raise ValueError(f"a season of {season} steps does not fit a context of {context}")
        if name == "coverage" and len(self.section.levels) < 2:
            raise ValueError("there is an interval with task.loss.type=quantile only")
        if name == "relative_mae":
            from dltui.worker.tasks.forecast_metrics import ErrorRatio

            return ErrorRatio(**arguments)
        kinds: dict[str, Callable[..., Metric]] = {
            "mase": tm.MeanAbsoluteError,
            "mae": tm.MeanAbsoluteError,
            "mse": tm.MeanSquaredError,
            "smape": tm.SymmetricMeanAbsolutePercentageError,
            "coverage": tm.MeanMetric,
        }
        return kinds[name](**arguments)

    def update_metric(self, name: str, metric: Metric, outputs: Any, batch: Batch) -> None:
        said, truth = outputs[..., self.middle].contiguous(), batch.targets
        match name.partition(":")[0]:
            case "mase":
                metric.update(said / self.naive_error, truth / self.naive_error)
            case "relative_mae":
                metric.update(said, truth, self.naive(batch))
            case "coverage":
                inside = (outputs[..., 0] <= truth) & (truth <= outputs[..., -1])
                metric.update(inside.float())
            case _:
                metric.update(said, truth)

    def collector(self, part: str) -> Collector:
        examples = self.parts[part]
        if isinstance(examples, SeriesWindows):
            return SeriesForecasts(part, examples, self.middle)
        return ExampleForecasts(part, self.middle, self)


def _history(train: Examples, targets: int) -> Tensor:
    """What there is of the series in the training part, `(K, T, targets)`."""
    if isinstance(train, SeriesWindows):
        return train.history.unsqueeze(0)
    raw = train.fetch(torch.arange(len(train)), None)
    return torch.cat([first(raw.inputs)[..., :targets], raw.targets], dim=1)


def naive_error(history: Tensor, season: int) -> Tensor:
    """Mean of |y(t) − y(t − season)| for each series, `(targets,)` of `(K, T, targets)`.

    Raises `DataError` where the series are shorter than a season or always repeat.
    """
    if history.shape[1] <= season:
        raise DataError(
            f"a season of {season} steps does not fit in {history.shape[1]} steps of training",
            where="task.season",
            remedy="Lower task.season.",
        )
    moved = (history[:, season:] - history[:, :-season]).abs()
    error = moved.nanmean(dim=(0, 1))
    if not bool((error > 0).all()):
        raise DataError(
            f"the training part repeats itself exactly after {season} steps: there is no naive "
            "error to measure forecasts by",
            where="task.season",
            remedy="Set another task.season.",
        )
    return error


TASK = ForecastTask
