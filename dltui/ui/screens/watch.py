"""A run on the screen: its header, panes, and the keys that steer it."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from dltui import explain
from dltui.errors import DltuiError
from dltui.ui.feed import RunFeed, SnapshotRead
from dltui.ui.key_words import active_keys
from dltui.ui.memory import Memory
from dltui.ui.panes.axes import AXES, Axis, next_axis
from dltui.ui.panes.confusion import ConfusionPane
from dltui.ui.panes.curves import CurvesPane, LossPane
from dltui.ui.panes.examples import ExamplesScreen
from dltui.ui.panes.explain import ExplainScreen
from dltui.ui.panes.header import RunHeader
from dltui.ui.panes.histograms import HistogramsPane
from dltui.ui.panes.key_line import KeyLine
from dltui.ui.panes.layers import LayersPane
from dltui.ui.panes.log import LogPane
from dltui.ui.panes.outcome import MomentWanted
from dltui.ui.panes.outcome_slot import OutcomeSlot
from dltui.ui.panes.pane import Pane
from dltui.ui.panes.texts import TextsPane
from dltui.ui.screens import watch_controls as controls
from dltui.ui.screens.run_picker import RunPicker
from dltui.ui.screens.watch_keys import RUN_KEYS
from dltui.ui.screens.watch_layout import (
    FRONT,
    MIN_COLUMNS,
    MIN_ROWS,
    MODES,
    PaneTabs,
    mode,
    place_of,
    task_of,
)
from dltui.ui.screens.watch_stage import PaneStage
from dltui.ui.screens.watch_steering import SteeringScreen
from dltui.ui.snapshot import LogLine, Snapshot
from dltui.ui.widgets.line_chart import LineChart

_FOLLOW_S = 2.0


class WatchScreen(SteeringScreen):
    """Watches the run in `run_path` and steers it; leaving the screen leaves the run alone."""

    # Not CSS_PATH: Textual would read that only when the screen is pushed, not as the first one.
    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")
    SCOPED_CSS = False
    BINDINGS = RUN_KEYS
    # Textual's choice would be the first pane, even where it is hidden behind another.
    AUTO_FOCUS = ""

    # A reactive that repaints the screen sends all of it again: 50 kB for one key at 120×36.
    active: reactive[str] = reactive("loss", init=False, repaint=False)
    focused: reactive[Widget | None] = reactive(None, repaint=False)
    following: reactive[bool] = reactive(False, init=False, repaint=False)

    def __init__(self, run_path: Path) -> None:
        super().__init__()
        self.run_path = run_path
        self.axis: Axis = "step"
        self.feed = RunFeed(run_path, self)
        self._overlays: dict[Path, RunFeed] = {}
        self._overlay_snapshots: dict[Path, Snapshot] = {}
        self.stage = PaneStage()
        self.zoomed = False

    # Layout

    def compose(self) -> ComposeResult:
        yield RunHeader()
        yield PaneTabs()
        yield self.stage
        yield Static(id="too-small")
        yield KeyLine([key for key in RUN_KEYS if isinstance(key, Binding)])

    def on_mount(self) -> None:
        self._restore()
        self._mark_tab(self.active)
        if self.active_pane is not None:
            self.active_pane.focus_inside()
        self._follow_timer = self.set_interval(_FOLLOW_S, self._follow, pause=True)
        self.feed.start()

    def _restore(self) -> None:
        """Brings back the layout and the charts as they were left."""
        self.memory = memory = Memory(self.app, "watch")
        first = self.stage.restore(
            {slot: memory.get(self._layout_key(slot), pane) for slot, pane in FRONT.items()}
        )
        # Tab, explanation and zoom are of the pane that is seen.
        self.set_reactive(WatchScreen.active, first)
        kept_axis = memory.get("axis", "step")
        self.axis = next((axis for axis in AXES if axis == kept_axis), "step")
        for curves in self.query(CurvesPane):
            curves.set_axis(self.axis)
        for chart in self.query(LineChart):
            chart.log_y = memory.get("log_y", False)
            chart.smoothing = memory.get("smoothing", 0.0)
        loss = self.query_one(LossPane).chart
        for name in ("log_y", "smoothing"):
            self.watch(loss, name, partial(memory.set, name), init=False)

    def _layout_key(self, slot: str) -> str:
        """Under which name the front pane of a slot is kept: each task has its own."""
        return f"{slot} {task_of(self.run_path)}"

    def on_unmount(self) -> None:
        for feed in (self.feed, *self._overlays.values()):
            feed.stop()

    def on_resize(self, event: events.Resize) -> None:
        size = f"{event.size.width}×{event.size.height}"
        self.query_one("#too-small", Static).update(
            f"dltui needs {MIN_COLUMNS}×{MIN_ROWS}; this terminal has {size}"
        )
        self._lay_out()

    def _lay_out(self) -> None:
        wanted = mode(self.size.width, self.size.height, zoomed=self.zoomed)
        # All at once: each change finds the styles of all panes anew.
        self.toggle_class(*(name for name in MODES if (name == wanted) != self.has_class(name)))
        self.stage.lay_out(wanted)
        self.call_after_refresh(self.show_visible)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for node in event.widget.ancestors_with_self:
            if isinstance(node, Pane) and node.id:
                self.active = node.id
                return

    def watch_active(self, pane_id: str) -> None:
        """Brings the pane to the front of its slot, and the slot where only one fits."""
        self._mark_tab(pane_id)
        self.stage.bring(pane_id)
        self.memory.set(self._layout_key(place_of(pane_id).slot), pane_id)
        self.call_after_refresh(self.show_visible)

    def action_go_to(self, pane_id: str) -> None:
        pane = self.stage.pane(pane_id)
        if pane is None:
            self.say("this pane comes with the first reading of the run", level="warning")
            return
        # The tab answers the key at once; a pane can take longer to cross a slow link.
        self._mark_tab(pane_id)
        self.call_after_refresh(self._open, pane)

    def _open(self, pane: Pane) -> None:
        self.active = pane.id or self.active
        # With its content: the next key is meant for this pane.
        if self.snapshot is not None:
            pane.show(self.snapshot)
        pane.focus_inside()

    def _mark_tab(self, pane_id: str) -> None:
        self.query_one(PaneTabs).mark(pane_id, self.stage.outcomes.label)

    @on(PaneTabs.TabChosen)
    def open_tab(self, event: PaneTabs.TabChosen) -> None:
        self.action_go_to(event.pane)

    def action_toggle_zoom(self) -> None:
        self._zoom(not self.zoomed)

    def action_leave_zoom(self) -> None:
        self._zoom(False)

    def _zoom(self, zoomed: bool) -> None:
        self.zoomed = zoomed
        self._lay_out()

    @property
    def active_pane(self) -> Pane | None:
        """The pane that has the focus, or had it last."""
        return self.stage.pane(self.active)

    # Snapshots

    @on(SnapshotRead)
    async def take_snapshot(self, event: SnapshotRead) -> None:
        """Hands the newest snapshot to what is visible."""
        if event.feed is self.feed:
            self.snapshot = event.snapshot
            if await self.stage.place_outcome(event.snapshot):
                self._take_outcome()
            with self.app.batch_update():
                self.query_one(RunHeader).show(event.snapshot)
                self.query_one(KeyLine).show(event.snapshot)
                self.show_visible()
        elif event.feed.path in self._overlays:
            self._overlay_snapshots[event.feed.path] = event.snapshot
            self._show_overlays()
        # The next one is read only once this one is painted: a slow link gets fewer, not more.
        self.call_after_refresh(event.feed.taken)

    def show_visible(self) -> None:
        """Shows the newest snapshot in every pane that is on the screen."""
        if self.snapshot is not None:
            self.stage.show(self.snapshot)

    @on(OutcomeSlot.OutcomePlaced)
    def turn_outcome(self) -> None:
        """Another view of the evaluation was asked for and stands in its slot."""
        self.stage.take_panes()
        self._take_outcome()

    def _take_outcome(self) -> None:
        self._mark_tab(self.active)
        if self.focused is None and self.active_pane is not None:
            self.call_after_refresh(self.active_pane.focus_inside)
        self.call_after_refresh(self.show_visible)

    @on(LayersPane.LayerChosen)
    def show_histograms_of(self, event: LayersPane.LayerChosen) -> None:
        self.feed.want(layer=event.layer)

    @on(HistogramsPane.TensorWanted)
    def show_tensor(self, event: HistogramsPane.TensorWanted) -> None:
        layer = event.name if event.name is not None else self.feed.wanted.layer
        self.feed.want(kind=event.kind, layer=layer)

    @on(MomentWanted)
    def look_back(self, event: MomentWanted) -> None:
        self.feed.want(moment=event.step)

    @on(TextsPane.TemperatureWanted)
    def change_temperature(self, event: TextsPane.TemperatureWanted) -> None:
        self.ask_temperature(event.now)

    @on(ConfusionPane.CellOpened)
    def open_examples(self, event: ConfusionPane.CellOpened) -> None:
        found = [
            example
            for example in (self.snapshot.examples if self.snapshot else ())
            if (example.truth, example.prediction) == (event.truth, event.prediction)
        ]
        title = f"truth {event.truth}, predicted {event.prediction}"
        self.app.push_screen(ExamplesScreen(title, found))

    # Charts

    @on(LineChart.CursorMoved)
    def share_cursor(self, event: LineChart.CursorMoved) -> None:
        for chart in self.query(LineChart):
            if chart is not event.chart:
                chart.cursor = event.x

    @on(LineChart.AxisChangeRequested)
    def change_axis(self) -> None:
        self.action_next_axis()

    def action_next_axis(self) -> None:
        self.axis = next_axis(self.snapshot, self.axis)
        self.memory.set("axis", self.axis)
        for pane in self.query(CurvesPane):
            pane.set_axis(self.axis)

    def action_toggle_log(self) -> None:
        charts = list(self.query(LineChart))
        log = not charts[0].log_y
        for chart in charts:
            chart.log_y = log

    def action_smooth(self, direction: int) -> None:
        for chart in self.query(LineChart):
            chart.action_change_smoothing(direction)

    # Control

    def say(self, message: str, *, level: str = "info") -> None:
        """Puts a line of the screen's own into the log, and shows it where the log is hidden."""
        log = self.query_one(LogPane)
        log.note(LogLine(time.time(), None, "screen", level, message))
        if not self.stage.is_seen(log):
            if level == "info":
                self.notify(message, markup=False, timeout=4)
            else:
                self.notify(message, severity="warning", markup=False, timeout=6)

    def action_detach(self) -> None:
        message = controls.farewell(self.snapshot, stopping=self.is_stopping)
        if self.app.screen_stack[0] is not self:
            if message:
                self.app.notify(message, markup=False)
            self.dismiss(None)
        else:
            self.app.exit(message=message.replace("[", r"\[") or None)

    def action_explain_pane(self) -> None:
        pane = self.active_pane
        if pane is None:
            return
        self.app.push_screen(
            ExplainScreen(pane.pane_title, explanation(pane.topic), pane.readings(), self._keys())
        )

    def _keys(self) -> list[tuple[str, str]]:
        return [(key.key, key.line or key.word) for key in active_keys(self)]

    # Other runs

    def action_overlay_run(self) -> None:
        shown = {self.run_path, *self._overlays}
        self.app.push_screen(
            RunPicker(self.run_path.parent, shown - {self.run_path}), self._overlay
        )

    def _overlay(self, path: Path | None) -> None:
        if path is None or path == self.run_path:
            return
        if path in self._overlays:
            self._overlays.pop(path).stop()
            self._overlay_snapshots.pop(path, None)
            self._show_overlays()
            return
        feed = self._overlays[path] = RunFeed(path, self)
        feed.start()

    def _show_overlays(self) -> None:
        overlays = tuple(self._overlay_snapshots.values())
        for pane in self.query(CurvesPane):
            pane.set_overlays(overlays)

    def action_follow_newest(self) -> None:
        self.following = not self.following
        self.say("following the newest run" if self.following else "staying with this run")

    def watch_following(self, following: bool) -> None:
        if following:
            self._follow_timer.resume()
            self._follow()
        else:
            self._follow_timer.pause()

    def _follow(self) -> None:
        from dltui.runs.layout import run_folders

        newest = next(iter(run_folders(self.run_path.parent)), None)
        if newest is not None and newest != self.run_path:
            self.switch_to(newest)

    def switch_to(self, path: Path) -> None:
        """Watches another run in place of this one."""
        self.feed.stop()
        self.run_path = path
        self.snapshot, self.is_stopping = None, False
        self.feed = RunFeed(path, self)
        self.feed.start()
        self.say(f"now watching {path.name}")


def explanation(topic: str) -> str:
    """The Markdown about a topic; empty where none is written."""
    try:
        return explain.text(f"pane/{topic}")
    except DltuiError:
        return ""
