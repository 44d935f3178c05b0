"""Several runs over each other: their curves, and how their recipes differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input

from dltui.charts.numbers import format_value
from dltui.errors import DltuiError
from dltui.runs import Catalogue, RunFilter, RunSummary
from dltui.runs.status import state_word
from dltui.ui.feed import RunFeed, SnapshotRead
from dltui.ui.memory import Memory
from dltui.ui.panes.axes import Axis, axis_values, next_axis
from dltui.ui.panes.lines import Lines
from dltui.ui.panes.states import STATE_TONES, state_glyph
from dltui.ui.panes.table import Column, Row, Table
from dltui.ui.snapshot import Curve, Snapshot
from dltui.ui.widgets.line_chart import LineChart, Series

SLOTS = 8
_WORDS = ("name", "about")
_LIST = (Column("", 3), Column("run", 0), Column("state", 10), Column("value", 9, right=True))


class CompareScreen(Screen[None]):
    """The runs of `run_paths` in one chart; others of their folder can be added from the list."""

    DEFAULT_CSS = """
    CompareScreen {
        & > #compare-message { height: 1; padding: 0 1; }
        & > #compare-filter { display: none; height: 3; }
        & > #compare-filter.-open { display: block; }
        & > Horizontal { height: 1fr; }
        .box { border: round $border-blurred; border-title-color: $text-muted; padding: 0 1; }
        .box:focus-within { border: round $primary; border-title-color: $primary; }
        #compare-runs-box { width: 2fr; }
        #compare-right { width: 3fr; }
        #compare-chart-box { height: 2fr; }
        #compare-settings-box { height: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "toggle_run", "Show/hide", id="compare-toggle"),
        Binding(
            "p", "pin_run", "Pin", tooltip="Keep on top, whatever the filter", id="compare-pin"
        ),
        Binding("m", "turn_metric(1)", "Metric", id="compare-metric"),
        Binding("M", "turn_metric(-1)", "Metric before", show=False, id="compare-metric-before"),
        Binding(
            "t",
            "toggle_parts",
            "Train too",
            tooltip="Draw the training's curve dashed beside the validation's",
            id="compare-parts",
        ),
        Binding("x", "next_axis", "X axis", id="compare-axis"),
        Binding("slash", "open_filter", "Filter", key_display="/", id="compare-filter-open"),
        Binding("escape", "close_filter", "Back", show=False, id="compare-filter-close"),
        Binding("q,d", "leave", "Back", id="compare-leave"),
    ]

    def __init__(self, run_paths: Sequence[Path]) -> None:
        super().__init__()
        self.shown = list(dict.fromkeys(Path(path) for path in run_paths))
        self.pinned: set[Path] = set()
        self.metric: str | None = None
        self.both_parts = False
        self.axis: Axis = "step"
        self.summaries: list[RunSummary] = []
        self.filter = RunFilter()
        self._feeds: dict[Path, RunFeed] = {}
        self._snapshots: dict[Path, Snapshot] = {}
        self._colors: dict[Path, int] = {}

    def compose(self) -> ComposeResult:
        yield Lines(id="compare-message")
        yield Input(placeholder="state:finished lr>=1e-3 -name:debug", id="compare-filter")
        with Horizontal():
            with Vertical(id="compare-runs-box", classes="box") as runs:
                runs.border_title = "runs"
                yield Table(_LIST, id="compare-runs")
            with Vertical(id="compare-right"):
                with Vertical(id="compare-chart-box", classes="box"):
                    yield LineChart(id="compare-chart")
                with Vertical(id="compare-settings-box", classes="box") as settings:
                    settings.border_title = "settings that differ"
                    yield Table((Column("setting", 0),), id="compare-settings")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.memory = Memory(self.app, "compare")
        self.metric = self.memory.get("metric", "") or None
        self.both_parts = self.memory.get("both_parts", False)
        self.query_one("#compare-filter", Input).value = self.memory.get("filter", "")
        for path in self.shown:
            self._open(path)
        self.query_one("#compare-runs", Table).focus()
        self.run_worker(self._list_runs, thread=True, exclusive=True)

    def on_unmount(self) -> None:
        for feed in self._feeds.values():
            feed.stop()

    def _list_runs(self) -> None:
        """Reads the catalogue of every folder that a run lies in; slow, so in a thread."""
        found: list[RunSummary] = []
        for runs in dict.fromkeys(path.parent for path in self.shown):
            try:
                found += Catalogue(runs).list()
            except DltuiError as error:
                self.app.call_from_thread(self._say, str(error))
        self.app.call_from_thread(self._take_list, found)

    def _take_list(self, found: list[RunSummary]) -> None:
        self.summaries = found
        self._draw_all()

    # Curves

    @on(SnapshotRead)
    def take_snapshot(self, event: SnapshotRead) -> None:
        path = event.feed.path
        if self._feeds.get(path) is event.feed:
            self._snapshots[path] = event.snapshot
            self._draw_chart()
            self._draw_list()
        self.call_after_refresh(event.feed.taken)

    @on(LineChart.AxisChangeRequested)
    def change_axis(self) -> None:
        self.action_next_axis()

    def action_next_axis(self) -> None:
        first = next(iter(self._snapshots.values()), None)
        self.axis = next_axis(first, self.axis)
        self.query_one(LineChart).x_label = self.axis
        self._draw_chart()

    def action_turn_metric(self, by: int) -> None:
        names = self.metric_names()
        if names:
            here = names.index(self._metric()) if self._metric() in names else 0
            self.metric = names[(here + by) % len(names)]
            self.memory.set("metric", self.metric)
            self._draw_all()

    def action_toggle_parts(self) -> None:
        self.both_parts = not self.both_parts
        self.memory.set("both_parts", self.both_parts)
        self._draw_chart()

    def metric_names(self) -> list[str]:
        """The metrics of the shown runs; those of the validation first, without the system's."""
        names = {
            name
            for path in self.shown
            for name in getattr(self._snapshots.get(path), "curves", ())
            if not name.startswith("system/")
        }
        return sorted(names, key=lambda name: (not name.startswith("val/"), name))

    # The list

    def action_toggle_run(self) -> None:
        path = self._under_cursor()
        if path is None:
            return
        if path in self.shown:
            self.shown.remove(path)
            self._close(path)
        elif len(self.shown) >= SLOTS:
            self._say(f"{SLOTS} runs are as many as colours tell apart; hide one first")
        else:
            self.shown.append(path)
            self._open(path)
        self._draw_all()

    def action_pin_run(self) -> None:
        path = self._under_cursor()
        if path is not None:
            self.pinned ^= {path}
            self._draw_list()

    def action_open_filter(self) -> None:
        field = self.query_one("#compare-filter", Input)
        field.add_class("-open")
        field.focus()

    def action_close_filter(self) -> None:
        self.query_one("#compare-filter", Input).remove_class("-open")
        self.query_one("#compare-runs", Table).focus()

    @on(Input.Changed, "#compare-filter")
    def apply_filter(self, event: Input.Changed) -> None:
        try:
            self.filter = RunFilter.parse(event.value)
        except DltuiError as error:
            self._say(str(error))
        else:
            self._say("")
            self.memory.set("filter", event.value)
            self.query_one("#compare-runs-box").border_subtitle = Content(event.value)
            self._draw_list()

    @on(Input.Submitted, "#compare-filter")
    def keep_filter(self) -> None:
        self.action_close_filter()

    def action_leave(self) -> None:
        if self.app.screen_stack[0] is self:
            self.app.exit()
        else:
            self.dismiss(None)

    def _open(self, path: Path) -> None:
        taken = set(self._colors.values())
        self._colors[path] = next(slot for slot in range(SLOTS * 4) if slot not in taken)
        feed = self._feeds[path] = RunFeed(path, self)
        feed.start()

    def _close(self, path: Path) -> None:
        self._feeds.pop(path).stop()
        self._snapshots.pop(path, None)
        self._colors.pop(path, None)

    def _metric(self) -> str:
        names = self.metric_names()
        if self.metric in names:
            return self.metric or ""
        return "val/loss" if "val/loss" in names else (names[0] if names else "train/loss")

    def _draw_all(self) -> None:
        self._draw_list()
        self._draw_chart()
        self._draw_settings()

    def _draw_chart(self) -> None:
        metric, series = self._metric(), []
        for path in self.shown:
            snapshot = self._snapshots.get(path)
            curve = snapshot.curves.get(metric) if snapshot is not None else None
            if snapshot is not None and curve is not None:
                x = axis_values(snapshot, curve, self.axis)
                series.append(Series(path.name[16:], x, curve.values, self._colors[path]))
            other = self._other_part(snapshot, metric) if self.both_parts else None
            if snapshot is not None and other is not None:
                name, curve = other
                label = f"{path.name[16:]} {name}"
                x = axis_values(snapshot, curve, self.axis)
                series.append(Series(label, x, curve.values, self._colors[path], dashed=True))
        self.query_one("#compare-chart-box").border_title = Content(
            metric + (" · the other part dashed" if self.both_parts else "")
        )
        self.query_one(LineChart).set_data(series)

    def _other_part(self, snapshot: Snapshot | None, metric: str) -> tuple[str, Curve] | None:
        """The same metric of the training, where that of the validation is shown, and back."""
        part, _, column = metric.partition("/")
        other = {"val": "train", "train": "val"}.get(part, "")
        curve = snapshot.curves.get(f"{other}/{column}") if snapshot is not None else None
        return (other, curve) if curve is not None else None

    def _draw_list(self) -> None:
        metric = self._metric()
        rows = []
        for summary in self.summaries:
            path = summary.folder.path
            kept = path in self.pinned or path in self.shown
            if kept or self.filter.matches(summary.facts()):
                rows.append((path not in self.pinned, self._row(summary, metric)))
        ordered = [row for _, row in sorted(rows, key=lambda pair: pair[0])]
        self.query_one("#compare-runs", Table).set_rows(ordered)

    def _row(self, summary: RunSummary, metric: str) -> Row:
        path = summary.folder.path
        snapshot = self._snapshots.get(path)
        value = (
            snapshot.last(metric)
            if snapshot is not None
            else summary.status.metrics.get(metric, math.nan)
        )
        word = state_word(summary.state, summary.status.message)
        chart = self.query_one(LineChart)
        mark = chart.glyphs.markers[self._colors[path] % SLOTS] if path in self._colors else " "
        pin = "*" if path in self.pinned else " "
        cells = (
            (pin + mark, "accent"),
            (summary.name, ""),
            (f"{state_glyph(summary.state)} {word}", STATE_TONES.get(summary.state, "")),
            ("" if math.isnan(value) else format_value(value), ""),
        )
        return Row(str(path), cells, (path not in self.shown, summary.name, summary.state, value))

    def _draw_settings(self) -> None:
        chosen = [summary for path in self.shown for summary in self._summaries_of(path)]
        table = self.query_one("#compare-settings", Table)
        room = max(24, table.size.width - 28)
        width = max(7, min(16, room // max(1, len(chosen)) - 1))
        columns = [Column("setting", 0, path=True)]
        columns += [Column(summary.name, width, right=True) for summary in chosen]
        table.set_columns(columns)
        rows = differences([summary.settings for summary in chosen])
        table.set_rows(
            [
                Row(key, ((key, ""), *((value, "") for value in values)), (key, *values))
                for key, values in rows
            ]
        )

    def _summaries_of(self, path: Path) -> list[RunSummary]:
        wanted = path.absolute()
        return [found for found in self.summaries if found.folder.path.absolute() == wanted]

    def _under_cursor(self) -> Path | None:
        key = self.query_one("#compare-runs", Table).cursor_key
        return Path(key) if key is not None else None

    def _say(self, message: str) -> None:
        self.query_one("#compare-message", Lines).set_lines([((message, "warning"),)])


def differences(settings: Sequence[Mapping[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    """The keys whose values are not the same in all recipes, with each one's value as text."""
    keys = dict.fromkeys(key for each in settings for key in each if key not in _WORDS)
    rows = []
    for key in sorted(keys):
        values = tuple(_text(each.get(key)) for each in settings)
        if len(set(values)) > 1:
            rows.append((key, values))
    return rows


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
