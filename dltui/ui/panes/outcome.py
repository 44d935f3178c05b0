"""What the panes of an evaluation's outcome have in common: time travel, and a way to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from dltui.charts.glyphs import terminal_glyphs
from dltui.ui.panes.pane import Pane
from dltui.ui.snapshot import Outcome, Snapshot

SCRUB: list[BindingType] = [
    Binding(
        "less_than_sign",
        "scrub(-1)",
        "Earlier",
        key_display="<",
        show=False,
        tooltip="What it was at the evaluation before",
        id="scrub-back",
    ),
    Binding(
        "greater_than_sign",
        "scrub(1)",
        "Later",
        key_display=">",
        show=False,
        tooltip="What it was at the next evaluation, up to the newest",
        id="scrub-on",
    ),
]
LABELS: dict[Outcome, str] = {
    "pictures": "samples",
    "series": "series",
    "text": "text",
    "pairs": "pairs",
    "latent": "latent",
    "confusion": "confusion",
    "predictions": "predicted",
}
"""What each kind is called on its tab."""
_RAIL_CELLS = 14


@dataclass
class MomentWanted(Message):
    """A pane looks back to a step; `None` is the newest, whichever that becomes."""

    step: int | None


class OutcomePane(Pane):
    """A pane in the outcome slot. `<` and `>` travel through the evaluations that were kept."""

    kind: ClassVar[Outcome]
    BINDINGS = SCRUB

    def __init__(self) -> None:
        super().__init__(id="outcomes")
        self._steps: tuple[int, ...] = ()
        self._index = 0
        self._others: tuple[Outcome, ...] = ()

    def show_moment(self, steps: Sequence[int], index: int) -> str:
        """Takes which of the kept steps is shown; `step 1,200 · 5/64` for the title."""
        self._steps, self._index = tuple(steps), index
        self.note_below(self.rail)
        return f"step {self._steps[index]:,} · {index + 1}/{len(self._steps)}"

    @property
    def rail(self) -> str:
        """Where in the run one looks, as a line with a knob."""
        return rail(self._index, len(self._steps))

    def show_others(self, snapshot: Snapshot) -> None:
        """Names on the lower border what else there is to look at."""
        others = tuple(kind for kind in snapshot.outcomes if kind != self.kind)
        if others != self._others:
            self._others = others
            self._write_below()

    def action_scrub(self, by: int) -> None:
        if self._steps:
            place = min(max(self._index + by, 0), len(self._steps) - 1)
            newest = place == len(self._steps) - 1
            self.post_message(MomentWanted(None if newest else self._steps[place]))

    def _hint(self) -> str:
        turn = f"v {'/'.join(LABELS[kind] for kind in self._others)}" if self._others else ""
        return " · ".join(filter(None, (self.hint, turn)))


def rail(index: int, count: int) -> str:
    """Where in the run one looks: `──●─────────`; empty where there is one step only."""
    if count < 2:
        return ""
    cells = min(_RAIL_CELLS, count)
    glyphs = terminal_glyphs()
    place = round(index / (count - 1) * (cells - 1))
    return glyphs.floor * place + glyphs.markers[0] + glyphs.floor * (cells - 1 - place)
