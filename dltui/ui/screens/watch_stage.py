"""The panes of a run on the screen: what lies in which slot, and which of it is seen."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from dltui.ui.panes.curves import LearningRatePane, LossPane, MetricsPane
from dltui.ui.panes.histograms import HistogramsPane
from dltui.ui.panes.layers import LayersPane
from dltui.ui.panes.log import LogPane
from dltui.ui.panes.outcome_slot import OutcomeSlot
from dltui.ui.panes.pane import Pane
from dltui.ui.panes.recipe import RecipePane
from dltui.ui.panes.system import SystemPane
from dltui.ui.screens.watch_layout import FRONT, OPEN_SLOTS, PLACES, SLOTS, place_of
from dltui.ui.snapshot import Snapshot


class PaneStage(Vertical):
    """All panes in their slots. The geometry of a mode is in the styles; what is seen is set here.

    Not by classes: each change of one would find the styles of all panes anew, 15 ms a time.
    """

    def __init__(self) -> None:
        super().__init__(id="stage")
        self.panes: tuple[Pane, ...] = ()
        self._front = dict(FRONT)
        self._active = FRONT[SLOTS[0]]
        self._mode = ""
        self.outcomes = OutcomeSlot()

    def compose(self) -> ComposeResult:
        with Container(id="panes"):
            with Vertical(id="slot-curves", classes="slot"):
                yield LossPane()
                yield MetricsPane()
                yield LearningRatePane()
            with Vertical(id="slot-layers", classes="slot"):
                yield LayersPane()
                yield SystemPane()
            with Vertical(id="slot-histograms", classes="slot"):
                yield HistogramsPane()
                yield RecipePane()
            yield self.outcomes
        with Vertical(id="slot-log", classes="slot"):
            yield LogPane()

    def on_mount(self) -> None:
        self.take_panes()

    def take_panes(self) -> None:
        """Finds the panes anew: the outcome slot changes its own."""
        self.panes = tuple(self.query(Pane))

    def restore(self, front: Mapping[str, str]) -> str:
        """Brings to the front of each slot what was there, if there still is such a pane.

        Returns the pane that is looked at first: the one in front of the first slot.
        """
        there = {(place.slot, place.pane) for place in PLACES}
        self._front |= {slot: pane for slot, pane in front.items() if (slot, pane) in there}
        self._active = self._front[SLOTS[0]]
        self._show_and_hide()
        return self._active

    def lay_out(self, mode: str) -> None:
        """Shows what has room in this mode of `watch_layout.mode`."""
        self._mode = mode
        self._show_and_hide()

    def bring(self, pane_id: str) -> None:
        """To the front of its slot, and the slot where only one fits."""
        self._active = pane_id
        self._front[place_of(pane_id).slot] = pane_id
        self._show_and_hide()

    def pane(self, pane_id: str) -> Pane | None:
        """The pane with this id; None where it has not come yet."""
        return next((pane for pane in self.panes if pane.id == pane_id), None)

    def is_seen(self, pane: Pane) -> bool:
        """Whether the pane has a place on the screen."""
        return pane.display and all(
            node.display for node in pane.ancestors if isinstance(node, Container | Vertical)
        )

    def show(self, snapshot: Snapshot) -> None:
        """Gives the snapshot to every pane that is seen."""
        for pane in self.panes:
            if pane.parent is not None and self.is_seen(pane):
                pane.show(snapshot)

    async def place_outcome(self, snapshot: Snapshot) -> bool:
        """Mounts the pane of what the run's evaluations left; False if it is there."""
        changed = await self.outcomes.show(snapshot)
        if changed:
            self.take_panes()
        return changed

    def _show_and_hide(self) -> None:
        single = self._mode == "-single"
        active = place_of(self._active).slot
        for slot in SLOTS:
            self.query_one(f"#{slot}").display = not single or slot == active
        self.query_one("#panes").display = not single or active != "slot-log"
        opened = OPEN_SLOTS if self._mode == "-columns" else ()
        for pane in self.panes:
            slot = place_of(pane.id or "").slot
            pane.display = slot in opened or self._front.get(slot, pane.id) == pane.id
