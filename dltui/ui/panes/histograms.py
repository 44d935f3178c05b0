"""Histograms of one layer's weights, gradients or activations over time."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from dltui.runs.buckets import in_order, nonfinite
from dltui.ui.panes.pane import Pane
from dltui.ui.snapshot import KINDS, Kind, Ridge, Snapshot
from dltui.ui.widgets.histogram_ridge import HistogramRidge


class HistogramsPane(Pane):
    """A ridge of histograms, newest on top; `w` turns from weights to gradients to activations."""

    pane_title = "histograms"
    topic = "histograms"
    hint = "w gradients, activations · n next tensor · h log"
    BINDINGS = [
        Binding("w", "next_kind", "Weights/gradients/activations", show=False, id="histogram-kind"),
        Binding("n", "next_tensor(1)", "Next tensor", show=False, id="tensor-next"),
        Binding("N", "next_tensor(-1)", "Tensor before", show=False, id="tensor-before"),
    ]

    @dataclass
    class TensorWanted(Message):
        """The pane wants the histograms of another tensor."""

        kind: Kind
        name: str | None

    def __init__(self) -> None:
        super().__init__(id="histograms")
        self.ridge = HistogramRidge(id="ridge")
        self._shown: Ridge | None = None
        self._kind: Kind = "weights"

    def compose(self) -> ComposeResult:
        yield self.ridge

    def show(self, snapshot: Snapshot) -> None:
        ridge = snapshot.ridge
        if ridge is None:
            name = f"{self._kind}: "
            self.wait_while(
                snapshot,
                name + "waiting for the first measured step",
                name + "nothing was measured; diagnostics.histograms sets how often",
            )
            self._shown = None
            return
        if ridge is self._shown:
            return
        self._shown, self._kind = ridge, ridge.kind
        self.wait_for(None)
        self.name_as(f"{ridge.kind} · {ridge.name}")
        counts, edges = in_order(ridge.counts)
        nan, infinite = nonfinite(ridge.counts)
        self.ridge.set_data(ridge.steps, counts, edges, nan + infinite)

    def action_next_kind(self) -> None:
        self._kind = KINDS[(KINDS.index(self._kind) + 1) % len(KINDS)]
        self.post_message(self.TensorWanted(self._kind, None))

    def action_next_tensor(self, by: int) -> None:
        if self._shown is None or not self._shown.names:
            return
        names = self._shown.names
        here = names.index(self._shown.name) if self._shown.name in names else 0
        self.post_message(self.TensorWanted(self._kind, names[(here + by) % len(names)]))

    def readings(self) -> list[str]:
        ridge = self._shown
        if ridge is None or not len(ridge.counts):
            return ["No histogram has been measured yet."]
        total = int(ridge.counts[-1].sum())
        return [
            f"{ridge.kind} of {ridge.name}: {total:,} values at step {int(ridge.steps[-1]):,}, "
            f"{len(ridge.steps)} histograms over time."
        ]
