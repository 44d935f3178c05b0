"""The watch screen under hard use: storms, sizes, damage, faults, and what it remembers."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual.app import App

from dltui.ui.app import DltuiApp
from dltui.ui.panes.confusion import ConfusionPane
from dltui.ui.panes.curves import LossPane
from dltui.ui.panes.header import RunHeader
from dltui.ui.panes.key_line import KeyLine
from dltui.ui.panes.layers import LayersPane
from dltui.ui.panes.lines import Lines, text_of
from dltui.ui.panes.log import LogPane, in_order, log_text
from dltui.ui.panes.system import SystemPane
from dltui.ui.panes.table import Table
from dltui.ui.recording import Recording
from dltui.ui.screens import watch_controls
from dltui.ui.screens.dialogs import Confirm
from dltui.ui.screens.run_picker import RunPicker
from dltui.ui.screens.watch import WatchScreen
from dltui.ui.settings import Settings
from dltui.ui.snapshot import LogLine
from dltui.ui.thinning import GrowingCurve
from dltui.ui.widgets.line_chart import LineChart
from tests.ui.watch.driving import Make, opened, seen, until


def banner(screen: WatchScreen) -> str:
    return "\n".join(map(text_of, screen.query_one("#banner", Lines).lines))


async def test_a_storm_of_sizes_ends_in_the_layout_of_the_last(
    make_run: Make, watch_app: Make
) -> None:
    sizes = random.Random(3)
    async with watch_app(make_run()).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        for _ in range(12):
            await pilot.resize_terminal(sizes.randint(1, 220), sizes.randint(1, 70))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: seen(screen) == {"loss"})
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: len(seen(screen)) == 5)
        assert screen.query_one("#loss-chart", LineChart).x_range is not None


async def test_five_million_steps_are_drawn_zoomed_and_panned(
    make_run: Make, watch_app: Make
) -> None:
    async with watch_app(make_run(10)).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        chart = screen.query_one("#loss-chart", LineChart)
        await until(pilot, lambda: chart.x_range is not None)
        screen.feed.stop()
        steps = np.arange(5_000_000, dtype=np.float64)
        growing = GrowingCurve()
        growing.extend(steps, steps, np.cos(steps / 1e5))
        curves = {"train/loss": growing.curve()}
        screen.snapshot = replace(screen.snapshot, curves=curves)
        screen.show_visible()
        chart.focus()
        await pilot.press("plus", "plus", "left", "left", "comma")
        assert chart.cursor is not None
        assert chart.x_range is not None
        assert chart.x_range[1] < 4_500_000
        await pilot.press("0")
        await until(pilot, lambda: chart.follows and chart.x_range[1] >= 4_999_999)


async def test_two_hundred_layers_are_scrolled_and_a_hundred_classes_shown(
    make_run: Make, watch_app: Make
) -> None:
    classes = tuple(f"class {number}" for number in range(100))
    run = make_run(200, layers=200, classes=classes)
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("3")
        table = screen.query_one(Table)
        await until(pilot, lambda: table.has_focus and len(table.rows) == 200)
        await pilot.press("end")
        await until(pilot, lambda: table.scroll_offset.y > 150)
        assert table.cursor_key == "head"
        await pilot.press("5")
        pane = screen.query_one(ConfusionPane)
        await until(pilot, lambda: pane.grid.has_focus)
        await pilot.press(*["pagedown"] * 9, "right")
        assert any("of" in line for line in pane.readings())


async def test_k_kills_after_a_yes_only(
    make_run: Make, watch_app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[Path] = []

    def kill(path: Path) -> str:
        killed.append(path)
        return "the worker was killed"

    monkeypatch.setattr(watch_controls, "kill", kill)
    run = make_run()
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        for answer in ("n", "y"):
            await pilot.press("K")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            assert killed == []
            await pilot.press(answer)
        await until(pilot, lambda: killed == [run.folder.path])
        await until(pilot, lambda: "the worker was killed" in log_text(screen.query_one(LogPane)))


async def test_r_starts_a_dead_run_again_and_says_when_it_cannot(
    make_run: Make, watch_app: Make
) -> None:
    run = make_run()
    run.end("died")
    shutil.rmtree(run.folder.checkpoints, ignore_errors=True)
    run.folder.resolved.unlink()
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: screen.snapshot.state == "died")
        await pilot.press("r")
        pane = screen.query_one(LogPane)
        await until(pilot, lambda: "resume: " in log_text(pane))
        assert "starting a new worker" in log_text(pane)


async def test_another_run_is_drawn_over_this_one_and_taken_away(
    make_run: Make, watch_app: Make
) -> None:
    other, run = make_run(150, name="other"), make_run(100)
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        chart = screen.query_one("#loss-chart", LineChart)
        for there in (True, False):
            await pilot.press("R")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunPicker))
            picker = pilot.app.screen
            picker.dismiss(other.folder.path)
            await until(
                pilot,
                lambda there=there: any("other" in name for name in chart.value_at(1e9)) is there,
            )


async def test_f_turns_to_the_newest_run(
    make_run: Make, watch_app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(100)
    newer = make_run(120, name="newer")
    order = [newer.folder.path, run.folder.path]
    monkeypatch.setattr("dltui.runs.layout.run_folders", lambda runs: order)
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("f")
        await until(pilot, lambda: screen.snapshot and screen.snapshot.name == "newer")
        assert "now watching" in log_text(screen.query_one(LogPane))
        order.insert(0, run.folder.path)
        await pilot.press("f")
        assert not screen.following


async def test_e_writes_every_step_to_a_file(
    make_run: Make, watch_app: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(60)
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        await pilot.press("e")
        file = tmp_path / f"{run.folder.path.name}.csv"
        await until(pilot, file.exists)
        rows = file.read_text().splitlines()
        assert "train/loss" in file.read_text()
        assert len(rows) > 60


@pytest.mark.parametrize("seed", range(6))
def test_random_bytes_in_every_file_leave_a_reading_or_a_reason(make_run: Make, seed: int) -> None:
    run, chance = make_run(100), random.Random(seed)
    run.log_files = [path for path in run.folder.path.rglob("*") if path.is_file()]
    recording = Recording(run.folder.path)
    assert recording.read(recording._wanted) is not None
    for path in run.log_files:
        data = bytearray(path.read_bytes())
        how = chance.choice(("flip", "cut", "junk"))
        if how == "cut":
            data = data[: chance.randint(0, len(data))]
        elif how == "junk":
            data = bytearray(chance.randbytes(chance.randint(1, 400)))
        for _ in range(20 if how == "flip" and data else 0):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(bytes(data))
    for reader in (recording, Recording(run.folder.path)):
        reader.read(reader._wanted)
        snapshot = reader.snapshot
        assert snapshot is not None
        assert snapshot.trouble or snapshot.state
        assert all(text.isprintable() for text in (snapshot.name, snapshot.state))


async def test_a_fault_while_reading_is_shown_and_reading_goes_on(
    make_run: Make, watch_app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dltui.ui.feed.ENDED_POLL_S", 0.05)
    run = make_run(100)
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        usual = Recording.read

        def broken(*_: object) -> None:
            raise ZeroDivisionError("an [odd] fault")

        monkeypatch.setattr(Recording, "read", broken)
        await until(pilot, lambda: "ZeroDivisionError: an [odd] fault" in banner(screen))
        monkeypatch.setattr(Recording, "read", usual)
        await until(pilot, lambda: not screen.query_one("#banner").has_class("-shown"))
        run.write(5)
        await until(pilot, lambda: screen.snapshot.curves["train/loss"].measured == 105)


async def test_a_starting_run_says_what_it_is_doing(make_run: Make, watch_app: Make) -> None:
    run = make_run(0)
    run.folder.metric_log("train").unlink()
    run.status = replace(run.status, state="starting", step=0, message="importing torch")
    run.tick()
    async with watch_app(run).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        waiting = screen.query_one(LossPane).query_one(".pane--waiting", Lines)
        await until(pilot, lambda: waiting.lines and "importing torch" in text_of(waiting.lines[0]))
        run.status = replace(run.status, message="reading 60,000 images")
        run.tick()
        await until(pilot, lambda: "reading 60,000 images" in text_of(waiting.lines[0]))
        assert "starting: reading 60,000 images" in screen.query_one(RunHeader).text
        layers = screen.query_one(LayersPane).query_one(".pane--waiting", Lines)
        await pilot.press("3")
        await until(pilot, lambda: "reading 60,000 images" in text_of(layers.lines[0]))
        compiling = "compiling the model; the first step comes after that"
        run.status = replace(run.status, state="running", message=compiling)
        run.tick()
        await until(pilot, lambda: text_of(layers.lines[0]) == f"{compiling} …")


async def test_layout_and_charts_are_as_they_were_left(make_run: Make, tmp_path: Path) -> None:
    run, file = make_run(), tmp_path / "settings.json"

    def app() -> App[int]:
        return DltuiApp(tmp_path, open_runs=(run.folder.path,), settings=Settings(file))

    async with app().run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        screen.action_toggle_log()
        screen.action_smooth(1)
        await pilot.press("7", "x")
        await until(pilot, lambda: "system" in seen(screen))
    async with app().run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: "system" in seen(screen))
        assert screen.axis == "epoch"
        assert all(chart.log_y and chart.smoothing == 0.5 for chart in screen.query(LineChart))


async def test_the_mouse_focuses_tabs_and_panes_sorts_and_reads_values(
    make_run: Make, watch_app: Make
) -> None:
    async with watch_app(make_run()).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        table, chart = screen.query_one(Table), screen.query_one("#loss-chart", LineChart)
        await until(pilot, lambda: table.rows and chart.x_range)
        await pilot.click(Table, offset=(3, 2))
        await until(pilot, lambda: table.has_focus and screen.active == "layers")
        await pilot.click(Table, offset=(3, 0))
        assert table.sort_column == 0
        await pilot.hover("#loss-chart", offset=(30, 4))
        await until(pilot, lambda: chart.cursor is not None)
        await pilot.click("#pane-tabs", offset=(12, 0))
        await until(pilot, lambda: screen.active == "metrics")


async def test_the_keys_of_the_run_fit_into_eighty_columns(make_run: Make, watch_app: Make) -> None:
    async with watch_app(make_run()).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        for number in range(1, 10):
            await pilot.press(str(number))
            await pilot.pause(0.1)
            line = screen.query_one(KeyLine)
            keys = {words.split(" ")[0] for words in line.text.split("  ")}
            assert {"space", "l", "c", "s", "d", "z", "?"} <= keys
            assert len(line.text) < 80


async def test_figures_that_the_machine_lacks_are_said_to_be_absent(
    make_run: Make, watch_app: Make
) -> None:
    async with watch_app(make_run()).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("7")
        figures = screen.query_one(SystemPane).figures
        await until(pilot, lambda: figures.lines)
        text = "\n".join(map(text_of, figures.lines))
        assert "waiting for data  " in text
        assert [line for line in text.splitlines() if "power" in line and "N/A" in line]


def test_the_log_keeps_its_order_when_the_clock_goes_back() -> None:
    def line(time_s: float, message: str) -> LogLine:
        return LogLine(time_s, None, "log", "info", message)

    log = [line(5, "a"), line(3, "b"), line(5, "c"), line(9, "d")]
    found = in_order(log, [line(5, "note"), line(20, "end")])
    assert [each.message for each in found] == ["a", "b", "c", "note", "d", "end"]
