"""A map of the examples in the latent space, in the colours of their classes."""

from __future__ import annotations

import numpy as np
from textual.app import ComposeResult
from textual.binding import Binding

from dltui.charts.scatter_plot import Points, own_center_share
from dltui.ui.panes.outcome import OutcomePane
from dltui.ui.snapshot import LatentAt, Snapshot
from dltui.ui.widgets.outcome_charts import ScatterChart


class LatentPane(OutcomePane):
    """The newest map; `n` brings one class out, `<` and `>` travel to earlier evaluations."""

    pane_title = "latent space"
    topic = "latent"
    hint = "< > steps · n one class"
    kind = "latent"
    BINDINGS = [
        Binding(
            "n",
            "turn_class(1)",
            "Next class",
            show=False,
            tooltip="Bring one class out, then the next, then all alike",
            id="latent-next",
        ),
        Binding("N", "turn_class(-1)", "Class before", show=False, id="latent-before"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.chart = ScatterChart(id="latent-chart")
        self._shown: LatentAt | None = None

    def compose(self) -> ComposeResult:
        yield self.chart

    def show(self, snapshot: Snapshot) -> None:
        at = snapshot.latent
        if at is None:
            self.wait_while(
                snapshot,
                "waiting for the first evaluation, which leaves a map",
                "this run has no map of its latent space",
            )
            self._shown = None
        elif at is not self._shown:
            self.wait_for(None)
            self._shown = at
            self.chart.set_data(points(at))
            self._entitle()

    def action_turn_class(self, by: int) -> None:
        if self._shown is None:
            return
        count = len(self._shown.classes)
        here = count if self.chart.chosen is None else self.chart.chosen
        place = (here + by) % (count + 1)
        self.chart.choose(None if place == count else place)
        self._entitle()

    def readings(self) -> list[str]:
        at = self._shown
        if at is None:
            return ["There is no map yet."]
        lines = [f"{at.title}: {len(at.x):,} examples at step {at.steps[at.index]:,}."]
        share = own_center_share(points(at))
        if share == share:
            lines.append(
                f"{share * 100:.0f} % of them lie nearest to the centre of their own class "
                f"(by chance {100 / len(np.unique(at.label)):.0f} %)."
            )
        if len(at.x):
            lines.append(
                f"{at.x_label} runs from {at.x.min():.3g} to {at.x.max():.3g}, "
                f"{at.y_label} from {at.y.min():.3g} to {at.y.max():.3g}."
            )
        return lines

    def _entitle(self) -> None:
        at, chosen = self._shown, self.chart.chosen
        if at is None:
            return
        moment = self.show_moment(at.steps, at.index)
        alone = (
            f" · {at.classes[chosen]}" if chosen is not None and chosen < len(at.classes) else ""
        )
        self.name_as(f"{at.title} · {moment}{alone}")


def points(at: LatentAt) -> Points:
    """The map as the chart takes it."""
    return Points(at.x, at.y, at.label, at.classes, at.x_label, at.y_label)
