"""The place of an evaluation's outcome: which pane stands there, and the key to the next one."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message

from dltui.ui.panes.confusion import ConfusionPane
from dltui.ui.panes.latent import LatentPane
from dltui.ui.panes.outcome import LABELS, OutcomePane
from dltui.ui.panes.pairs import PairsPane
from dltui.ui.panes.pictures import PicturesPane
from dltui.ui.panes.predictions import PredictionsPane
from dltui.ui.panes.series import SeriesPane
from dltui.ui.panes.texts import TextsPane
from dltui.ui.snapshot import Outcome, Snapshot

PANES: dict[Outcome, type[OutcomePane]] = {
    "pictures": PicturesPane,
    "series": SeriesPane,
    "text": TextsPane,
    "pairs": PairsPane,
    "latent": LatentPane,
    "confusion": ConfusionPane,
    "predictions": PredictionsPane,
}
_EXPECTED: dict[str, Outcome] = {
    "classify": "confusion",
    "ctc": "pairs",
    "distil": "confusion",
    "forecast": "series",
    "masked_token": "pairs",
    "multilabel": "confusion",
    "next_token": "text",
    "regress": "predictions",
    "seq2seq": "pairs",
}
"""What a task's first evaluation will bring; before it nothing in the run says so."""


class OutcomeSlot(Vertical):
    """Holds one of the outcome panes; `v` turns to the next that the run has."""

    BINDINGS = [
        Binding(
            "v",
            "next_outcome",
            "Next view",
            show=False,
            tooltip="Another view of the evaluation, where the task leaves several",
            id="outcome-next",
        )
    ]

    @dataclass
    class OutcomePlaced(Message):
        """Another pane stands in the slot."""

        kind: Outcome

    def __init__(self) -> None:
        super().__init__(id="slot-outcomes", classes="slot")
        self.pane: OutcomePane | None = None
        self._chosen: Outcome | None = None
        self._snapshot: Snapshot | None = None

    @property
    def label(self) -> str:
        """What the tab of this slot says."""
        return LABELS[self.pane.kind] if self.pane is not None else "outcome"

    async def show(self, snapshot: Snapshot) -> bool:
        """Puts the fitting pane in place; True if that is another one than before."""
        self._snapshot = snapshot
        kind = self._kind(snapshot)
        changed = self.pane is None or self.pane.kind != kind
        if changed:
            await self._place(kind)
        assert self.pane is not None
        self.pane.show_others(snapshot)
        return changed

    async def action_next_outcome(self) -> None:
        there = self._snapshot.outcomes if self._snapshot is not None else ()
        if self._snapshot is None or self.pane is None or not set(there) - {self.pane.kind}:
            self.app.notify("this evaluation left nothing else to look at", timeout=3)
            return
        place = there.index(self.pane.kind) + 1 if self.pane.kind in there else 0
        self._chosen = there[place % len(there)]
        await self.show(self._snapshot)
        self.post_message(self.OutcomePlaced(self._chosen))

    def _kind(self, snapshot: Snapshot) -> Outcome:
        """The one that was chosen, else what the task is about, else the first that is there."""
        if self._chosen in snapshot.outcomes:
            return self._chosen
        expected = _EXPECTED.get(snapshot.task or "", "pictures" if snapshot.task else "confusion")
        if expected in snapshot.outcomes or not snapshot.outcomes:
            return expected
        return snapshot.outcomes[0]

    async def _place(self, kind: Outcome) -> None:
        had_focus = self.pane is not None and self.pane.has_focus_within
        if self.pane is not None:
            await self.pane.remove()
        self.pane = PANES[kind]()
        await self.mount(self.pane)
        if had_focus:
            self.call_after_refresh(self.pane.focus_inside)
