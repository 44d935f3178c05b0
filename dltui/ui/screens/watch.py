"""A run on the screen: its header, panes, and the keys that steer it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from dltui import explain
from dltui.errors import DltuiError
from dltui.ui.feed import RunFeed, SnapshotRead
from dltui.ui.key_words import active_keys
from dltui.ui.memory import Memory
from dltui.ui.panes.axes import AXES, Axis, next_axis
from dltui.ui.panes.confusion import ConfusionPane, EvaluationWanted
from dltui.ui.panes.curves import CurvesPane, LearningRatePane, LossPane, MetricsPane
from dltui.ui.panes.examples import ExamplesScreen
from dltui.ui.panes.explain import ExplainScreen
from dltui.ui.panes.header import RunHeader
from dltui.ui.panes.histograms import HistogramsPane
from dltui.ui.panes.key_line import KeyLine
from dltui.ui.panes.layers import LayersPane
from dltui.ui.panes.log import LogPane
from dltui.ui.panes.pane import Pane
from dltui.ui.panes.predictions import PredictionsPane
from dltui.ui.panes.recipe import RecipePane
from dltui.ui.panes.system import SystemPane
from dltui.ui.panes.texts import TextsPane
from dltui.ui.screens import watch_controls as controls
from dltui.ui.screens.dialogs import Ask, Confirm
from dltui.ui.screens.run_picker import RunPicker
from dltui.ui.screens.watch_keys import RUN_KEYS
from dltui.ui.screens.watch_layout import (
    FRONT,
    MIN_COLUMNS,
    MIN_ROWS,
    MODES,
    PLACES,
    SLOTS,
    PaneTabs,
    mode,
    place_of,
    task_of,
)
from dltui.ui.snapshot import LogLine, Snapshot
from dltui.ui.widgets.line_chart import LineChart

_FOLLOW_S = 2.0


class WatchScreen(Screen[None]):
    """Watches the run in `run_path` and steers it; leaving the screen leaves the run alone."""

    # Not CSS_PATH: Textual would read that only when the screen is pushed, not as the first one.
    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")
    SCOPED_CSS = False
    BINDINGS = RUN_KEYS

    # A reactive that repaints the screen sends all of it again: 50 kB for one key at 120×36.
    active: reactive[str] = reactive("loss", init=False, repaint=False)
    focused: reactive[Widget | None] = reactive(None, repaint=False)
    following: reactive[bool] = reactive(False, init=False, repaint=False)

    def __init__(self, run_path: Path) -> None:
        super().__init__()
        self.run_path = run_path
        self.snapshot: Snapshot | None = None
        self.axis: Axis = "step"
        self.feed = RunFeed(run_path, self)
        self._overlays: dict[Path, RunFeed] = {}
        self._overlay_snapshots: dict[Path, Snapshot] = {}
        self._outcomes: Pane | None = None
        self._panes: tuple[Pane, ...] = ()
        self.zoomed = False
        self._is_stopping = False

    # Layout

    def compose(self) -> ComposeResult:
        yield RunHeader()
        yield PaneTabs()
        with Container(id="panes"):
            with Vertical(id="slot-curves", classes="slot -active"):
                yield LossPane()
                yield MetricsPane()
                yield LearningRatePane()
            with Vertical(id="slot-layers", classes="slot"):
                yield LayersPane()
                yield SystemPane()
            with Vertical(id="slot-histograms", classes="slot"):
                yield HistogramsPane()
                yield RecipePane()
            yield Vertical(id="slot-outcomes", classes="slot")
        with Vertical(id="slot-log", classes="slot"):
            yield LogPane()
        yield Static(id="too-small")
        yield KeyLine([key for key in RUN_KEYS if isinstance(key, Binding)])

    def on_mount(self) -> None:
        self._panes = tuple(self.query(Pane))
        self._restore()
        self.query_one(PaneTabs).mark(self.active, None)
        self._follow_timer = self.set_interval(_FOLLOW_S, self._follow, pause=True)
        self.feed.start()

    def _restore(self) -> None:
        """Brings back the layout and the charts as they were left."""
        self.memory = memory = Memory(self.app, "watch")
        for slot, pane in FRONT.items():
            kept = memory.get(self._layout_key(slot), pane)
            there = [place.pane for place in PLACES if place.slot == slot]
            self.query_one(f"#{kept if kept in there else pane}").add_class("-front")
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
        for name in MODES:
            self.set_class(name == wanted, name)
        self.call_after_refresh(self.show_visible)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for node in event.widget.ancestors_with_self:
            if isinstance(node, Pane) and node.id:
                self.active = node.id
                return

    def watch_active(self, pane_id: str) -> None:
        """Brings the pane to the front of its slot, and the slot where only one fits."""
        place = place_of(pane_id)
        for other in PLACES:
            if other.slot == place.slot:
                for pane in self.query(f"#{other.pane}").results(Pane):
                    pane.set_class(other.pane == pane_id, "-front")
        for slot in SLOTS:
            self.query_one(f"#{slot}").set_class(slot == place.slot, "-active")
        self.query_one("#panes").set_class(place.slot == "slot-log", "-behind")
        self.memory.set(self._layout_key(place.slot), pane_id)
        self.query_one(PaneTabs).mark(pane_id, self.snapshot.task if self.snapshot else None)
        self.call_after_refresh(self.show_visible)

    def action_go_to(self, pane_id: str) -> None:
        panes = self.query(f"#{pane_id}").results(Pane)
        pane = next(iter(panes), None)
        if pane is None:
            self.say("this pane comes with the first reading of the run", level="warning")
            return
        self.active = pane_id
        self.call_after_refresh(pane.focus_inside)

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
        return next(iter(self.query(f"#{self.active}").results(Pane)), None)

    # Snapshots

    @on(SnapshotRead)
    async def take_snapshot(self, event: SnapshotRead) -> None:
        """Hands the newest snapshot to what is visible."""
        if event.feed is self.feed:
            self.snapshot = event.snapshot
            await self._place_outcomes(event.snapshot)
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
        if self.snapshot is None:
            return
        for pane in self._panes:
            if pane.display and pane.parent is not None and self._is_open(pane):
                pane.show(self.snapshot)

    def _is_open(self, pane: Pane) -> bool:
        return all(
            node.display for node in pane.ancestors if isinstance(node, Container | Vertical)
        )

    async def _place_outcomes(self, snapshot: Snapshot) -> None:
        kinds: dict[str | None, type[Pane]] = {
            "next_token": TextsPane,
            "regress": PredictionsPane,
        }
        kind = kinds.get(snapshot.task, ConfusionPane)
        if type(self._outcomes) is kind:
            return
        if self._outcomes is not None:
            await self._outcomes.remove()
        self._outcomes = kind()  # type: ignore[call-arg]
        self._outcomes.add_class("-front")
        await self.query_one("#slot-outcomes").mount(self._outcomes)
        self._panes = tuple(self.query(Pane))
        self.query_one(PaneTabs).mark(self.active, snapshot.task)
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

    @on(EvaluationWanted)
    def scrub(self, event: EvaluationWanted) -> None:
        self.feed.want(evaluation=event.index, sample=event.index)

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
        self.query_one(LogPane).note(LogLine(time.time(), None, "screen", level, message))
        if not self._is_open(self.query_one(LogPane)):
            if level == "info":
                self.notify(message, markup=False, timeout=4)
            else:
                self.notify(message, severity="warning", markup=False, timeout=6)

    def action_pause_or_go(self) -> None:
        paused = self.snapshot is not None and self.snapshot.state == "paused"
        self._control("resume" if paused else "pause")

    def action_save_checkpoint(self) -> None:
        self._control("checkpoint")

    def action_change_rate(self) -> None:
        if not self._applies("set"):
            return
        last = self.snapshot.last("train/lr") if self.snapshot else float("nan")
        now = f" (now {last:.3g})" if last == last else ""
        question = Ask(
            f"New learning rate{now}; it takes effect at the next step.",
            value=f"{last:.3g}" if last == last else "",
            title="learning rate",
            check=controls.learning_rate_problem,
        )
        self.app.push_screen(question, self._set_rate)

    def action_stop_run(self) -> None:
        if self._applies("stop"):
            self._confirm(
                "Stop the training? It saves a checkpoint first and can be resumed.",
                partial(self._control, "stop"),
            )

    def action_kill_run(self) -> None:
        if self._applies("kill"):
            self._confirm(
                "Kill the worker at once? What came after the last checkpoint is lost.",
                partial(self._do, "kill", partial(controls.kill, self.run_path)),
            )

    def action_restart_run(self) -> None:
        if self._applies("restart"):
            self.say("starting a new worker …")
            self._do("resume", partial(controls.restart, self.run_path))

    def action_export_run(self) -> None:
        target = Path.cwd() / f"{self.run_path.name}.csv"
        self._do("export", partial(controls.export, self.run_path, target))

    def action_detach(self) -> None:
        message = controls.farewell(self.snapshot, stopping=self._is_stopping)
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

    def _applies(self, control: controls.Control) -> bool:
        reason = controls.why_not(control, self.snapshot)
        if reason is not None:
            self.say(reason, level="warning")
        return reason is None

    def _control(self, control: controls.Control) -> None:
        if not self._applies(control):
            return
        try:
            controls.send(self.run_path, control)
        except DltuiError as error:
            self.say(str(error), level="error")
        else:
            self._is_stopping = self._is_stopping or control == "stop"
            self.say(f"{control}: asked for; it takes effect at the next step")

    def _set_rate(self, text: str | None) -> None:
        if text is None:
            return
        try:
            controls.send(self.run_path, "set", {"lr": float(text)})
        except DltuiError as error:
            self.say(str(error), level="error")
        else:
            self.say(f"learning rate {text}: asked for; it takes effect at the next step")

    def _confirm(self, question: str, then: Callable[[], None]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.app.push_screen(Confirm(question), answered)

    def _do(self, what: str, work: Callable[[], str]) -> None:
        """Does something slow in a thread and puts its outcome into the log."""

        def run() -> None:
            try:
                message, level = work(), "info"
            except DltuiError as error:
                message, level = str(error), "error"
            self.app.call_from_thread(self.say, f"{what}: {message}", level=level)

        self.run_worker(run, thread=True, group=what, exclusive=True)

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
        self.snapshot, self._is_stopping = None, False
        self.feed = RunFeed(path, self)
        self.feed.start()
        self.say(f"now watching {path.name}")


def explanation(topic: str) -> str:
    """The Markdown about a topic; empty where none is written."""
    try:
        return explain.text(f"pane/{topic}")
    except DltuiError:
        return ""
