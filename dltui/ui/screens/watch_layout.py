"""Which panes there are, in which slot each lies, and the strip of tabs that names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from textual import events
from textual.message import Message

from dltui.errors import StoreError
from dltui.runs.status import read_status
from dltui.ui.panes.lines import Lines, Span

MIN_COLUMNS, MIN_ROWS = 60, 16
GRID_COLUMNS, GRID_ROWS = 100, 30
WIDE_COLUMNS, WIDE_ROWS = 160, 40
MODES = ("-too-small", "-single", "-grid", "-columns")


def mode(columns: int, rows: int, *, zoomed: bool = False) -> str:
    """How the panes are laid out in a terminal of this size: one of `MODES`.

    One pane at a time; two by two above the log; or three columns above the log.
    """
    if columns < MIN_COLUMNS or rows < MIN_ROWS:
        return "-too-small"
    if zoomed or columns < GRID_COLUMNS or rows < GRID_ROWS:
        return "-single"
    return "-columns" if columns >= WIDE_COLUMNS and rows >= WIDE_ROWS else "-grid"


@dataclass(frozen=True, slots=True)
class Place:
    """A pane's id, its name on the tab strip, and the slot it lies in."""

    pane: str
    tab: str
    slot: str


PLACES = (
    Place("loss", "loss", "slot-curves"),
    Place("metrics", "metrics", "slot-curves"),
    Place("layers", "layers", "slot-layers"),
    Place("histograms", "weights", "slot-histograms"),
    Place("outcomes", "outcome", "slot-outcomes"),
    Place("learning-rate", "rate", "slot-curves"),
    Place("system", "system", "slot-layers"),
    Place("log", "log", "slot-log"),
    Place("recipe", "recipe", "slot-histograms"),
)
FRONT = {
    "slot-curves": "loss",
    "slot-layers": "layers",
    "slot-histograms": "histograms",
    "slot-log": "log",
}
"""Which pane of a slot is in front at first."""
OPEN_SLOTS = ("slot-curves", "slot-layers")
"""Those that show all of their panes, one below the other, where the screen is wide."""
SLOTS = tuple(dict.fromkeys(place.slot for place in PLACES))


def place_of(pane: str) -> Place:
    """The place of the pane with this id."""
    return next(place for place in PLACES if place.pane == pane)


def task_of(run: Path) -> str:
    """The task of the run in this folder; empty where its status does not say."""
    try:
        return read_status(run).task
    except StoreError:
        return ""


class PaneTabs(Lines):
    """One line that names all panes by number; a click goes to one."""

    @dataclass
    class TabChosen(Message):
        """A tab was clicked."""

        pane: str

    def __init__(self) -> None:
        super().__init__(id="pane-tabs")
        self._active = "loss"
        self._outcome = "outcome"

    def mark(self, active: str, outcome: str) -> None:
        """Marks the active pane; `outcome` names what lies in the outcome slot."""
        self._active = active
        self._outcome = outcome
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def on_click(self, event: events.Click) -> None:
        left = 1
        for number, place in enumerate(PLACES, 1):
            width = cell_len(f"{number} {self._tab_name(place)}") + self._gap()
            if left <= event.x < left + width:
                self.post_message(self.TabChosen(place.pane))
                return
            left += width

    def _tab_name(self, place: Place) -> str:
        return self._outcome if place.pane == "outcomes" else place.tab

    def _gap(self) -> int:
        needed = sum(cell_len(self._tab_name(place)) + 2 for place in PLACES) + 1
        return min(3, max(1, (self.size.width - needed) // len(PLACES)))

    def _draw(self) -> None:
        gap = " " * self._gap()
        spans: list[Span] = [(" ", "")]
        for number, place in enumerate(PLACES, 1):
            active = place.pane == self._active
            spans.append((str(number), "accent" if active else "dim"))
            spans.append((" " + self._tab_name(place), "strong" if active else "dim"))
            spans.append((gap, ""))
        self.set_lines([tuple(spans)])
