"""What a person sees of a run, and what the keys do."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from dltui.ui.panes.header import RunHeader
from dltui.ui.panes.lines import Lines, text_of
from dltui.ui.panes.log import LogPane, log_text
from dltui.ui.panes.pane import Pane
from dltui.ui.panes.table import Table
from dltui.ui.screens.dialogs import Ask, Confirm
from dltui.ui.screens.watch_layout import PLACES, mode
from dltui.ui.widgets.line_chart import LineChart
from tests.ui.watch.driving import Make, opened, seen, until


def commands(run: Any) -> list[dict[str, Any]]:
    files = sorted(run.folder.inbox.glob("*.json"))
    return [json.loads(path.read_text()) for path in files]


@pytest.mark.parametrize(
    ("size", "panes"),
    [
        ((80, 24), {"loss"}),
        ((120, 36), {"loss", "layers", "histograms", "outcomes", "log"}),
        ((200, 50), {place.pane for place in PLACES} - {"recipe"}),
        ((20, 5), set()),
    ],
)
async def test_the_panes_that_fit_are_shown(
    make_run: Make, watch_app: Make, size: tuple[int, int], panes: set[str]
) -> None:
    async with watch_app(make_run()).run_test(size=size) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: seen(screen) == panes)


def test_a_terminal_below_the_minimum_is_told_so_at_every_size() -> None:
    assert mode(59, 40) == mode(200, 15) == "-too-small"
    assert mode(80, 24) == mode(300, 29) == "-single"
    assert mode(120, 36) == "-grid"
    assert mode(300, 100) == "-columns"
    assert mode(300, 100, zoomed=True) == "-single"


async def test_number_keys_open_each_pane_in_a_small_terminal(
    make_run: Make, watch_app: Make
) -> None:
    async with watch_app(make_run()).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        for number, place in enumerate(PLACES, 1):
            await pilot.press(str(number))
            await until(pilot, lambda place=place: seen(screen) == {place.pane})
            await until(pilot, lambda: screen.focused is not None)


async def test_the_header_says_name_state_epoch_and_speed(make_run: Make, watch_app: Make) -> None:
    async with watch_app(make_run(210)).run_test(size=(140, 36)) as pilot:
        screen = await opened(pilot)
        text = screen.query_one(RunHeader).text
        for part in ("synthetic", "● running", "epoch 10.5/20", "52 %", "ETA", "6,400 samples/s"):
            assert part in text


async def test_zoom_shows_one_pane_and_goes_back(make_run: Make, watch_app: Make) -> None:
    async with watch_app(make_run()).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("3", "z")
        await until(pilot, lambda: seen(screen) == {"layers"})
        await pilot.press("escape")
        await until(pilot, lambda: len(seen(screen)) == 5)


async def test_a_run_opens_with_all_panes_after_one_was_left_zoomed(
    make_run: Make, watch_app: Make
) -> None:
    run = make_run()
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("z")
        await until(pilot, lambda: len(seen(screen)) == 1)
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(seen(screen)) == 5)


async def test_space_pauses_and_lets_go_on(make_run: Make, watch_app: Make) -> None:
    run = make_run()
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("space")
        assert [command["kind"] for command in commands(run)] == ["pause"]
        run.obey()
        await until(pilot, lambda: screen.snapshot.state == "paused")
        assert "‖ paused" in screen.query_one(RunHeader).text
        assert "pause: done at 200" in log_text(screen.query_one(LogPane))
        await pilot.press("space")
        assert [command["kind"] for command in commands(run)] == ["resume"]


async def test_c_asks_for_a_checkpoint_and_s_stops_after_a_yes(
    make_run: Make, watch_app: Make
) -> None:
    run = make_run()
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        await pilot.press("c", "s")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("n")
        assert [command["kind"] for command in commands(run)] == ["checkpoint"]
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: commands(run)[-1]["kind"] == "stop")


async def test_l_takes_a_learning_rate_and_refuses_what_is_none(
    make_run: Make, watch_app: Make
) -> None:
    run = make_run()
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        field = pilot.app.screen.query_one("Input")
        field.value = "fast"
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, Ask)
        field.value = "3e-4"
        await pilot.press("enter")
        await until(pilot, lambda: commands(run))
        assert commands(run)[0]["args"] == {"lr": 3e-4}


async def test_a_key_at_the_wrong_moment_says_why(make_run: Make, watch_app: Make) -> None:
    run = make_run(400)
    run.end("finished")
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("space", "r")
        text = log_text(screen.query_one(LogPane))
        assert "cannot pause: the run is finished" in text
        assert "a fork" in text
        assert commands(run) == []


async def test_a_dead_run_shows_why_and_the_end_of_its_log(make_run: Make, watch_app: Make) -> None:
    run = make_run()
    run.folder.worker_log.write_text("step 199\nKilled \x1b[31mby the kernel\n")
    run.end("died")
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: screen.snapshot.state == "died")
        banner = "\n".join(map(text_of, screen.query_one("#banner", Lines).lines))
        assert "vanished" in banner
        assert "Killed by the kernel" in banner
        assert "r resumes" in banner


async def test_d_leaves_the_training_alone(make_run: Make, watch_app: Make) -> None:
    run = make_run()
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("d")
        await until(pilot, lambda: pilot.app.screen is not screen)
        assert commands(run) == []


async def test_nothing_is_drawn_while_nothing_happens(make_run: Make, watch_app: Make) -> None:
    run = make_run(400)
    run.end("finished")
    async with watch_app(run).run_test(size=(200, 50)) as pilot:
        screen = await opened(pilot)
        await pilot.pause(0.5)
        drawn = [lines.lines_drawn for lines in screen.query(Lines)]
        shown, polls = screen.snapshot, screen.feed.polls
        screen.feed.want()
        await until(pilot, lambda: screen.feed.polls > polls)
        await pilot.pause(0.2)
        assert [lines.lines_drawn for lines in screen.query(Lines)] == drawn
        assert screen.snapshot is shown


async def test_new_points_come_by_themselves(make_run: Make, watch_app: Make) -> None:
    run = make_run(100)
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        run.write(50)
        run.tick()
        chart = screen.query_one("#loss-chart", LineChart)
        await until(pilot, lambda: screen.snapshot.curves["train/loss"].measured == 150)
        await until(pilot, lambda: chart.value_at(150).get("train") is not None)
        assert chart.value_at(1e9)["train"] == screen.snapshot.last("train/loss")


async def test_x_turns_the_axis_of_every_chart(make_run: Make, watch_app: Make) -> None:
    async with watch_app(make_run()).run_test(size=(200, 50)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: seen(screen))
        for axis in ("epoch", "time", "samples", "step"):
            await pilot.press("x")
            await until(
                pilot,
                lambda axis=axis: {chart.x_label for chart in screen.query(LineChart)} == {axis},
            )


async def test_the_layer_under_the_cursor_is_the_one_of_the_histograms(
    make_run: Make, watch_app: Make
) -> None:
    async with watch_app(make_run()).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(screen.focused, Table))
        await pilot.press("down")
        await until(pilot, lambda: screen.snapshot.ridge.name == "stage0.conv1.weight")
        await pilot.press("4", "w")
        await until(pilot, lambda: screen.snapshot.ridge.kind == "gradients")


async def test_the_layer_table_sorts_by_key(make_run: Make, watch_app: Make) -> None:
    async with watch_app(make_run()).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("3")
        table = screen.query_one(Table)
        await until(pilot, lambda: table.has_focus and table.rows)
        await pilot.press("o", "o")
        norms = [row.order[1] for row in table.rows]
        assert norms == sorted(norms, reverse=True)
        await pilot.press("O")
        assert [row.order[1] for row in table.rows] == sorted(norms)


async def test_confusion_scrubs_back_and_opens_examples(make_run: Make, watch_app: Make) -> None:
    async with watch_app(make_run()).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("5")
        await until(pilot, lambda: screen.focused is not None and screen.active == "outcomes")
        await pilot.press("less_than_sign")
        await until(pilot, lambda: screen.snapshot.confusion.index == 8)
        await pilot.press("right", "enter")
        await until(pilot, lambda: pilot.app.screen is not screen)
        assert "predicted 1" in pilot.app.screen.sheet_title
        assert len(pilot.app.screen.examples) == 4


@pytest.mark.parametrize(
    ("task", "kind"), [("next_token", "TextsPane"), ("regress", "PredictionsPane")]
)
async def test_the_fifth_pane_follows_the_task(
    make_run: Make, watch_app: Make, task: str, kind: str
) -> None:
    async with watch_app(make_run(task=task)).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        pane = screen.query_one("#outcomes", Pane)
        assert type(pane).__name__ == kind
        await until(pilot, lambda: "-waiting" not in pane.classes and pane.readings())
        await pilot.press("5", "less_than_sign")
        await until(pilot, lambda: "9/10" in pane._title)


async def test_question_mark_reads_the_values_out(make_run: Make, watch_app: Make) -> None:
    async with watch_app(make_run()).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: pilot.app.screen is not screen)
        assert any("train/loss is" in line for line in pilot.app.screen.readings)


async def test_garbage_in_the_folder_and_its_removal_are_survived(
    make_run: Make, watch_app: Make
) -> None:
    run = make_run()
    (run.folder.metrics / "junk.rank0.log").write_bytes(b"\x00garbage" * 40)
    (run.folder.arrays / "confusion.log").write_bytes(b"\xff" * 400)
    with run.folder.events.open("ab") as file:
        file.write(b'{"half": \n\xff\xfe\n')
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        assert screen.snapshot.last("train/loss") > 0
        shutil.rmtree(run.folder.path)
        await until(pilot, lambda: screen.snapshot.trouble)
        assert "gone" in text_of(screen.query_one("#banner", Lines).lines[0])


async def test_foreign_text_is_never_read_as_markup(make_run: Make, watch_app: Make) -> None:
    run = make_run(name="run", classes=("[red]cat", "\x1b]0;x\x07dog"))
    run.events.append("log", "[bold]loud[/bold] \x1b[2J done", step=200)
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: screen.snapshot.confusion)
        assert screen.snapshot.confusion.classes == ("[red]cat", "dog")
        assert "[bold]loud[/bold]  done" in log_text(screen.query_one(LogPane))
