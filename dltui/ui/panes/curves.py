"""The panes that are line charts: loss, the other metrics, the learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterable

from textual.app import ComposeResult
from textual.binding import Binding

from dltui.charts.numbers import format_count, format_value
from dltui.ui.panes.axes import Axis, axis_values, mark_place
from dltui.ui.panes.pane import Pane, waiting_text
from dltui.ui.snapshot import Curve, Snapshot
from dltui.ui.widgets.line_chart import LineChart, Mark, Series

PARTS = ("train", "val", "test")
_SLOTS = {"train": 0, "val": 1, "test": 2}
_OVERLAY_SLOT = 3


class CurvesPane(Pane):
    """A chart of one metric, train and validation together."""

    hint = "[ ] smooth · y log · x axis · + - zoom · 0 reset"
    DEFAULT_CSS = "CurvesPane > LineChart { height: 1fr; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.chart = LineChart(id=f"{id}-chart")
        self._axis: Axis = "step"
        self._snapshot: Snapshot | None = None
        self._overlays: tuple[Snapshot, ...] = ()
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield self.chart

    @property
    def axis(self) -> Axis:
        """What the chart's x-axis counts."""
        return self._axis

    def set_axis(self, axis: Axis) -> None:
        """Draws the curves over another x-axis."""
        self._axis = axis
        self._shown = ()
        if self._snapshot is not None:
            self.show(self._snapshot)

    def set_overlays(self, overlays: tuple[Snapshot, ...]) -> None:
        """Other runs to draw in the same chart."""
        self._overlays = overlays
        if self._snapshot is not None:
            self.show(self._snapshot)

    def metric_names(self, snapshot: Snapshot) -> list[str]:
        """The metrics of this chart, `train/loss` and `val/loss`."""
        raise NotImplementedError

    def waiting_for(self, snapshot: Snapshot) -> str:
        """What is said while there is no point to draw."""
        return waiting_text(snapshot, "waiting for the first step", "this run has no points here")

    def show(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        curves = self._curves(snapshot)
        others = [curve for run in self._overlays for _, curve in self._curves(run)]
        waiting = None if curves else self.waiting_for(snapshot)
        shown = (*(curve for _, curve in curves), *others, len(snapshot.marks), self._axis, waiting)
        if len(shown) == len(self._shown) and all(
            new is old or new == old for new, old in zip(shown, self._shown, strict=True)
        ):
            return
        self._shown = shown
        if self.wait_for(waiting):
            return
        self.chart.x_label = self._axis
        self.chart.set_data(self._series(snapshot, curves), self._marks(snapshot))

    def readings(self) -> list[str]:
        if self._snapshot is None:
            return []
        lines = []
        for name, curve in self._curves(self._snapshot):
            finite = [value for value in curve.values.tolist() if math.isfinite(value)]
            if not finite:
                continue
            lines.append(
                f"{name} is {format_value(curve.last)} at step {format_count(curve.steps[-1])}; "
                f"its lowest is {format_value(min(finite))}, its highest "
                f"{format_value(max(finite))} over {format_count(curve.measured)} points."
            )
        return lines or [self.waiting_for(self._snapshot)]

    def _curves(self, snapshot: Snapshot) -> list[tuple[str, Curve]]:
        found = ((name, snapshot.curves.get(name)) for name in self.metric_names(snapshot))
        return [(name, curve) for name, curve in found if curve is not None and curve.measured]

    def _series(self, snapshot: Snapshot, curves: Iterable[tuple[str, Curve]]) -> list[Series]:
        series = [
            Series(
                _label(name),
                axis_values(snapshot, curve, self._axis),
                curve.values,
                _SLOTS.get(name.partition("/")[0], 0),
            )
            for name, curve in curves
        ]
        slot = _OVERLAY_SLOT
        for run in self._overlays:
            for name, curve in self._curves(run):
                label = f"{run.name} {_label(name)}"
                x = axis_values(run, curve, self._axis)
                series.append(Series(label, x, curve.values, slot, name.startswith("train/")))
            slot += 1
        return series

    def _marks(self, snapshot: Snapshot) -> list[Mark]:
        return [
            Mark(mark_place(snapshot, mark, self._axis), mark.kind, mark.label)  # type: ignore[arg-type]
            for mark in snapshot.marks
        ]


class LossPane(CurvesPane):
    """The loss of training and validation."""

    pane_title = "loss"
    topic = "loss"

    def __init__(self) -> None:
        super().__init__(id="loss")

    def metric_names(self, snapshot: Snapshot) -> list[str]:
        return ["train/loss", "val/loss"]


class MetricsPane(CurvesPane):
    """The other metrics, one at a time; `m` and `M` turn to the next and the one before."""

    pane_title = "metrics"
    hint = "m next metric · [ ] smooth · y log · x axis · 0 reset"
    topic = "metrics"
    BINDINGS = [
        Binding("m", "turn(1)", "Next metric", show=False, id="metric-next"),
        Binding("M", "turn(-1)", "Metric before", show=False, id="metric-before"),
    ]

    def __init__(self) -> None:
        super().__init__(id="metrics")
        self.metric: str | None = None

    def names(self, snapshot: Snapshot) -> list[str]:
        """The metrics there are, without their part: accuracy, grad_norm."""
        names = dict.fromkeys(
            column
            for part in ("val", "train", "test")
            for group, _, column in (name.partition("/") for name in snapshot.curves)
            if group == part and column not in ("loss", "lr")
        )
        return [name for name in names if name != "grad_norm"] + ["grad_norm"] * (
            "grad_norm" in names
        )

    def metric_names(self, snapshot: Snapshot) -> list[str]:
        names = self.names(snapshot)
        metric = self.metric if self.metric in names else (names[0] if names else None)
        return [f"{part}/{metric}" for part in PARTS] if metric else []

    def show(self, snapshot: Snapshot) -> None:
        super().show(snapshot)
        names = self.names(snapshot)
        if names:
            chosen = self.metric if self.metric in names else names[0]
            self.name_as(f"{chosen} · {names.index(chosen) + 1}/{len(names)}")

    def waiting_for(self, snapshot: Snapshot) -> str:
        return waiting_text(snapshot, "waiting for the first evaluation", "this run has no metrics")

    def action_turn(self, by: int) -> None:
        if self._snapshot is None or not (names := self.names(self._snapshot)):
            return
        here = names.index(self.metric) if self.metric in names else 0
        self.metric = names[(here + by) % len(names)]
        self.chart.log_y = False
        self._shown = ()
        self.show(self._snapshot)


class LearningRatePane(CurvesPane):
    """The learning rate so far, and the planned one dashed."""

    pane_title = "learning rate"
    topic = "learning-rate"

    def __init__(self) -> None:
        super().__init__(id="learning-rate")

    def metric_names(self, snapshot: Snapshot) -> list[str]:
        return ["train/lr"]

    def _curves(self, snapshot: Snapshot) -> list[tuple[str, Curve]]:
        curves = super()._curves(snapshot)
        if snapshot.schedule is not None and snapshot.schedule.measured:
            curves.append(("plan", snapshot.schedule))
        return curves

    def _series(self, snapshot: Snapshot, curves: Iterable[tuple[str, Curve]]) -> list[Series]:
        known = [(name, curve) for name, curve in curves if name != "plan"]
        series = super()._series(snapshot, known)
        plan = snapshot.schedule
        if plan is not None and plan.measured and self._axis != "time":
            x = axis_values(snapshot, plan, self._axis)
            series.append(Series("plan", x, plan.values, 7, True))
        return series


def _label(name: str) -> str:
    return "rate" if name == "train/lr" else name.partition("/")[0]
