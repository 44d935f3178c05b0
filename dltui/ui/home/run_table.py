"""The runs of the folder, newest first, read again once a second in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from dltui.runs.status import state_word

if TYPE_CHECKING:
    from dltui.runs.catalogue import RunSummary

MARKS = {
    "queued": ("○", "dim"),
    "starting": ("◌", "cyan"),
    "running": ("●", "green"),
    "paused": ("‖", "yellow"),
    "stopping": ("◐", "yellow"),
    "stopped": ("■", "dim"),
    "finished": ("✓", "green"),
    "failed": ("✗", "red"),
    "died": ("✗", "red"),
}
"""State → glyph and style; the word stands beside the glyph always."""

TREND_WIDTH = 10


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one run, compared to see whether anything changed."""

    id: str
    path: Path
    cells: tuple[str, ...]
    state: str


class RunTable(DataTable[Text]):
    """Enter posts `Opened`; space marks a run for comparison."""

    BINDINGS = [
        Binding("enter", "select_cursor", "Watch", id="watch-run"),
        Binding("space", "mark_run", "Mark", id="mark-run", tooltip="Mark for comparison"),
    ]

    @dataclass
    class Opened(Message):
        """Enter was pressed on a run."""

        path: Path

    @dataclass
    class Listed(Message):
        """The runs were read again."""

        rows: tuple[Row, ...]
        problem: str | None

    @dataclass
    class Marked(Message):
        """Another choice of runs is marked for comparison."""

        ids: frozenset[str]

    def __init__(self, runs: Path, id: str) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False, cell_padding=1)
        self.runs = runs
        self.filter = ""
        self.marked: set[str] = set()
        self.shown: tuple[Row, ...] = ()
        self._trends: dict[str, tuple[object, str]] = {}

    def on_mount(self) -> None:
        for label in ("", "run", "state", "epoch", "best", "trend", "time", "device"):
            self.add_column(label, key=label or "mark")
        self.read_runs()
        self.set_interval(1.0, self.read_runs)

    @property
    def chosen(self) -> Row | None:
        return self.shown[self.cursor_row] if 0 <= self.cursor_row < len(self.shown) else None

    @work(thread=True, exclusive=True, group="runs")
    def read_runs(self) -> None:
        from dltui.errors import DltuiError
        from dltui.runs.catalogue import Catalogue
        from dltui.runs.filter import RunFilter

        problem = None
        rows: tuple[Row, ...] = ()
        try:
            wanted = RunFilter.parse(self.filter)
            found = Catalogue(self.runs).list() if self.runs.is_dir() else []
            rows = tuple(self._row(run) for run in found if wanted.matches(run.facts()))
        except DltuiError as error:
            problem = str(error)
        if not self.app.is_running:
            return
        self.post_message(self.Listed(rows, problem))

    def _row(self, run: RunSummary) -> Row:
        status = run.status
        best = f"{status.best.metric} {status.best.value:.4g}" if status.best else ""
        clock = _clock(status.elapsed_s)
        cells = (
            run.name,
            state_word(run.state, status.message),
            status.epoch_text,
            best,
            self._trend(run),
            clock,
            status.device,
        )
        return Row(run.id, run.folder.path, cells, run.state)

    def _trend(self, run: RunSummary) -> str:
        """A sparkline of the main metric, read again only when the run has moved."""
        best = run.status.best
        if best is None:
            return ""
        key = (run.status.step, run.state)
        known = self._trends.get(run.id)
        if known is not None and known[0] == key:
            return known[1]
        from dltui.charts.sparkline import sparkline
        from dltui.runs import RunReader

        reader = RunReader(run.folder)
        reader.poll()
        trend = sparkline(reader.metric(best.metric).values, TREND_WIDTH)
        self._trends[run.id] = (key, trend)
        return trend

    @on(Listed)
    def show_rows(self, event: Listed) -> None:
        self.border_subtitle = event.problem or ""
        if event.rows == self.shown and self.row_count == len(event.rows):
            return
        same_runs = [row.id for row in event.rows] == [row.id for row in self.shown]
        chosen = self.chosen
        before, self.shown = self.shown, event.rows
        with self.app.batch_update():
            if same_runs:
                for number, (old, new) in enumerate(zip(before, event.rows, strict=True)):
                    if old != new:
                        self._write(number, new)
            else:
                self._refill(chosen)

    def _refill(self, chosen: Row | None) -> None:
        self.clear()
        for row in self.shown:
            self.add_row(*self._cells(row), key=row.id)
        for number, row in enumerate(self.shown):
            if chosen is not None and row.id == chosen.id:
                self.move_cursor(row=number, animate=False)

    def _write(self, number: int, row: Row) -> None:
        for column, cell in enumerate(self._cells(row)):
            self.update_cell_at(Coordinate(number, column), cell, update_width=True)

    def _cells(self, row: Row) -> list[Text]:
        glyph, style = MARKS.get(row.state, ("?", "dim"))
        name, state, *others = row.cells
        mark = "◆" if row.id in self.marked else " "
        return [
            Text(f"{mark}{glyph}", style),
            Text(name, "bold"),
            Text(state, style),
            *(Text(cell) for cell in others),
        ]

    def action_mark_run(self) -> None:
        row = self.chosen
        if row is not None:
            self.marked ^= {row.id}
            self._write(self.cursor_row, row)
            self.post_message(self.Marked(frozenset(self.marked)))

    @on(DataTable.RowSelected)
    def tell_open(self, event: DataTable.RowSelected) -> None:
        event.stop()
        row = self.chosen
        if row is not None:
            self.post_message(self.Opened(row.path))


def _clock(seconds: float | None) -> str:
    """`0:12`, `8:41`, `2:03:10`."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
