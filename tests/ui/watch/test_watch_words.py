"""What the watch screen says: of keys in vain, of leaving, of layers, and what it remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual.widgets._toast import Toast

from dltui.ui.app import DltuiApp
from dltui.ui.panes.curves import MetricsPane
from dltui.ui.panes.layers import LayersPane, fitting_columns
from dltui.ui.panes.lines import text_of
from dltui.ui.screens.watch import WatchScreen
from dltui.ui.settings import Settings
from tests.ui.watch.driving import Make, seen, until


def in_state(run: Any, state: str) -> Any:
    run.status = replace(run.status, state=state)
    run.tick()
    return run


async def test_a_key_pressed_thrice_in_vain_is_answered_once(
    make_run: Make,
) -> None:
    app = DltuiApp(open_runs=(in_state(make_run(), "finished").folder.path,))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = app.screen
        assert isinstance(screen, WatchScreen)
        await until(pilot, lambda: screen.snapshot is not None and not screen.snapshot.live)
        await pilot.press("c", "c", "l")
        await until(pilot, lambda: len(screen.query(Toast)) == 1)
        assert "learning rate" in str(screen.query_one(Toast).render())


@pytest.mark.parametrize(
    ("state", "keys", "words"),
    [
        ("running", "d", "goes on training"),
        ("paused", "d", "stays paused"),
        ("stopping", "d", "is stopping after saving a checkpoint"),
        ("running", "s y d", "is stopping after saving a checkpoint"),
    ],
)
async def test_leaving_says_what_becomes_of_the_run(
    state: str, keys: str, words: str, make_run: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    run = in_state(make_run(), state)
    app = DltuiApp(open_runs=(run.folder.path,))
    async with app.run_test(size=(120, 36)) as pilot:
        screen = app.screen
        assert isinstance(screen, WatchScreen)
        await until(pilot, lambda: screen.snapshot is not None)
        for key in keys.split():
            await pilot.press(key)
    assert words in " ".join(capsys.readouterr().err.split())


async def test_the_pane_in_front_is_remembered_for_each_task(make_run: Make) -> None:
    classify, regress = make_run(), make_run(task="regress")
    settings = Settings()

    async def front(run: Any, *keys: str) -> str:
        app = DltuiApp(open_runs=(run.folder.path,), settings=settings)
        async with app.run_test(size=(120, 36)) as pilot:
            screen = app.screen
            assert isinstance(screen, WatchScreen)
            await until(pilot, lambda: screen.snapshot is not None)
            await pilot.press(*keys)
            await pilot.pause()
            return next(pane for pane in ("layers", "system") if pane in seen(screen))

    assert await front(classify, "7") == "system"
    assert await front(regress) == "layers"
    assert await front(classify) == "system"


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_tab_zoom_and_explanation_are_of_the_pane_that_was_brought_back(
    make_run: Make, size: tuple[int, int]
) -> None:
    run, settings = make_run(), Settings()
    for keys in (["2"], []):
        app = DltuiApp(open_runs=(run.folder.path,), settings=settings)
        async with app.run_test(size=size) as pilot:
            screen = app.screen
            assert isinstance(screen, WatchScreen)
            await until(pilot, lambda screen=screen: screen.snapshot is not None)
            await pilot.press(*keys)
            await until(pilot, lambda screen=screen: screen.active == "metrics")
            await pilot.press("z")
            await until(pilot, lambda screen=screen: seen(screen) == {"metrics"})
            assert screen.active_pane is screen.query_one(MetricsPane)


async def test_layer_names_keep_their_ends_where_it_is_narrow(make_run: Make) -> None:
    run = in_state(make_run(), "finished")
    app = DltuiApp(open_runs=(run.folder.path,))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = app.screen
        assert isinstance(screen, WatchScreen)
        await until(pilot, lambda: screen.snapshot is not None and screen.snapshot.layers)
        table = screen.query_one(LayersPane).table
        await until(pilot, lambda: len(table.lines) > 1)
        names = [layer.name for layer in screen.snapshot.layers]
        assert [text_of(line).split()[0] for line in table.lines[1:]] == names


def test_columns_make_room_for_names_and_notes_stay() -> None:
    assert fitting_columns(120, 40, noted=True) == (0, 1, 2, 3, 4, 5, 6)
    assert fitting_columns(46, 22, noted=False) == (0, 1, 2, 5)
    assert fitting_columns(46, 22, noted=True) == (0, 1, 2, 6)
    assert fitting_columns(56, 5, noted=True) == (0, 1, 2, 4, 5, 6)


async def test_a_key_right_after_a_panes_number_is_that_panes(make_run: Make) -> None:
    app = DltuiApp(open_runs=(make_run().folder.path,))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen
        assert isinstance(screen, WatchScreen)
        await until(pilot, lambda: screen.snapshot is not None and screen.snapshot.ridge)
        first = screen.snapshot.ridge.name
        for key in ("4", "n", "3", "o", "o"):
            app.post_message(events.Key(key, key))
        table = screen.query_one(LayersPane).table
        await until(pilot, lambda: table.sort_column == 1)
        await until(pilot, lambda: screen.snapshot.ridge.name != first)
        assert seen(screen) == {"layers"}
